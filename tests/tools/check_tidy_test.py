"""tools/check-tidy checks what changed, remembers what passed, and never a failure.

clang-tidy and ninja are stood in for by scripts: the first writes down which files it is given and
fails where a file says so, the second prints which headers a compilation read.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "check-tidy"

CLANG_TIDY = """#!/bin/sh
if [ "$1" = --version ]; then echo "${TIDY_VERSION:-1}"; exit; fi
for file; do :; done
basename "$file" >> "$CHECKED"
if grep -q WRONG "$file"; then echo "$file: wrong"; exit 1; fi
"""

NINJA = """#!/bin/sh
echo "a.o: #deps 2, deps mtime 1 (VALID)"
echo "    ../a.cc"
echo "    ../a.h"
echo
echo "b.o: #deps 1, deps mtime 1 (${B_STATE:-VALID})"
echo "    ../b.cc"
"""


class CheckTidyTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        for name, text in {"clang-tidy": CLANG_TIDY, "ninja": NINJA}.items():
            (self.root / name).write_text(text)
            (self.root / name).chmod(0o755)
        self.build = self.root / "build"
        self.build.mkdir()
        for name in ("a.cc", "a.h", "b.cc"):
            (self.root / name).write_text(f"// {name}\n")
        self.write_commands("-O2")

    def write_commands(self, flags):
        (self.build / "compile_commands.json").write_text(json.dumps([
            {"directory": str(self.build), "file": str(self.root / f"{name}.cc"),
             "command": f"c++ {flags} -o {name}.o -c {self.root}/{name}.cc"} for name in "ab"]))

    def check(self, *arguments, status=0, **environment):
        """Runs the program; returns the names of the files that clang-tidy was given."""
        log = self.root / "checked"
        log.write_text("")
        result = subprocess.run(
            [sys.executable, PROGRAM, "--build", self.build, *arguments],
            env={**os.environ, "PATH": f"{self.root}:{os.environ['PATH']}", "CHECKED": str(log),
                 "SHARDTAIL_CACHE": str(self.root / "cache"), **environment},
            capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (status, ""))
        self.output = result.stdout
        return sorted(log.read_text().split())

    def test_what_passed_is_not_checked_again(self):
        self.assertEqual(self.check(), ["a.cc", "b.cc"])
        self.assertEqual(self.check(), [])

    def test_a_changed_header_has_its_readers_checked_again(self):
        self.check()
        (self.root / "a.h").write_text("// changed\n")
        self.assertEqual(self.check(), ["a.cc"])

    def test_a_changed_command_line_or_version_has_all_checked_again(self):
        self.check()
        self.write_commands("-O0")
        self.assertEqual(self.check(), ["a.cc", "b.cc"])
        self.assertEqual(self.check(TIDY_VERSION="2"), ["a.cc", "b.cc"])

    def test_a_failure_is_shown_and_not_remembered(self):
        (self.root / "b.cc").write_text("WRONG\n")
        for _ in range(2):
            self.assertIn("b.cc", self.check(status=1))
            self.assertIn("b.cc: wrong", self.output)

    def test_a_file_that_is_not_built_is_always_checked(self):
        for _ in range(2):
            self.assertIn("b.cc", self.check(B_STATE="STALE"))

    def test_only_the_files_that_were_asked_for(self):
        self.assertEqual(self.check(str(self.root / "b.cc")), ["b.cc"])

    def test_a_directory_without_a_build(self):
        (self.build / "compile_commands.json").unlink()
        self.assertEqual(self.check(status=1), [])
        self.assertIn("holds no build", self.output)


if __name__ == "__main__":
    unittest.main()
