"""SIGKILL at random moments of snapshot and stream, under load: nothing is lost, order is kept.

    SHARDTAIL_KILLS   how often (24)
    SHARDTAIL_SEED    of the run to repeat; it is printed
"""

from __future__ import annotations

import os
import random
import threading
import unittest

from bson import Timestamp

from golden.records import Record
from integration.harness.capture import Capture
from integration.harness.case import SEED, IntegrationTest
from integration.harness.delivery import lost_documents, out_of_order, source_documents
from integration.harness.kafka import KafkaBroker
from integration.harness.load import DATABASES, NAMESPACES, WriteLoad, fill, mark_end
from integration.harness.mongo import ReplicaSet
from integration.harness.oplog import changes, published_change
from integration.harness.replay import payload, replay
from integration.harness.waiting import wait_for

KILLS = int(os.environ.get("SHARDTAIL_KILLS", "24"))
DOCUMENTS = 12_000  # in each collection


class Kill(IntegrationTest):
    replica_set: ReplicaSet
    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set("4.4")
        cls.broker = cls.start_broker(partitions=4)

    def capture(self, flush_interval: str, database: str | None = None) -> Capture:
        return Capture(self.scratch(), self.replica_set, self.broker, schemas=False,
                       database=database, properties={
                           # Slow enough to be hit within.
                           "snapshot.max.documents.per.second": "6000",
                           "offset.flush.interval.ms": flush_interval})

    def test_a_document_deleted_after_it_was_copied_leaves_no_ghost(self) -> None:
        """The first copy is cut off at its beginning; the second no longer finds what it made."""
        capture = self.capture("3000", "ghosts")  # the kill comes before the first of these
        capture.offsets.create()
        with self.replica_set.client() as client:
            documents = client["ghosts"]["c"]
            documents.insert_many([{"_id": number} for number in range(30_000)])
            capture.shardtail.start()
            wait_for("the first documents", interval=0.002,
                     condition=lambda: capture.alive() and capture.record_count() > 0)
            capture.shardtail.kill()
            copied = replay(capture.records())["dbserver1.ghosts.c"]
            self.assertLess(len(copied), 30_000)
            documents.delete_many({"_id": {"$in": [document["_id"] for document in copied]}})
            capture.shardtail.start()
            capture.wait_until_caught_up()
            capture.shardtail.stop()
            source = source_documents(self.replica_set, [("ghosts", "c")])
            client.drop_database("ghosts")
        self.assert_nothing(lost_documents(source, capture.records()), "documents left over")

    def test_nothing_is_lost_and_each_key_is_in_order(self) -> None:
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        chooser, replica_set, capture = random.Random(SEED), self.replica_set, self.capture("1000")
        before = replica_set.last_optime()
        documents = fill(replica_set, DOCUMENTS, SEED)

        with WriteLoad(replica_set, DOCUMENTS, SEED) as load:
            during_snapshot = self.kill_during_snapshot(capture, documents, chooser)
            capture.shardtail.start()
            capture.wait_for_snapshot()
            capture.shardtail.kill()
            for _ in range(KILLS - KILLS // 3 - 1):
                self.kill_while_streaming(capture, chooser)
            load.stop()
            mark_end(replica_set)
        capture.shardtail.start()
        end = capture.wait_until_caught_up()
        capture.shardtail.stop()

        # The other test's topics hold a snapshot of an earlier position.
        records = [record for record in capture.records()
                   if record.topic.split(".")[1] in DATABASES]
        print(f"{KILLS} kills, {during_snapshot} within a snapshot, {load.operations} operations, "
              f"{len(records)} records", flush=True)
        self.assertGreaterEqual(during_snapshot, KILLS // 6)
        source = source_documents(replica_set, NAMESPACES)
        self.assert_nothing(lost_documents(source, records), "documents lost, stale or left over")
        self.assert_nothing(out_of_order(records), "breaks of the order per key")
        self.assert_every_change_was_published(replica_set, before, end, records)

    def kill_during_snapshot(self, capture: Capture, documents: int,
                             chooser: random.Random) -> int:
        """Kills after a random number of documents; returns how often that hit a snapshot."""
        hits, kills = 0, KILLS // 3
        for _ in range(kills):
            written = capture.record_count()
            # The copy goes on where it was: half of the documents for all runs but the last.
            goal = written + chooser.randrange(max(documents // kills, 2))
            capture.shardtail.start()
            wait_for(f"{goal} records", interval=0.002,
                     condition=lambda: capture.alive() and capture.record_count() >= goal)
            capture.shardtail.kill()
            hits += capture.position is None and capture.record_count() > written
        return hits

    def kill_while_streaming(self, capture: Capture, chooser: random.Random) -> None:
        """Kills after a random number of events, or after a random time, start-up included."""
        capture.shardtail.start()
        if chooser.random() < 0.3:
            threading.Event().wait(chooser.uniform(0, 0.6))
        else:
            goal = capture.record_count() + chooser.randint(1, 1500)
            wait_for(f"{goal} records", interval=0.002, condition=lambda: (
                capture.alive() and capture.record_count() >= goal))
        capture.shardtail.kill()

    def assert_every_change_was_published(self, replica_set: ReplicaSet, before: Timestamp,
                                          end: Timestamp, records: list[Record]) -> None:
        """All of the oplog from the snapshot's end on, whatever the documents are now.

        What came before is in the snapshot, or in the stream.
        """
        published = {published_change(record) for record in records} - {None}
        start = max((event["source"]["ts_ms"] // 1000, event["source"]["ord"])
                    for event in map(payload, records) if event and event["op"] == "r")
        self.assert_nothing(
            [change for change in changes(replica_set, before, end, DATABASES)
             if (change.position.sec, change.position.ord) > start and change not in published],
            "changes not published")


if __name__ == "__main__":
    unittest.main()
