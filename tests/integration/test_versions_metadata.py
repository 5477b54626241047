"""Heartbeats and transaction metadata are Debezium 1.3.1's."""

from __future__ import annotations

import json
import re
import unittest

from golden.deviations import expected_records
from golden.records import Record, golden_records
from golden.transaction_metadata import comparable, expected_metadata
from integration.harness.capture import Capture
from integration.harness.goldens import GoldenTest
from integration.harness.kafka import KafkaBroker
from integration.harness.topics import RecordCounter, read_topics
from integration.harness.waiting import wait_for

HEARTBEATS = "__debezium-heartbeat.dbserver1"
METADATA = "dbserver1.transaction"
TIME = re.compile(rb'"payload":\{"ts_ms":\d{13}\}\}$')


class GoldenRecordsOfMetadata(GoldenTest):
    def test_heartbeats(self) -> None:
        capture, records = self.captured("heartbeat")
        expected = [record for record in expected_records(self.server, "heartbeat")
                    if record.topic != HEARTBEATS]
        self.assert_same(expected, records)
        self.assert_offset_is_debeziums(capture, "heartbeat")
        self.assert_heartbeats_are_debeziums(capture.broker)
        self.assert_heartbeats_go_on_when_nothing_happens(capture)

    def test_transaction_metadata(self) -> None:
        _, records = self.captured("txmeta_noapply", apply_ops=False)
        golden = golden_records(self.server, "txmeta_noapply")
        expected = expected_records(self.server, "txmeta_noapply")
        self.assert_same(without(METADATA, expected), without(METADATA, records))
        self.assertEqual(comparable(only(METADATA, records)), expected_metadata(golden))

    def assert_heartbeats_are_debeziums(self, broker: KafkaBroker) -> None:
        golden = only(HEARTBEATS, golden_records(self.server, "heartbeat"))[0]
        heartbeats = read_topics(broker.bootstrap, HEARTBEATS)
        self.assertTrue(heartbeats)
        for record in heartbeats:
            self.assertRegex(record.value, TIME)
            self.assertEqual((record.key, TIME.sub(b"", record.value), record.headers,
                              record.partition),
                             (golden.key, TIME.sub(b"", golden.value), (), 0))
        times = [json.loads(record.value)["payload"]["ts_ms"] for record in heartbeats]
        self.assertEqual(times, sorted(times))

    def assert_heartbeats_go_on_when_nothing_happens(self, capture: Capture) -> None:
        """Debezium's come with an oplog entry only."""
        counter = RecordCounter(capture.broker.bootstrap, HEARTBEATS)
        capture.shardtail.start()
        capture.wait_until_caught_up()
        before = counter.count()
        wait_for("five more heartbeats", lambda: capture.alive() and counter.count() >= before + 5)
        capture.shardtail.stop()


def only(topic: str, records: list[Record]) -> list[Record]:
    return [record for record in records if record.topic == topic]


def without(topic: str, records: list[Record]) -> list[Record]:
    return [record for record in records if record.topic != topic]


if __name__ == "__main__":
    unittest.main()
