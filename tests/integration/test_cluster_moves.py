"""Documents move between shards with their whole collection: movePrimary, reshardCollection."""

from __future__ import annotations

import unittest

from integration.harness.case import ClusterTest
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.counting_load import count_breaks
from integration.harness.delivery import lost_documents
from integration.harness.replay import payload, strict

DOCUMENTS = 40


class MovePrimary:
    """The tests; a class below for each server version."""

    def capture(self, database: str) -> ClusterCapture:
        capture = self.new_capture(database)
        capture.shardtail.start()
        capture.wait_for_snapshot()
        return capture

    def test_what_is_not_sharded_moves_with_its_database(self) -> None:
        """The copies do not come out; each change afterwards comes after those before."""
        self.cluster.create_database("moved", "shA")
        capture = self.capture("moved")
        for round, owner in enumerate(("shA", "shB", "shA")):
            if round:
                self.cluster.move_primary("moved", owner)
            with self.cluster.shards[owner].client() as client:
                orders = client["moved"]["orders"]
                for id in range(DOCUMENTS):
                    orders.update_one({"_id": id}, {"$set": {"n": round}}, upsert=True)
                documents = [strict(document) for document in orders.find()]
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        records = [record for record in capture.records() if record.topic == "moved.moved.orders"]
        self.assert_nothing(lost_documents({"moved.moved.orders": documents}, records),
                            "documents differ")
        self.assertEqual([event["op"] for event in map(payload, records) if event],
                         ["c"] * DOCUMENTS + ["u"] * 2 * DOCUMENTS)


class MovePrimaryAndReshard(MovePrimary):
    cluster_options = {
        "options": ("--setParameter", "reshardingMinimumOperationDurationMillis=0")}

    def test_a_collection_is_resharded_under_load(self) -> None:
        namespace = "resharded.orders"
        self.cluster.create_sharded(namespace)
        load = self.filled(namespace, DOCUMENTS)
        capture = self.capture("resharded")
        with load:
            self.cluster.reshard(namespace, "_id", chunks=4)
            load.wait(DOCUMENTS)  # by the new key
        self.assertEqual({chunk.shard for chunk in self.cluster.chunks(namespace)},
                         {"shA", "shB"})
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        records = [record for record in capture.records()
                   if record.topic == f"resharded.{namespace}"]
        self.assert_nothing(count_breaks(records, load.counts), "documents out of order")
        with self.cluster.collection(namespace) as collection:
            documents = [strict(document) for document in collection.find()]
        self.assert_nothing(lost_documents({records[0].topic: documents}, records),
                            "documents differ")


class MovePrimaryOf42(MovePrimary, ClusterTest):
    version = "4.2"


class MovePrimaryOf44(MovePrimary, ClusterTest):
    version = "4.4"


class MovesOf50(MovePrimaryAndReshard, ClusterTest):
    version = "5.0"


class MovesOf60(MovePrimaryAndReshard, ClusterTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
