"""mongodb.hosts names the config server: its shards are found, added, drained and let go, under load."""

from __future__ import annotations

import os
import time
import unittest

from integration.harness.case import IntegrationTest
from integration.harness.cluster import ShardedCluster
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.counting_load import CountingLoad, count_breaks
from integration.harness.kafka import KafkaBroker
from integration.harness.waiting import wait_for

SEED = int(os.environ.get("SHARDTAIL_SEED") or time.time())
DOCUMENTS = 30
CHUNKS = 3


class Discovery:
    """The tests; a class below for each server version."""

    version: str
    cluster: ShardedCluster
    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        cls.cluster = cls.start_cluster(cls.version)
        cls.broker = cls.start_broker()

    def setUp(self) -> None:
        """Each test has a database of its own, with documents on both shards."""
        self.database = self.id().split(".")[-1][:38]
        self.namespace = f"{self.database}.orders"
        self.cluster.create_database(self.database, "shA")
        self.cluster.shard_collection(self.namespace)
        for number in range(1, CHUNKS):
            self.cluster.split(self.namespace, number * DOCUMENTS // CHUNKS)
        self.cluster.move_chunk(self.namespace, DOCUMENTS, "shB")
        self.load = CountingLoad(self.cluster, self.namespace, DOCUMENTS, SEED)
        self.load.fill()
        self.capture = ClusterCapture(
            self.scratch(), self.cluster, self.broker,
            {"database.include.list": self.database}, name=self.database)

    def wait_for_changes(self) -> None:
        before = self.load.changes
        wait_for("changes", lambda: self.load.changes >= before + DOCUMENTS)

    def assert_complete(self) -> None:
        self.assert_nothing(count_breaks(self.capture.records(), self.load.counts),
                            "documents lost or out of order")

    def test_both_shards_are_captured(self) -> None:
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()
        with self.load:
            self.wait_for_changes()
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.assert_complete()
        self.assertEqual(set(self.capture.offsets.latest()),
                         {self.capture.offsets.key(shard) for shard in self.cluster.shards})

    def test_a_shard_is_added_and_removed_under_load(self) -> None:
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()
        with self.load:
            added = self.cluster.add_shard("shC")
            for value in (0, DOCUMENTS):
                self.cluster.move_chunk(self.namespace, value, "shC")
            self.wait_for_changes()
            self.capture.wait_until_caught_up("shC")
            port = added.primary().port
            self.assertGreater(self.capture.shardtail.connections_to(port), 0)
            self.wait_for_changes()
            self.cluster.remove_shard("shC", to="shB")
            end = added.last_optime()
            self.wait_for_changes()
            wait_for("no connection to the removed shard",
                     lambda: self.capture.shardtail.connections_to(port) == 0)
        self.capture.wait_until_caught_up()
        self.assert_complete()
        kept = self.capture.offsets.position("shC")
        self.assertIsNotNone(kept)
        self.assertLessEqual((kept.sec, kept.ord), (end.time, end.inc))
        # The offset of a shard that is gone is not touched, and not in the way.
        self.capture.shardtail.stop()
        self.capture.shardtail.start()
        with self.load:
            self.wait_for_changes()
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.assert_complete()
        self.assertEqual(self.capture.offsets.position("shC"), kept)

    def test_a_shard_that_is_added_while_nobody_reads_is_found_at_the_start(self) -> None:
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()
        self.capture.shardtail.stop()
        with self.load:
            self.wait_for_changes()
            self.cluster.add_shard("shD")
            for value in (0, DOCUMENTS):
                self.cluster.move_chunk(self.namespace, value, "shD")
            self.wait_for_changes()
            self.capture.shardtail.start()
            self.wait_for_changes()
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.assert_complete()


class DiscoveryOf44(Discovery, IntegrationTest):
    version = "4.4"


class DiscoveryOf60(Discovery, IntegrationTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
