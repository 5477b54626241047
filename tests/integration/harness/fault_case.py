"""What the tests of faults have in common: the source, the capture, and the verdict at the end."""

from __future__ import annotations

from collections import Counter

from bson import Timestamp

from integration.harness.capture import Capture
from integration.harness.case import SEED, IntegrationTest
from integration.harness.delivery import lost_documents, out_of_order, source_documents
from integration.harness.load import DATABASES, NAMESPACES, fill
from integration.harness.mongo import MongoNode, ReplicaSet
from integration.harness.oplog import changes, published_change
from integration.harness.replay import payload
from integration.harness.waiting import wait_for

DOCUMENTS = 300  # in each collection


class FaultTest(IntegrationTest):
    def start_capture(self, replica_set: ReplicaSet, *, hosts: str | None = None,
                      properties: dict[str, str] | None = None) -> tuple[Capture, Timestamp]:
        """A capture that has copied some documents, and where the oplog ended before it began."""
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        fill(replica_set, DOCUMENTS, SEED)
        before = replica_set.last_optime()
        capture = Capture(self.scratch(), replica_set, self.start_broker(partitions=4),
                          schemas=False, properties=properties, hosts=hosts)
        capture.shardtail.start()
        capture.wait_for_snapshot()
        return capture, before

    def assert_delivered(self, capture: Capture, before: Timestamp, end: Timestamp,
                         member: MongoNode | None = None) -> None:
        """Each change from `before` to `end` exactly once, nothing else, and each key in order.

        By the oplog of the primary, or of `member` where the primary's does not reach back so far.
        """
        records = capture.records()
        events = [change for change in map(published_change, records) if change]
        happened = changes(capture.replica_set, before, end, DATABASES, member)
        print(f"{len(happened)} changes, the latest {self.longest_delay(capture)} ms late",
              flush=True)
        self.assertGreater(len(happened), 0)
        self.assert_nothing(sorted(set(happened) - set(events)), "changes not published")
        self.assert_nothing(sorted(set(events) - set(happened)), "changes that never were")
        self.assert_nothing((change for change, times in Counter(events).items() if times > 1),
                            "changes published twice")
        self.assert_nothing(out_of_order(records), "breaks of the order per key")
        self.assert_nothing(
            lost_documents(source_documents(capture.replica_set, NAMESPACES), records),
            "documents lost, stale or left over")

    @staticmethod
    def wait_for_more(capture: Capture, records: int) -> None:
        goal = capture.record_count() + records
        wait_for(f"{goal} records",
                 lambda: capture.alive() and capture.record_count() >= goal)

    @staticmethod
    def longest_delay(capture: Capture) -> int:
        """Milliseconds from a change to its event; a change's own time is known to the second."""
        return max((event["ts_ms"] - event["source"]["ts_ms"]
                    for event in map(payload, capture.records())
                    if event is not None and event["op"] != "r"), default=0)
