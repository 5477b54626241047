"""A chunk that moves during the first copy: after its new shard was copied, and before its old one.

Neither shard has it when its turn comes, and nothing of it comes by the oplog.
"""

from __future__ import annotations

import unittest

from integration.harness.case import IntegrationTest
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.delivery import lost_documents
from integration.harness.replay import strict
from integration.harness.waiting import wait_for

DOCUMENTS = 6000
PER_SECOND = 400  # so that the copy lasts far longer than the move


class Moving:
    """The test; a class below for each server version."""

    version: str

    def test_it_is_copied_again(self) -> None:
        cluster = self.start_cluster(self.version)
        cluster.create_sharded("shop.orders", DOCUMENTS * 9 // 10)
        documents = [{"_id": number, "k": number} for number in range(DOCUMENTS)]
        with cluster.shards["shA"].client() as client:
            client["shop"]["orders"].insert_many(documents)
        capture = ClusterCapture(
            self.scratch(), cluster, self.start_broker(),
            {"database.include.list": "shop", "snapshot.streaming": "concurrent",
             "snapshot.max.documents.per.second": str(PER_SECOND)})
        capture.shardtail.start()
        wait_for("the copy of shB, which has nothing",
                 lambda: capture.alive() and "shB" in capture.positions())
        self.assertNotIn("shA", capture.positions(), "the copy was too fast for this test")
        cluster.move_chunk("shop.orders", DOCUMENTS - 1, "shB")
        self.assertNotIn("shA", capture.positions(), "the copy was too fast for this test")

        def lost() -> list[object]:
            return lost_documents({"cluster.shop.orders": [strict(each) for each in documents]},
                                  capture.records())

        wait_for("the copy of shA", lambda: capture.alive() and "shA" in capture.positions())
        wait_for("all documents", lambda: capture.alive() and not lost())
        capture.shardtail.stop()
        self.assertIn("is copied again", capture.shardtail.log)


class BetweenProcesses(IntegrationTest):
    """The two shards belong to different processes, of which one comes later."""

    def test_it_is_copied_again(self) -> None:
        cluster = self.start_cluster("6.0")
        cluster.create_sharded("shop.orders", DOCUMENTS * 9 // 10)
        documents = [{"_id": number, "k": number} for number in range(DOCUMENTS)]
        with cluster.shards["shA"].client() as client:
            client["shop"]["orders"].insert_many(documents)
        broker = self.start_broker()
        of_shard_a, of_shard_b = (
            ClusterCapture(self.scratch() / str(index), cluster, broker, {
                "database.include.list": "shop", "snapshot.streaming": "concurrent",
                "shard.assignment.count": "2", "shard.assignment.index": str(index)})
            for index in range(2))
        of_shard_b.shardtail.start()
        of_shard_b.wait_for_snapshot("shB")
        cluster.move_chunk("shop.orders", DOCUMENTS - 1, "shB")
        of_shard_b.wait_until_caught_up("shB")
        of_shard_a.shardtail.start()
        of_shard_a.wait_for_snapshot("shA")
        wait_for("all documents", lambda: of_shard_b.alive() and not lost_documents(
            {"cluster.shop.orders": [strict(each) for each in documents]}, of_shard_b.records()))
        of_shard_a.shardtail.stop()
        of_shard_b.shardtail.stop()
        self.assertNotIn("is copied again", of_shard_a.shardtail.log)
        self.assertIn("is copied again", of_shard_b.shardtail.log)


class MovingOf44(Moving, IntegrationTest):
    version = "4.4"


class MovingOf50(Moving, IntegrationTest):
    version = "5.0"


class MovingOf60(Moving, IntegrationTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
