"""SIGTERM and a new start, ten times under load: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import random
import unittest
from collections import Counter, defaultdict

from golden.records import Record
from integration.harness.capture import Capture
from integration.harness.case import SEED, IntegrationTest
from integration.harness.delivery import lost_documents, out_of_order, source_documents
from integration.harness.load import DATABASES, NAMESPACES, WriteLoad, fill, mark_end
from integration.harness.oplog import Change, changes, published_change
from integration.harness.waiting import wait_for

STOPS = 10
DOCUMENTS = 500  # in each collection


class Stop(IntegrationTest):
    def test_each_change_is_published_exactly_once(self) -> None:
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        chooser = random.Random(SEED)
        # Its updates are `$v: 2` diffs: the replay shows what becomes of them, too.
        replica_set = self.start_replica_set("6.0")
        documents = fill(replica_set, DOCUMENTS, SEED)
        before = replica_set.last_optime()
        capture = Capture(self.scratch(), replica_set, self.start_broker(partitions=4),
                          schemas=False)
        capture.shardtail.start()
        capture.wait_for_snapshot()

        with WriteLoad(replica_set, DOCUMENTS, SEED) as load:
            for _ in range(STOPS):
                goal = capture.record_count() + chooser.randint(1, 1500)
                wait_for(f"{goal} records", interval=0.002,
                         condition=lambda: capture.alive() and capture.record_count() >= goal)
                capture.shardtail.stop(seconds=10)
                capture.shardtail.start()
            load.stop()
            mark_end(replica_set)
        end = capture.wait_until_caught_up()
        capture.shardtail.stop(seconds=10)

        records = capture.records()
        copied = [record for record in records if record.is_snapshot]
        self.assertEqual((len(copied), len({(r.topic, r.key) for r in copied})),
                         (documents, documents))
        self.assert_nothing(out_of_order(records), "breaks of the order per key")
        self.assert_published_once(changes(replica_set, before, end, DATABASES), records)
        source = source_documents(replica_set, NAMESPACES)
        self.assert_nothing(lost_documents(source, records), "documents lost, stale or left over")

    def assert_published_once(self, happened: list[Change], records: list[Record]) -> None:
        published = [change for change in map(published_change, records) if change]
        print(f"{len(happened)} changes", flush=True)
        self.assert_nothing((change for change, times in Counter(published).items() if times > 1),
                            "changes published twice")
        self.assert_nothing(sorted(set(happened) - set(published)), "changes not published")
        self.assert_nothing(sorted(set(published) - set(happened)), "changes that never were")
        by_partition = defaultdict(list)
        for record in records:
            change = published_change(record)
            if change:
                by_partition[record.topic, record.partition].append(change.position)
        for partition, positions in by_partition.items():
            self.assertEqual(positions, sorted(positions), partition)


if __name__ == "__main__":
    unittest.main()
