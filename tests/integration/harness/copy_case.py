"""What the tests of the snapshot inside the stream have in common."""

from __future__ import annotations

import os

from golden.records import Record
from integration.harness.case import IntegrationTest
from integration.harness.copy_load import DATABASE, CopyLoad
from integration.harness.delivery import lost_documents, source_documents
from integration.harness.file_capture import FileCapture
from integration.harness.history import copies, history_breaks, last_marks
from integration.harness.mongo import ReplicaSet
from integration.harness.waiting import wait_for

SCALE = float(os.environ.get("SHARDTAIL_SCALE", "1"))  # of the documents to copy


class CopyTest(IntegrationTest):
    def assert_copied(self, replica_set: ReplicaSet, load: CopyLoad, records: list[Record], *,
                      restarted: bool = False) -> None:
        """The topics are the source, by histories that the documents had; `last` is at the end."""
        topics = {f"dbserver1.{database}.{name}" for database, name in load.namespaces}
        judged = [record for record in records if record.topic in topics]
        times = copies(judged)
        print(f"{load.operations} operations, {len(times)} documents copied by "
              f"{sum(times.values())} events of {len(judged)}", flush=True)
        self.assertGreater(len(times), 0)
        self.assert_nothing(
            history_breaks(judged, restarted=restarted,
                           ahead={f"dbserver1.{DATABASE}.{name}" for name in load.read_as_now}),
            "breaks of a history")
        self.assert_nothing(
            lost_documents(source_documents(replica_set, load.namespaces), judged),
            "documents lost, stale or left over")
        self.assert_nothing(
            sorted({record.topic for record in records} - topics - {f"dbserver1.{DATABASE}.end"}),
            "topics of what is no collection of documents")

    def assert_last_is_last(self, records: list[Record]) -> None:
        """In the order of all topics: with a file alone."""
        self.assertEqual(last_marks(records), [sum(copies(records).values()) - 1])

    def wait_for_size(self, capture: FileCapture, size: int) -> None:
        """Bytes of events."""
        wait_for(f"{size} bytes of events", interval=0.002,
                 condition=lambda: capture.alive() and size_of(capture) >= size)

    def finish(self, replica_set: ReplicaSet, load: CopyLoad, capture: FileCapture,
               operations: int = 300) -> None:
        """Some more operations when the copy is complete, and all of them captured."""
        capture.wait_for_snapshot(seconds=180)
        load.wait(operations)
        load.stop()
        self.mark_end(replica_set)
        capture.wait_until_caught_up()
        capture.shardtail.stop()

    @staticmethod
    def mark_end(replica_set: ReplicaSet) -> None:
        """Makes a write the last entry: a stored position of its optime then means all of it."""
        with replica_set.client() as client:
            client[DATABASE]["end"].update_one({"_id": "end"}, {"$inc": {"times": 1}}, upsert=True)


def size_of(capture: FileCapture) -> int:
    return capture.events_path.stat().st_size if capture.events_path.exists() else 0
