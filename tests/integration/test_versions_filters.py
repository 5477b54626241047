"""What is left out, and what is renamed, is what Debezium 1.3.1 left out and renamed."""

from __future__ import annotations

import unittest

from integration.harness.goldens import GoldenTest


class GoldenRecordsOfFilters(GoldenTest):
    def test_included_databases(self) -> None:
        self.check("dbinclude")

    def test_excluded_fields(self) -> None:
        self.check("exclude")

    def test_renamed_fields(self) -> None:
        self.check("rename")

    def test_skipped_deletes(self) -> None:
        self.check("skipped_d")

    def test_skipped_updates(self) -> None:
        self.check("skipped_u")


if __name__ == "__main__":
    unittest.main()
