"""A copy under load that is killed, loses its primary, its Kafka, or the oplog's begin: it goes on.

    SHARDTAIL_KILLS   how often (20)
    SHARDTAIL_SCALE   of the documents (1)
    SHARDTAIL_SEED    of the run to repeat; it is printed
"""

from __future__ import annotations

import base64
import json
import os
import random
import unittest
from typing import Any

import bson
from bson import Timestamp

from integration.harness.capture import Capture
from integration.harness.case import SEED
from integration.harness.copy_case import SCALE, CopyTest, size_of
from integration.harness.copy_load import DATABASE, CopyLoad
from integration.harness.file_capture import FileCapture
from integration.harness.history import last_marks
from integration.harness.mongo import ReplicaSet
from integration.harness.oplog import roll_over
from integration.harness.waiting import wait_for

KILLS = int(os.environ.get("SHARDTAIL_KILLS", "20"))
DOCUMENTS = int(20_000 * SCALE)
BYTES = int(25_000_000 * SCALE)  # about, of the events of a copy
SLOW = {
    "database.include.list": DATABASE,
    "initial.sync.max.threads": "4",
    "snapshot.max.documents.per.second": str(int(8000 * SCALE)),
}


class Resume(CopyTest):
    def test_killed_again_and_again(self) -> None:
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        chooser = random.Random(SEED)
        replica_set = self.start_replica_set(members=1)
        load = CopyLoad(replica_set, "4.4", DOCUMENTS, SEED, pad=1000)
        load.fill()
        capture = FileCapture(self.scratch(), replica_set, SLOW)
        within = 0
        done: list[tuple[int, list[Range]]] = []  # with the number of records before
        with load:
            for _ in range(KILLS):
                capture.shardtail.start()
                if chooser.random() < 0.15:
                    self.wait_for_another_range(capture)
                else:
                    self.wait_for_size(
                        capture, size_of(capture) + chooser.randrange(BYTES // KILLS))
                capture.shardtail.kill()
                within += capture.position is None
                if ranges := recorded(capture, "plain"):
                    done.append((len(capture.records()), ranges))
            capture.shardtail.start()
            self.finish(replica_set, load, capture)
        records = capture.records()
        print(f"{KILLS} kills, {within} during the copy; recorded ranges: "
              f"{[len(ranges) for _, ranges in done]}", flush=True)
        self.assertGreaterEqual(within, KILLS // 4)
        self.assertGreater(len(done), 0)
        self.assert_copied(replica_set, load, records, restarted=True)
        self.assert_last_is_last(records)
        topic = f"dbserver1.{DATABASE}.plain"
        for before, ranges in done:
            again = [record.key for record in records[before:]
                     if record.is_snapshot and record.topic == topic
                     and is_in(json.loads(json.loads(record.key)["id"]), ranges)]
            self.assert_nothing(again, f"documents copied again that were recorded in {ranges}")

    def test_the_primary_is_killed(self) -> None:
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        replica_set = self.start_replica_set(name="failing")
        load = CopyLoad(replica_set, "4.4", DOCUMENTS, SEED, pad=1000, through_faults=True)
        load.fill()
        capture = FileCapture(self.scratch(), replica_set, SLOW)
        with load:
            capture.shardtail.start()
            self.wait_for_size(capture, BYTES // 4)
            first = replica_set.primary()
            first.kill()
            wait_for("another primary", lambda: replica_set.primary() is not first)
            self.assertIsNone(capture.position, "the copy was complete before: make it slower")
            first.start()
            self.finish(replica_set, load, capture)
        records = capture.records()
        self.assert_copied(replica_set, load, records, restarted=True)
        self.assert_last_is_last(records)

    def test_kafka_is_away(self) -> None:
        """And then the process is killed, with its offsets in Kafka."""
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        replica_set = self.start_replica_set(name="steady", members=1)
        broker = self.start_broker(partitions=3)
        load = CopyLoad(replica_set, "4.4", DOCUMENTS, SEED, pad=1000)
        load.fill()
        capture = Capture(self.scratch(), replica_set, broker, schemas=False, properties={
            # What is read while Kafka is away is little.
            **SLOW, "initial.sync.max.threads": "1", "producer.buffer.memory": "1000000",
            "snapshot.max.documents.per.second": str(int(2000 * SCALE))})
        with load:
            capture.shardtail.start()
            self.wait_for_records(capture, DOCUMENTS // 4)
            broker.stop()
            load.wait(300, capture.alive)
            broker.start()
            self.wait_for_records(capture, DOCUMENTS // 2)
            self.assertIsNone(capture.position, "the copy was complete before: make it slower")
            capture.shardtail.kill()
            capture.shardtail.start()
            self.finish(replica_set, load, capture)
        records = capture.records()
        self.assert_copied(replica_set, load, records, restarted=True)
        self.assertEqual(len(last_marks(records)), 1)

    def test_the_oplog_rolls_over(self) -> None:
        """The copy takes longer than the oplog reaches back, and loses nothing."""
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        replica_set = self.start_short_oplog(name="small")
        load = CopyLoad(replica_set, "4.4", DOCUMENTS, SEED, pad=1000, threads=1)
        load.fill()
        begin = replica_set.last_optime()
        capture = FileCapture(self.scratch(), replica_set, {
            **SLOW, "snapshot.max.documents.per.second": str(int(1500 * SCALE))})
        with load:
            capture.shardtail.start()
            wait_for("the copy's begin", lambda: capture.alive() and capture.offset is not None)
            # A small part of the oplog at a time, so that the stream keeps up.
            roll_over(replica_set, begin, step=200_000,
                      after_each=lambda: self.wait_for_stream(replica_set, capture))
            self.assertIsNone(capture.position, "the copy was complete before: make it slower")
            self.finish(replica_set, load, capture)
        records = capture.records()
        self.assertNotIn("position lost", capture.shardtail.log)
        self.assert_copied(replica_set, load, records)
        self.assert_last_is_last(records)

    @staticmethod
    def wait_for_another_range(capture: FileCapture) -> None:
        before = recorded(capture, "plain")
        wait_for("another range that is recorded", interval=0.01, condition=lambda: (
            capture.alive() and (recorded(capture, "plain") != before or capture.position)))

    @staticmethod
    def wait_for_records(capture: Capture, goal: int) -> None:
        wait_for(f"{goal} records", lambda: capture.alive() and capture.record_count() >= goal)

    @staticmethod
    def wait_for_stream(replica_set: ReplicaSet, capture: FileCapture) -> None:
        written = replica_set.last_optime()
        wait_for("the stream after what was written", lambda: capture.alive() and
                 has_come_to(capture.offset, written))


Range = tuple[Any, Any]  # from, up to; None: open


def recorded(capture: FileCapture, collection: str) -> list[Range]:
    """The ranges of _ids that the offset file says are copied."""
    for value in capture.stored().values():
        progress = json.loads(value or b"{}")
        if isinstance(progress, dict) and progress.get("ns") == f"{DATABASE}.{collection}":
            return [(bound(copied, "min"), bound(copied, "max")) for copied in progress["copied"]]
    return []


def bound(copied: dict[str, Any], name: str) -> Any:
    return bson.decode(base64.b64decode(copied[name]))["_id"] if name in copied else None


def is_in(id: Any, ranges: list[Range]) -> bool:
    """Of numbers and strings, which come after all numbers."""
    def order(value: Any) -> tuple[bool, Any]:
        return isinstance(value, str), value

    return any((low is None or order(low) <= order(id)) and (high is None or order(id) < order(high))
               for low, high in ranges)


def has_come_to(offset: dict[str, Any] | None, optime: Timestamp) -> bool:
    return offset is not None and (offset["sec"], offset["ord"]) >= (optime.time, optime.inc)


if __name__ == "__main__":
    unittest.main()
