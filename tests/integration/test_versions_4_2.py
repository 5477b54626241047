"""MongoDB 4.2 is captured as Debezium 1.3.1 captured it."""

from __future__ import annotations

import unittest

from integration.harness.goldens import GoldenTest


class GoldenRecordsOf42(GoldenTest):
    server = "4.2"

    def test_default_configuration(self) -> None:
        self.check("default")


if __name__ == "__main__":
    unittest.main()
