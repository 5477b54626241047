"""Other forms of the same events, and a transaction of several oplog entries."""

from __future__ import annotations

import unittest

from integration.harness.goldens import GoldenTest


class GoldenRecordsOfForms(GoldenTest):
    cache_gb = 1  # for the large transaction

    def test_the_first_form_of_the_source_block(self) -> None:
        self.check("v1")

    def test_sanitized_names(self) -> None:
        self.check("sanitize")

    def test_a_transaction_of_several_entries(self) -> None:
        self.check("bigtxn", phases=("stream", "bigtxn"))


if __name__ == "__main__":
    unittest.main()
