"""A real replica set is captured as Debezium 1.3.1 captured it: the same records, byte for byte.

The configurations that every user meets, on 4.4; test_versions_* have the others.
"""

from __future__ import annotations

import unittest

from integration.harness.goldens import GoldenTest


class GoldenRecords(GoldenTest):
    def test_default_configuration(self) -> None:
        self.check("default")

    def test_without_tombstones(self) -> None:
        self.check("notombstones")

    def test_without_schemas(self) -> None:
        self.check("noschema", schemas=False)


if __name__ == "__main__":
    unittest.main()
