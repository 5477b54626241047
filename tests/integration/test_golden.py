"""A real replica set is captured as Debezium 1.3.1 captured it: the same records, byte for byte.

The phases are those of the golden runs (tests/golden/README.md).
"""

from __future__ import annotations

import json
import os
import random
import re
import unittest
from dataclasses import replace
from pathlib import Path

from golden.comparison import differences
from golden.deviations import expected_of_us
from golden.masks import UUID, varying_positions
from golden.records import (Record, golden_offset, golden_properties, golden_records,
                            golden_replica_set)
from golden.workload import run as run_workload
from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import position_of

SERVER = "4.4"
OFFSET = re.compile(rb'\{"sec":\d+,"ord":\d+,"transaction_id":null,"h":null,"stxnid":(?:null|"' +
                    UUID + rb':\d+")(?:,"tord":\d+)?\}')


class GoldenRecords(IntegrationTest):
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # The name is in every record: the golden runs' own.
        cls.replica_set = cls.start_replica_set(SERVER, name=golden_replica_set(SERVER, "default"))

    def test_default_configuration(self) -> None:
        self.check("default")

    def test_without_tombstones(self) -> None:
        self.check("notombstones")

    def test_without_schemas(self) -> None:
        self.check("noschema", schemas=False)

    def check(self, configuration: str, *, schemas: bool = True) -> None:
        broker = self.start_broker(f"kafka-{configuration}")
        self.addCleanup(broker.stop)
        capture = Capture(self.scratch(), self.replica_set, broker, schemas=schemas,
                          properties=golden_properties(SERVER, configuration))

        self.run_phases(capture)

        records = capture.records()
        self.keep_for_inspection(records, configuration)
        expected = expected_of_us(golden_records(SERVER, configuration))
        self.assert_same(expected, records)
        self.assert_every_change_is_found(expected, records)
        self.assert_one_last(records)
        self.assert_offset_is_debeziums(capture, configuration)

    def run_phases(self, capture: Capture) -> None:
        port = self.replica_set.primary().port
        run_workload(port, ["clean", "pre"])
        capture.shardtail.start()
        capture.wait_for_snapshot()
        run_workload(port, ["stream"])
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        run_workload(port, ["after"])
        capture.shardtail.start()
        self.end = capture.wait_until_caught_up()
        capture.shardtail.stop()

    def assert_same(self, expected: list[Record], records: list[Record]) -> None:
        self.assert_nothing(differences(expected, records), "differences from Debezium")

    def assert_every_change_is_found(self, expected: list[Record], records: list[Record]) -> None:
        """The comparison above would have failed for any other byte in any record."""
        chooser = random.Random(131)
        with_value = [n for n, record in enumerate(records) if record.value is not None]
        for number in chooser.sample(with_value, 100):
            value = bytearray(records[number].value)
            fixed = set(range(len(value))) - varying_positions(bytes(value))
            position = chooser.choice(sorted(fixed))
            value[position] ^= 1
            changed = replace(records[number], value=bytes(value))
            ours = records[:number] + [changed] + records[number + 1:]
            self.assertEqual(len(differences(expected, ours)), 1,
                             f"byte {position} of record {number}")

    def assert_one_last(self, records: list[Record]) -> None:
        last = [record for record in records
                if record.value is not None and b'"snapshot":"last"' in record.value]
        self.assertEqual(len(last), 1, [record.topic for record in last])
        self.assertTrue(last[0].is_snapshot)

    def assert_offset_is_debeziums(self, capture: Capture, configuration: str) -> None:
        key, golden_value = golden_offset(SERVER, configuration)
        self.assertRegex(golden_value, OFFSET)
        stored = capture.offsets.latest()
        self.assertEqual(list(stored), [key])
        self.assertRegex(stored[key], rb"^" + OFFSET.pattern + rb"$")
        position = position_of(json.loads(stored[key]))
        self.assertGreaterEqual((position.sec, position.ord), (self.end.time, self.end.inc))

    def keep_for_inspection(self, records: list[Record], configuration: str) -> None:
        """Where SHARDTAIL_KEEP names a directory: what was captured, in the goldens' form."""
        if not os.environ.get("SHARDTAIL_KEEP"):
            return
        path = Path(os.environ["SHARDTAIL_KEEP"]) / f"{configuration}.jsonl"
        with path.open("w") as file:
            for record in records:
                print(json.dumps({
                    "topic": record.topic, "partition": record.partition,
                    "offset": record.offset, "headers": record.headers,
                    "key": record.key.decode(),
                    "value": record.value and record.value.decode()}, ensure_ascii=False),
                    file=file)


if __name__ == "__main__":
    unittest.main()
