"""Copies on demand of a sharded cluster: one signal reaches all shards."""

from __future__ import annotations

import json
import unittest
from collections import Counter

from integration.harness.case import ClusterTest
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.delivery import lost_documents
from integration.harness.replay import payload, strict
from integration.harness.waiting import wait_for

NAMESPACE = "asked.c"
DOCUMENTS = 200


class ClusterSignals(ClusterTest):
    def test_one_signal_copies_on_every_shard(self) -> None:
        """Given on one shard; it is not given again where its collection moves to another."""
        cluster = self.cluster
        cluster.create_database("control", "shA")
        cluster.create_sharded(NAMESPACE, DOCUMENTS // 2)
        cluster.move_chunk(NAMESPACE, DOCUMENTS // 2, "shB")
        with cluster.collection(NAMESPACE) as collection:
            for number in range(DOCUMENTS):
                collection.insert({"_id": number, "k": number, "n": 0})
            capture = self.new_capture("asked", {
                "signal.data.collection": "control.signals",
                "notification.enabled.channels": "log"}, name="signalled")
            capture.shardtail.start()
            capture.wait_for_snapshot()

            self.give(cluster.shards["shA"], "first")
            self.wait_for_copies(capture, 2)
            collection.update({"k": 1}, {"$set": {"n": 1}})
            collection.update({"k": DOCUMENTS - 1}, {"$set": {"n": 1}})

            cluster.move_primary("control", "shB")
            capture.wait_until_caught_up()
            self.give(cluster.shards["shB"], "second")
            self.wait_for_copies(capture, 3)
            capture.wait_until_caught_up()
            capture.shardtail.stop()
            documents = [strict(document) for document in collection.find()]
        records = [record for record in capture.records()
                   if record.topic == f"signalled.{NAMESPACE}"]
        self.assert_nothing(lost_documents({f"signalled.{NAMESPACE}": documents}, records),
                            "documents lost, stale or left over")
        self.assertEqual(self.copies(capture), Counter(dict.fromkeys(range(DOCUMENTS), 3)))
        for signal in ("first", "second"):
            for shard in cluster.shards:
                self.assertEqual(capture.shardtail.log.count(
                    f"notification: Incremental Snapshot COMPLETED, id {signal}, "
                    f"replica_set: {shard}"), 1)

    @staticmethod
    def give(shard: object, id: str) -> None:
        with shard.client() as client:
            client["control"]["signals"].insert_one({
                "_id": id, "type": "execute-snapshot", "data": {"data-collections": [NAMESPACE]}})

    @staticmethod
    def copies(capture: ClusterCapture) -> Counter:
        """How often each document was copied."""
        return Counter(json.loads(event["after"])["_id"]
                       for event in map(payload, capture.records())
                       if event and event["op"] == "r")

    def wait_for_copies(self, capture: ClusterCapture, times: int) -> None:
        wait_for(f"{times} copies of each", interval=0.5, condition=lambda: capture.alive() and
                 self.copies(capture) == Counter(dict.fromkeys(range(DOCUMENTS), times)))


if __name__ == "__main__":
    unittest.main()
