"""Documents that lie on a shard which does not own them are not copied."""

from __future__ import annotations

import json
import unittest

from integration.harness.case import IntegrationTest
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.replay import payload

DOCUMENTS = 100


class Orphans:
    """The test; a class below for each server version."""

    version: str

    def test_each_document_is_copied_from_its_owner_alone(self) -> None:
        cluster = self.start_cluster(self.version)
        cluster.create_sharded("shop.orders", DOCUMENTS // 2)
        with cluster.collection("shop.orders") as orders:
            for number in range(DOCUMENTS):
                orders.insert({"_id": number, "k": number})
        cluster.move_chunk("shop.orders", DOCUMENTS // 2, "shB")
        # What migrations leave that were cut off: of the other's, an old state or a document alone.
        orphans = {"shA": [{"_id": 60, "k": 60, "old": True}, {"_id": "a", "k": 70}],
                   "shB": [{"_id": 3, "k": 3, "old": True}, {"_id": "b", "k": -1}]}
        for shard, documents in orphans.items():
            with cluster.shards[shard].client() as client:
                client["shop"]["orders"].insert_many(documents)
        with cluster.shards["shA"].client() as client:
            client["shop"]["plain"].insert_many([{"_id": number} for number in range(10)])

        capture = ClusterCapture(
            self.scratch(), cluster, self.start_broker(),
            {"database.include.list": "shop", "snapshot.streaming": "concurrent",
             "initial.sync.max.threads": "2"})
        capture.shardtail.start()
        capture.wait_for_snapshot()
        capture.shardtail.stop()
        copied: dict[str, list[dict]] = {}
        for record in capture.records():
            copied.setdefault(record.topic, []).append(json.loads(payload(record)["after"]))
        self.assertEqual(sorted(copied["cluster.shop.orders"], key=lambda order: order["k"]),
                         [{"_id": number, "k": number} for number in range(DOCUMENTS)])
        self.assertEqual(len(copied["cluster.shop.plain"]), 10)


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
