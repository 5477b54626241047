"""mongodb.hosts names the config server: its shards are found, added, drained and let go, under load."""

from __future__ import annotations

import unittest

from integration.harness.case import ClusterTest
from integration.harness.counting_load import count_breaks
from integration.harness.waiting import wait_for

DOCUMENTS = 30


class Discovery:
    """The tests; a class below for each server version."""

    def setUp(self) -> None:
        """Each test has a database of its own, with documents on both shards."""
        self.namespace = f"{self.own_database}.orders"
        self.cluster.create_sharded(self.namespace, DOCUMENTS // 3, DOCUMENTS * 2 // 3)
        self.cluster.move_chunk(self.namespace, DOCUMENTS, "shB")
        self.load = self.filled(self.namespace, DOCUMENTS)
        self.capture = self.new_capture(self.own_database)

    def assert_complete(self) -> None:
        self.assert_nothing(count_breaks(self.capture.records(), self.load.counts),
                            "documents lost or out of order")

    def test_both_shards_are_captured(self) -> None:
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()
        with self.load:
            self.load.wait(DOCUMENTS)
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
            self.load.wait(DOCUMENTS)
            self.capture.wait_until_caught_up("shC")
            port = added.primary().port
            self.assertGreater(self.capture.shardtail.connections_to(port), 0)
            self.load.wait(DOCUMENTS)
            self.cluster.remove_shard("shC", to="shB")
            end = added.last_optime()
            self.load.wait(DOCUMENTS)
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
            self.load.wait(DOCUMENTS)
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.assert_complete()
        self.assertEqual(self.capture.offsets.position("shC"), kept)

    def test_a_shard_that_is_added_while_nobody_reads_is_found_at_the_start(self) -> None:
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()
        self.capture.shardtail.stop()
        with self.load:
            self.load.wait(DOCUMENTS)
            self.cluster.add_shard("shD")
            for value in (0, DOCUMENTS):
                self.cluster.move_chunk(self.namespace, value, "shD")
            self.load.wait(DOCUMENTS)
            self.capture.shardtail.start()
            self.load.wait(DOCUMENTS)
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.assert_complete()


class DiscoveryOf44(Discovery, ClusterTest):
    version = "4.4"


class DiscoveryOf60(Discovery, ClusterTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
