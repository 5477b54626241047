"""Documents move between shards with their whole collection: movePrimary, reshardCollection.

After the first copy nothing of that is to come out. During it the shard that they leave has not
copied all of them yet, and the one that they come to may have copied all that it had.
"""

from __future__ import annotations

import unittest

from integration.harness.case import ClusterTest
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.counting_load import count_breaks
from integration.harness.delivery import lost_documents
from integration.harness.replay import payload, strict
from integration.harness.waiting import wait_for

DOCUMENTS = 40
COPIED = 1500
PER_SECOND = 110  # of each shard, so that the copy lasts far longer than the move


class MovePrimary:
    """The tests; a class below for each server version."""

    def capture(self, database: str) -> ClusterCapture:
        capture = self.new_capture(database)
        capture.shardtail.start()
        capture.wait_for_snapshot()
        return capture

    def begin_copy(self, database: str) -> ClusterCapture:
        """Returns when the first documents have been copied."""
        capture = self.new_capture(database, {
            "snapshot.streaming": "concurrent",
            "snapshot.max.documents.per.second": str(PER_SECOND)})
        capture.shardtail.start()
        wait_for("the first document", lambda: capture.alive() and capture.records())
        self.assertNotIn("shA", capture.positions(), "the copy was too fast for this test")
        return capture

    def end_copy(self, capture: ClusterCapture, topic: str, documents: list[object]) -> None:
        """Stops the capture when it has published all of these."""
        wait_for("all documents", lambda: capture.alive() and not lost_documents(
            {topic: documents}, capture.records()))
        capture.shardtail.stop()
        self.assertIn("is copied again", capture.shardtail.log)

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

    def test_what_is_not_sharded_moves_while_it_is_copied(self) -> None:
        self.cluster.create_database("copied", "shA")
        with self.cluster.shards["shA"].client() as client:
            orders = client["copied"]["orders"]
            orders.insert_many([{"_id": id} for id in range(COPIED)])
            capture = self.begin_copy("copied")
            # No event of its own: the copy would have it.
            orders.update_one({"_id": COPIED - 1}, {"$set": {"n": 1}})
        self.cluster.move_primary("copied", "shB")
        with self.cluster.shards["shB"].client() as client:
            orders = client["copied"]["orders"]
            orders.update_many({"_id": {"$gte": COPIED - 2}}, {"$set": {"moved": True}})
            orders.delete_one({"_id": 0})
            documents = [strict(document) for document in orders.find()]
        self.end_copy(capture, "copied.copied.orders", documents)

    def test_what_is_dropped_while_it_is_copied_ends_its_copy(self) -> None:
        """And that of no other shard."""
        self.cluster.create_database("dropped", "shA")
        for shard in ("shA", "shB"):
            with self.cluster.shards[shard].client() as client:
                name = "orders" if shard == "shA" else "others"
                client["dropped"][name].insert_many([{"_id": id} for id in range(COPIED // 4)])
        capture = self.begin_copy("dropped")
        with self.cluster.shards["shA"].client() as client:
            client["dropped"]["orders"].drop()
        capture.wait_for_snapshot()
        capture.shardtail.stop()
        self.assertNotIn("is copied again", capture.shardtail.log)
        keys = [record.key for record in capture.records()
                if record.topic == "dropped.dropped.others"]
        self.assertEqual((len(keys), len(set(keys))), (COPIED // 4, COPIED // 4))


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

    def test_a_collection_is_resharded_while_it_is_copied(self) -> None:
        namespace = "recut.orders"
        self.cluster.create_sharded(namespace, COPIED // 2)
        with self.cluster.shards["shA"].client() as client:
            client["recut"]["orders"].insert_many(
                [{"_id": id, "k": id} for id in range(COPIED)])
        self.cluster.move_chunk(namespace, COPIED - 1, "shB")
        capture = self.begin_copy("recut")
        with self.cluster.collection(namespace) as orders:
            # No events of their own: the copies would have them.
            for id in (COPIED // 2 - 1, COPIED - 1):
                orders.update({"_id": id, "k": id}, {"$set": {"n": 1}})
        self.cluster.reshard(namespace, "_id", chunks=4)
        with self.cluster.collection(namespace) as orders:
            orders.update({"_id": 1}, {"$set": {"moved": True}})
            orders.delete({"_id": COPIED - 2})
            documents = [strict(document) for document in orders.find()]
        self.end_copy(capture, "recut.recut.orders", documents)


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
