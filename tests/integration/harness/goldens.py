"""Captures the golden runs' workload, and compares with what Debezium 1.3.1 wrote of it.

The phases are those of the golden runs (tests/golden/README.md).
"""

from __future__ import annotations

import json
import os
import random
import re
from dataclasses import replace
from pathlib import Path

from golden.comparison import differences
from golden.deviations import expected_records
from golden.masks import UUID, varying_positions
from golden.records import Record, golden_offset, golden_properties, golden_replica_set
from golden.workload import run as run_workload
from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import position_of

# `h` is a number up to MongoDB 4.2, and null later.
OFFSET = re.compile(rb'\{"sec":\d+,"ord":\d+,"transaction_id":null,"h":(?:null|0),"stxnid":'
                    rb'(?:null|"' + UUID + rb':\d+")(?:,"tord":\d+)?\}')


# The session and the number of a transaction, in a streamed event.
TRANSACTION = re.compile(rb'"stxnid":"(' + UUID + rb'):(\d+)"\},"op":"[cud]",')


def without_retries(records: list[Record]) -> list[Record]:
    """With the transaction numbers of the phase `bigtxn` as if none had been begun anew.

    A server may ask for that right after a large transaction.
    """
    found = {number: TRANSACTION.search(record.value) for number, record in enumerate(records)
             if record.value is not None}
    session = next(match[1] for number, match in found.items()
                   if match and records[number].topic == "dbserver1.wl.big")
    of_phase = {number: match for number, match in found.items() if match and match[1] == session}
    in_order = sorted({int(match[2]) for match in of_phase.values()})
    renumbered = list(records)
    for number, match in of_phase.items():
        value = (match.string[:match.start(2)] + b"%d" % (in_order.index(int(match[2])) + 1) +
                 match.string[match.end(2):])
        renumbered[number] = replace(records[number], value=value)
    return renumbered


# What comes under a captured name by a rename is copied, as Debezium does not: not these.
NOT_RENAMED = r"(?!(wl[.]outcoll|other[.]da_sh_moved)$).*"


class GoldenTest(IntegrationTest):
    """Tests of the configurations that were captured from one server version."""

    server = "4.4"
    cache_gb = 0.25
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # The name is in every record: the golden runs' own.
        cls.replica_set = cls.start_replica_set(
            cls.server, name=golden_replica_set(cls.server, "default"), cache_gb=cls.cache_gb)

    def check(self, configuration: str, *, schemas: bool = True,
              phases: tuple[str, ...] = ("stream",)) -> None:
        """Everything that a run with this configuration leaves is as in its golden."""
        capture, records = self.captured(configuration, schemas=schemas, phases=phases)
        expected = expected_records(self.server, configuration)
        if "bigtxn" in phases:
            expected, records = without_retries(expected), without_retries(records)
        self.assert_same(expected, records)
        self.assert_every_change_is_found(expected, records)
        self.assert_one_last(expected, records)
        self.assert_offset_is_debeziums(capture, configuration)

    def captured(self, configuration: str, *, schemas: bool = True, apply_ops: bool = True,
                 phases: tuple[str, ...] = ("stream",)) -> tuple[Capture, list[Record]]:
        """Makes the run, and returns it and its records.

        Transforms of the golden run are not ours to apply: they are a Kafka Connect worker's.
        """
        broker = self.broker_of(configuration)
        properties = {name: value for name, value in golden_properties(
            self.server, configuration).items() if not name.startswith("transforms")}
        capture = Capture(self.scratch(), self.replica_set, broker, schemas=schemas, properties={
            "snapshot.include.collection.list": NOT_RENAMED, **properties})
        self.run_phases(capture, phases, apply_ops)
        records = capture.records()
        self.keep_for_inspection(records, f"{self.server}-{configuration}")
        return capture, records

    def broker_of(self, configuration: str) -> KafkaBroker:
        """A broker of its own: the topics of all runs have the same names."""
        broker = self.start_broker(f"kafka-{configuration}")
        self.addCleanup(broker.stop)
        return broker

    def run_phases(self, capture: Capture, phases: tuple[str, ...], apply_ops: bool) -> None:
        port = self.replica_set.primary().port
        run_workload(port, ["clean", "pre"])
        capture.shardtail.start()
        capture.wait_for_snapshot()
        for phase in phases:  # each with clients, so with sessions, of its own
            run_workload(port, [phase], apply_ops=apply_ops)
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
            varying = varying_positions(bytes(value))
            position = chooser.choice([at for at in range(len(value)) if at not in varying])
            value[position] ^= 1
            changed = replace(records[number], value=bytes(value))
            ours = records[:number] + [changed] + records[number + 1:]
            self.assertEqual(len(differences(expected, ours)), 1,
                             f"byte {position} of record {number}")

    def assert_one_last(self, expected: list[Record], records: list[Record]) -> None:
        """As many as Debezium wrote: one, but for source.struct.version=v1, which has no word."""
        self.assertEqual(len(self._last(records)), len(self._last(expected)))
        for record in self._last(records):
            self.assertTrue(record.is_snapshot)

    @staticmethod
    def _last(records: list[Record]) -> list[Record]:
        return [record for record in records
                if record.value is not None and b'"snapshot":"last"' in record.value]

    def assert_offset_is_debeziums(self, capture: Capture, configuration: str) -> None:
        key, golden_value = golden_offset(self.server, configuration)
        self.assertRegex(golden_value, OFFSET)
        stored = capture.offsets.latest()
        self.assertEqual(list(stored), [key])
        self.assertRegex(stored[key], rb"^" + OFFSET.pattern + rb"$")
        self.assertEqual(json.loads(stored[key])["h"], json.loads(golden_value)["h"])
        position = position_of(json.loads(stored[key]))
        self.assertGreaterEqual((position.sec, position.ord), (self.end.time, self.end.inc))

    def keep_for_inspection(self, records: list[Record], name: str) -> None:
        """Where SHARDTAIL_KEEP names a directory: what was captured, in the goldens' form."""
        if not os.environ.get("SHARDTAIL_KEEP"):
            return
        path = Path(os.environ["SHARDTAIL_KEEP"]) / f"{name}.jsonl"
        with path.open("w") as file:
            for record in records:
                print(json.dumps({
                    "topic": record.topic, "partition": record.partition,
                    "offset": record.offset, "headers": record.headers,
                    "key": record.key.decode(),
                    "value": record.value and record.value.decode()}, ensure_ascii=False),
                    file=file)
