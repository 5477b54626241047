"""A transaction of two shards appears on each at its commit, whole, or on none; 4.2 to 6.0.

The cluster is a real one, and so is the two-phase commit; one process reads each shard.
"""

from __future__ import annotations

import json
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pymongo.errors import OperationFailure

from integration.harness.case import IntegrationTest
from integration.harness.cluster import ShardedCluster, ShardedTransaction
from integration.harness.file_capture import FileCapture
from integration.harness.waiting import wait_for

Event = dict[str, Any]
SHARDS = ("shA", "shB")
NO_SUCH_TRANSACTION = 251


class ClusterTransactions:
    """The tests; a class below for each server version. shA has k < 0, shB the rest."""

    version: str
    cluster: ShardedCluster

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(cls.version)

    def setUp(self) -> None:
        """Each test has a database of its own, and captures it from before its first write."""
        self.namespace = f"{self.own_database}.orders"
        self.cluster.create_sharded(self.namespace, 0)
        self.cluster.move_chunk(self.namespace, 0, "shB")
        self.captures = {
            shard: FileCapture(self.scratch() / shard, self.cluster.shards[shard],
                               {"database.include.list": self.own_database}) for shard in SHARDS}
        for capture in self.captures.values():
            capture.shardtail.start()
        for capture in self.captures.values():
            capture.wait_for_snapshot()

    def insert(self, *ids: int) -> None:
        """Documents whose shard key is their _id."""
        with self.cluster.collection(self.namespace) as orders:
            for id in ids:
                orders.insert({"_id": id, "k": id})

    def several(self, transaction: ShardedTransaction) -> None:
        """Four operations on shA, of documents -1 and -2, two on shB, of 1 and 2."""
        transaction.insert("shA", self.namespace, {"_id": -1, "k": -1}, {"_id": -2, "k": -2})
        transaction.insert("shB", self.namespace, {"_id": 1, "k": 1}, {"_id": 2, "k": 2})
        transaction.update("shA", self.namespace, {"_id": -1}, {"$set": {"x": 1}})
        transaction.delete("shA", self.namespace, {"_id": -2})

    def finished(self) -> dict[str, list[Event]]:
        """Ends the captures once they have all; each shard's events."""
        for capture in self.captures.values():
            capture.wait_until_caught_up()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda capture: capture.shardtail.stop(), self.captures.values()))
        return {shard: [event["value"] for event in capture.events()
                        if event["value"] is not None]
                for shard, capture in self.captures.items()}

    def entries(self, shard: str, transaction: ShardedTransaction, **fields: Any) -> list[Event]:
        """The transaction's entries in the shard's oplog."""
        with self.cluster.shards[shard].client() as client:
            return list(client["local"]["oplog.rs"].find(
                {"lsid.id": transaction.lsid["id"], **fields}))

    def wait_for_entry(self, shard: str, transaction: ShardedTransaction, command: str) -> Event:
        # The coordinator may answer before every shard has heard of its decision.
        [entry] = wait_for(f"{command} on {shard}", lambda: self.entries(
            shard, transaction, **{f"o.{command}": 1}))
        return entry

    def assert_at_its_commit(self, transaction: ShardedTransaction, shard: str,
                             events: list[Event], commit: Event) -> None:
        """In the commit entry's position, numbered from 1, with the transaction's id."""
        sources = [event["source"] for event in events]
        self.assertEqual([source["tord"] for source in sources],
                         [*range(1, len(sources) + 1)])
        self.assertEqual(
            {(source["ts_ms"] // 1000, source["ord"], source["stxnid"], source["rs"])
             for source in sources},
            {(commit["ts"].time, commit["ts"].inc,
              f"{transaction.lsid['id'].as_uuid()}:1", shard)})

    def test_one_of_two_shards_appears_at_its_commit(self) -> None:
        with self.cluster.transaction("shA") as transaction:
            self.several(transaction)
            self.insert(-100, 100)
            transaction.commit()
        commits = {shard: self.wait_for_entry(shard, transaction, "commitTransaction")
                   for shard in SHARDS}
        self.assertEqual(len({commit["o"]["commitTimestamp"] for commit in commits.values()}), 1)
        events = self.finished()
        for shard, operations in {
                "shA": [("c", -100), ("c", -1), ("c", -2), ("u", -1), ("d", -2)],
                "shB": [("c", 100), ("c", 1), ("c", 2)]}.items():
            self.assertEqual([(event["op"], id_of(event)) for event in events[shard]],
                             operations)
            self.assertIsNone(events[shard][0]["source"]["tord"])
            self.assert_at_its_commit(transaction, shard, events[shard][1:], commits[shard])

    def test_one_that_fails_on_one_shard_appears_on_none(self) -> None:
        with self.cluster.transaction("shA") as transaction:
            self.several(transaction)
            transaction.abort("shB")
            with self.assertRaises(OperationFailure) as failure:
                transaction.commit()
            self.assertEqual(failure.exception.code, NO_SUCH_TRANSACTION)
        self.assert_nothing_of_it_appears()

    def test_one_that_both_have_prepared_and_aborted_appears_on_none(self) -> None:
        with self.cluster.transaction("shA") as transaction:
            self.several(transaction)
            transaction.prepare()
            self.insert(-100, 100)
            transaction.abort()
        for shard in SHARDS:
            self.assertEqual(len(self.entries(shard, transaction, **{"o.prepare": True})), 1)
            self.wait_for_entry(shard, transaction, "abortTransaction")
        self.assert_nothing_of_it_appears(-100, 100)

    def assert_nothing_of_it_appears(self, *others: int) -> None:
        self.insert(-200, 200)
        events = self.finished()
        for shard in SHARDS:
            self.assertEqual(
                [(event["op"], id_of(event)) for event in events[shard]],
                [("c", id) for id in [*others, -200, 200] if (id < 0) == (shard == "shA")])

    def test_a_changed_shard_key_is_a_delete_and_an_insert(self) -> None:
        """What a mongos makes of an update that moves a document to another shard."""
        self.insert(-1)
        with self.cluster.transaction("shA") as transaction:
            transaction.delete("shA", self.namespace, {"_id": -1, "k": -1})
            transaction.insert("shB", self.namespace, {"_id": -1, "k": 1})
            transaction.commit()
        commits = {shard: self.wait_for_entry(shard, transaction, "commitTransaction")
                   for shard in SHARDS}
        with self.cluster.collection(self.namespace) as orders:
            orders.update({"_id": -1, "k": 1}, {"$set": {"x": 1}})
        events = self.finished()
        self.assertEqual([(event["op"], id_of(event)) for event in events["shA"]],
                         [("c", -1), ("d", -1)])
        self.assertEqual([(event["op"], id_of(event)) for event in events["shB"]],
                         [("c", -1), ("u", -1)])
        self.assertEqual(json.loads(events["shB"][0]["after"]), {"_id": -1, "k": 1})
        self.assert_at_its_commit(transaction, "shA", events["shA"][1:], commits["shA"])
        self.assert_at_its_commit(transaction, "shB", events["shB"][:1], commits["shB"])

    def test_what_a_migration_copies_is_no_change(self) -> None:
        """Neither the recipient's inserts nor the donor's deletes come out, nor when it goes back."""
        self.insert(-2, -1, 1, 2)
        with self.cluster.collection(self.namespace) as orders:
            for to in ("shB", "shA"):
                self.cluster.move_chunk(self.namespace, -1, to)
                orders.update({"_id": -1, "k": -1}, {"$set": {"on": to}})
            documents = orders.find()
        self.assertEqual({document["_id"] for document in documents}, {-2, -1, 1, 2})
        for shard in SHARDS:
            with self.cluster.shards[shard].client() as client:
                copied = client["local"]["oplog.rs"].distinct(
                    "op", {"ns": self.namespace, "fromMigrate": True})
            self.assertGreaterEqual(set(copied), {"i", "d"}, shard)
        events = self.finished()
        self.assertEqual([(event["op"], id_of(event)) for event in events["shA"]],
                         [("c", -2), ("c", -1), ("u", -1)])
        self.assertEqual([(event["op"], id_of(event)) for event in events["shB"]],
                         [("c", 1), ("c", 2), ("u", -1)])


def id_of(event: Event) -> int:
    return json.loads(event["after"] or event["filter"])["_id"]


class ClusterOf42(ClusterTransactions, IntegrationTest):
    version = "4.2"


class ClusterOf44(ClusterTransactions, IntegrationTest):
    version = "4.4"


class ClusterOf50(ClusterTransactions, IntegrationTest):
    version = "5.0"


class ClusterOf60(ClusterTransactions, IntegrationTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
