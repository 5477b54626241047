"""Results are kept and merged, and the report shows them: needs no servers."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from comparison.report import catch_up_table
from comparison.results import Results, Stamp

OLD = Stamp("2026-01-01 10:00", "aaaa", "a machine")
NEW = Stamp("2026-01-02 10:00", "bbbb", "a machine")


class ResultsTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def results(self) -> Results:
        return Results(self.directory, "streaming")

    def add(self, system: str, stamp: Stamp, *rates: float) -> None:
        results = self.results()
        results.begin("inserts", system, stamp)
        for rate in rates:
            results.add("inserts", system, {"rate": rate, "received": {"p50": rate / 10}})

    def test_what_is_measured_anew_replaces_the_same_system_alone(self) -> None:
        self.add("shardtail", OLD, 10, 20)
        self.add("debezium-1.3", OLD, 1)
        self.add("shardtail", NEW, 30)
        results = self.results()
        self.assertEqual(results.values("inserts", "shardtail", "rate"), [30])
        self.assertEqual(results.stamp("inserts", "shardtail"), NEW)
        self.assertEqual(results.values("inserts", "debezium-1.3", "rate"), [1])
        self.assertEqual(results.stamp("inserts", "debezium-1.3"), OLD)

    def test_a_median_is_that_of_all_runs_also_inside_a_map(self) -> None:
        self.add("shardtail", OLD, 10, 30, 20)
        self.assertEqual(self.results().median("inserts", "shardtail", "rate"), 20)
        self.assertEqual(self.results().median("inserts", "shardtail", "received.p50"), 2)
        self.assertIsNone(self.results().median("inserts", "shardtail", "peak_mb"))
        self.assertIsNone(self.results().median("inserts", "nobody", "rate"))

    def test_a_table_compares_with_the_baseline_and_leaves_empty_columns_out(self) -> None:
        self.add("debezium-1.3", OLD, 1)
        self.add("shardtail", NEW, 18, 22, 20)
        lines = catch_up_table(self.results(), "inserts").splitlines()
        self.assertEqual(lines[2:], [
            "|  | changes/s | times debezium-1.3 | runs, when |",
            "| --- | ---: | ---: | ---: |",
            "| shardtail | **20** (18–22) | 20.0 | 3, 2026-01-02 10:00, `bbbb` |",
            "| debezium-1.3 | **1** (1–1) | 1.0 | 1, 2026-01-01 10:00, `aaaa` |"])


if __name__ == "__main__":
    unittest.main()
