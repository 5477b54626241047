"""A copy under write load, while the stream goes on: collections of every kind, 4.2 to 6.0.

    SHARDTAIL_SCALE   of the documents (1)
    SHARDTAIL_SEED    of the run to repeat; it is printed
"""

from __future__ import annotations

import unittest

from integration.harness.case import SEED
from integration.harness.copy_case import SCALE, CopyTest
from integration.harness.copy_load import DATABASE, CopyLoad
from integration.harness.delivery import lost_documents, source_documents
from integration.harness.file_capture import FileCapture
from integration.harness.mongo import ReplicaSet
from integration.harness.replay import payload
from integration.harness.shardtail import dotted
from integration.harness.transactions import TEST_COMMANDS

DOCUMENTS = int(12_000 * SCALE)


class Concurrent:
    """The tests; a class below for each server version."""

    version: str
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(cls.version, members=1, options=TEST_COMMANDS)

    def copy(self, collated_pad: int = 0, **properties: str) -> tuple[CopyLoad, FileCapture]:
        """Copies under load, and some time more."""
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        with self.replica_set.client() as client:
            client.drop_database(DATABASE)
        load = CopyLoad(self.replica_set, self.version, DOCUMENTS, SEED, pad=500,
                        collated_pad=collated_pad, prepared=True)
        load.fill()
        capture = FileCapture(self.scratch(), self.replica_set, {
            "database.include.list": DATABASE,
            "snapshot.max.documents.per.second": "6000",
            **dotted(properties)})
        with load:
            capture.shardtail.start()
            self.finish(self.replica_set, load, capture)
        return load, capture

    def changes_before_the_end(self, capture: FileCapture) -> int:
        """How many changes came before the copy's last `r` event."""
        events = [event for event in map(payload, capture.records()) if event]
        [last] = [number for number, event in enumerate(events)
                  if event["source"]["snapshot"] == "last"]
        return sum(event["op"] != "r" for event in events[:last])

    def check(self, threads: str) -> None:
        load, capture = self.copy(initial_sync_max_threads=threads)
        records = capture.records()
        self.assert_copied(self.replica_set, load, records)
        self.assert_last_is_last(records)
        self.assertGreater(self.changes_before_the_end(capture), 0)

    def test_with_one_thread(self) -> None:
        self.check("1")

    def test_with_four_threads(self) -> None:
        self.check("4")

    def test_what_cannot_be_cut(self) -> None:
        """More of it than is held at once: it goes out while it is read."""
        load, capture = self.copy(collated_pad=40_000_000 // DOCUMENTS * 10,
                                  initial_sync_max_threads="2")
        self.assertIn(f"{DATABASE}.collated cannot be cut by its _ids", capture.shardtail.log)
        records = capture.records()
        self.assert_copied(self.replica_set, load, records)
        self.assert_last_is_last(records)


class ConcurrentOf42(Concurrent, CopyTest):
    version = "4.2"


class ConcurrentOf44(Concurrent, CopyTest):
    version = "4.4"

    def test_the_stream_after_the_copy(self) -> None:
        """1.3's order: all `r` events first, and then again what changed meanwhile."""
        load, capture = self.copy(snapshot_streaming="after")
        records = capture.records()
        self.assert_nothing(
            lost_documents(source_documents(self.replica_set, load.namespaces), records),
            "documents lost, stale or left over")
        self.assert_last_is_last(records)
        self.assertEqual(self.changes_before_the_end(capture), 0)


class ConcurrentOf50(Concurrent, CopyTest):
    version = "5.0"


class ConcurrentOf60(Concurrent, CopyTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
