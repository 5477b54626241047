"""Documents move between shards with their whole collection: movePrimary, reshardCollection."""

from __future__ import annotations

import os
import time
import unittest

from integration.harness.case import IntegrationTest
from integration.harness.cluster import ShardedCluster
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.counting_load import CountingLoad, count_breaks
from integration.harness.delivery import lost_documents
from integration.harness.kafka import KafkaBroker
from integration.harness.replay import payload, strict
from integration.harness.waiting import wait_for

SEED = int(os.environ.get("SHARDTAIL_SEED") or time.time())
DOCUMENTS = 40


class MovePrimary:
    """The tests; a class below for each server version."""

    version: str
    options: tuple[str, ...] = ()
    cluster: ShardedCluster
    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        cls.cluster = cls.start_cluster(cls.version, options=cls.options)
        cls.broker = cls.start_broker()

    def capture(self, database: str) -> ClusterCapture:
        capture = ClusterCapture(self.scratch(), self.cluster, self.broker,
                                 {"database.include.list": database}, name=database)
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
    options = ("--setParameter", "reshardingMinimumOperationDurationMillis=0")

    def test_a_collection_is_resharded_under_load(self) -> None:
        namespace = "resharded.orders"
        self.cluster.create_database("resharded", "shA")
        self.cluster.shard_collection(namespace)
        load = CountingLoad(self.cluster, namespace, DOCUMENTS, SEED)
        load.fill()
        capture = self.capture("resharded")
        with load:
            self.cluster.reshard(namespace, "_id", chunks=4)
            before = load.changes
            wait_for("changes by the new key", lambda: load.changes >= before + DOCUMENTS)
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


class MovePrimaryOf42(MovePrimary, IntegrationTest):
    version = "4.2"


class MovePrimaryOf44(MovePrimary, IntegrationTest):
    version = "4.4"


class MovesOf50(MovePrimaryAndReshard, IntegrationTest):
    version = "5.0"


class MovesOf60(MovePrimaryAndReshard, IntegrationTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
