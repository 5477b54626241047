"""tools/check-instructions counts what it should, and fails when it should: no benchmark runs."""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import io
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parent.parent.parent / "tools" / "check-instructions"
loader = importlib.machinery.SourceFileLoader("check_instructions", str(TOOL))
spec = importlib.util.spec_from_loader(loader.name, loader)
assert spec is not None
tool = importlib.util.module_from_spec(spec)
loader.exec_module(tool)

# Own code takes 10 + 5, libbson 7, the C library 100; calls have their callee's cost behind them.
PROFILE = """\
version: 1
events: Ir
ob=(1) /home/a/stages_benchmark
fl=(1) a.cc
fn=(1) Publish
12 10
cob=(2) /usr/lib/x86_64-linux-gnu/libc.so.6
cfn=(2) memcpy
calls=3 0
13 100
+1 5
ob=(2)
fn=(2)
0 100
ob=(3) /usr/lib/x86_64-linux-gnu/libbson-1.0.so.0
fn=(3) bson_iter_next
* 7
totals: 122
"""


class OwnCost(unittest.TestCase):
    def test_is_each_line_once_without_the_c_library(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            profile = Path(directory) / "callgrind.out"
            profile.write_text(PROFILE)
            self.assertEqual(tool.own_cost(profile), 22)


class Compare(unittest.TestCase):
    def compare(self, counted: float) -> tuple[int, str]:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            return tool.compare({"Decode": counted}, {"Decode": 1000}), said.getvalue()

    def test_fails_above_the_margin_alone(self) -> None:
        self.assertEqual(self.compare(1029)[0], 0)
        self.assertEqual(self.compare(1031)[0], 1)

    def test_says_when_an_event_takes_less(self) -> None:
        status, said = self.compare(900)
        self.assertEqual(status, 0)
        self.assertIn("--update", said)

    def test_fails_for_a_stage_that_is_not_committed(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(tool.compare({"Decode": 1}, {}), 1)


if __name__ == "__main__":
    unittest.main()
