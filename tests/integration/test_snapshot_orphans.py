"""Documents that lie on a shard which does not own them are not copied."""

from __future__ import annotations

import json
import unittest
from collections.abc import Callable
from typing import Any

from integration.harness.case import IntegrationTest
from integration.harness.cluster import ShardedCluster
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.replay import payload

DOCUMENTS = 100
# By name, and how `_id`s are made. Those that are too large for a boundary make more than is held
# of one range on each shard.
COLLECTIONS: dict[str, Callable[[Any], Any]] = {
    "orders": lambda each: each, "uncut": lambda each: f"{each} {'x' * 400_000}"}


class Orphans:
    """The test; a class below for each server version."""

    version: str

    def test_each_document_is_copied_from_its_owner_alone(self) -> None:
        cluster = self.start_cluster(self.version)
        for name, long in COLLECTIONS.items():
            self.fill(cluster, f"shop.{name}", long)
        with cluster.shards["shA"].client() as client:
            client["shop"]["plain"].insert_many([{"_id": number} for number in range(10)])

        capture = ClusterCapture(
            self.scratch(), cluster, self.start_broker(),
            {"database.include.list": "shop", "snapshot.streaming": "concurrent",
             "initial.sync.max.threads": "2"})
        capture.shardtail.start()
        capture.wait_for_snapshot()
        capture.shardtail.stop()
        self.assertIn("shop.uncut cannot be cut by its _ids", capture.shardtail.log)
        copied: dict[str, list[dict]] = {}
        for record in capture.records():
            copied.setdefault(record.topic, []).append(json.loads(payload(record)["after"]))
        for name, long in COLLECTIONS.items():
            found = sorted(copied[f"cluster.shop.{name}"], key=lambda order: order["k"])
            self.assertEqual([order["k"] for order in found], list(range(DOCUMENTS)), name)
            self.assertTrue(all(order == {"_id": long(order["k"]), "k": order["k"]}
                                for order in found), name)
        self.assertEqual(len(copied["cluster.shop.plain"]), 10)

    def fill(self, cluster: ShardedCluster, name: str, long: Callable[[Any], Any]) -> None:
        """Half of the documents on each shard, and orphans on both."""
        cluster.create_sharded(name, DOCUMENTS // 2)
        with cluster.collection(name) as collection:
            for number in range(DOCUMENTS):
                collection.insert({"_id": long(number), "k": number})
        cluster.move_chunk(name, DOCUMENTS // 2, "shB")
        # What migrations leave that were cut off: of the other's, an old state or a document alone.
        orphans = {"shA": [{"_id": long(60), "k": 60, "old": True}, {"_id": long("a"), "k": 70}],
                   "shB": [{"_id": long(3), "k": 3, "old": True}, {"_id": long("b"), "k": -1}]}
        database, collection_name = name.split(".")
        for shard, documents in orphans.items():
            with cluster.shards[shard].client() as client:
                client[database][collection_name].insert_many(documents)


class OrphansOf42(Orphans, IntegrationTest):
    version = "4.2"


class OrphansOf44(Orphans, IntegrationTest):
    version = "4.4"


class OrphansOf50(Orphans, IntegrationTest):
    version = "5.0"


class OrphansOf60(Orphans, IntegrationTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
