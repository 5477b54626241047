"""MongoDB 5.0 is captured as Debezium 1.3.1 captured it, and its updates as those of 4.4."""

from __future__ import annotations

import unittest

from integration.harness.goldens import GoldenTest


class GoldenRecordsOf50(GoldenTest):
    server = "5.0"

    def test_default_configuration(self) -> None:
        self.check("default")


if __name__ == "__main__":
    unittest.main()
