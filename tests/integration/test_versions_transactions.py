"""A transaction appears at its commit, whole, numbered from 1 to n, or not at all; 4.4 and 6.0."""

from __future__ import annotations

import json
import unittest
from collections.abc import Callable
from typing import Any

import pymongo
from pymongo.client_session import ClientSession

from integration.harness.case import IntegrationTest
from integration.harness.file_capture import FileCapture
from integration.harness.mongo import ReplicaSet
from integration.harness.transactions import TEST_COMMANDS, PreparedTransaction
from integration.harness.waiting import wait_for

MEGABYTE = 1 << 20
Event = dict[str, Any]


class Transactions:
    """The tests; a class below for each server version."""

    version: str
    replica_set: ReplicaSet
    client: pymongo.MongoClient

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(cls.version, members=1, cache_gb=1.5,
                                                oplog_mb=1024, options=TEST_COMMANDS)
        cls.client = cls.replica_set.client()
        cls.addClassCleanup(cls.client.close)

    def setUp(self) -> None:
        """Each test has a database of its own, and captures it from before its first write."""
        self.database = self.client[self.own_database]
        for name in ("a", "b", "hidden"):
            self.database.create_collection(name)
        # What large transactions leave in a 4.4's cache makes it refuse the next ones.
        self.addCleanup(self.client.drop_database, self.database.name)
        self.capture = FileCapture(self.scratch(), self.replica_set, {
            "database.include.list": self.database.name,
            "collection.exclude.list": f"{self.database.name}[.]hidden"})
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()

    def commit(self, operations: Callable[[ClientSession], object]) -> None:
        with self.client.start_session() as session:
            # Begins anew where the server asks for that, as it may after a large one.
            session.with_transaction(operations)

    def finished(self) -> list[Event]:
        """Ends the capture once it has all; each event's value."""
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        return [event["value"] for event in self.capture.events() if event["value"] is not None]

    def several(self, first: int) -> Callable[[ClientSession], object]:
        """Eight operations, two of them filtered, with their documents' numbers from `first`."""
        def operations(session: ClientSession) -> None:
            a, b, hidden = self.database["a"], self.database["b"], self.database["hidden"]
            a.insert_one({"_id": first}, session=session)
            hidden.insert_one({"_id": first}, session=session)
            b.insert_many([{"_id": first}, {"_id": first + 1}], session=session)
            a.update_one({"_id": first}, {"$set": {"x": 1}}, session=session)
            hidden.delete_one({"_id": first}, session=session)
            b.delete_one({"_id": first}, session=session)
            b.replace_one({"_id": first + 1}, {"replaced": True}, session=session)
        return operations

    def assert_is_several(self, events: list[Event], first: int) -> None:
        self.assertEqual(
            [(event["source"]["tord"], event["source"]["collection"], event["op"])
             for event in events],
            [(1, "a", "c"), (3, "b", "c"), (4, "b", "c"), (5, "a", "u"), (7, "b", "d"),
             (8, "b", "u")])
        self.assert_one_transaction(events)
        self.assertEqual(json.loads(events[0]["after"]), {"_id": first})

    def assert_one_transaction(self, events: list[Event]) -> None:
        """One position, and one id, that of a session."""
        [(_, _, id)] = {(event["source"]["ts_ms"], event["source"]["ord"],
                         event["source"]["stxnid"]) for event in events}
        self.assertRegex(id, r"^[0-9a-f-]{36}:\d+$")

    def assert_collections(self, events: list[Event]) -> None:
        """Replayed, the events of collections of {_id, …} documents that are only inserted and
        deleted give what the server holds."""
        for name in ("a", "b"):
            ids = set()
            for event in events:
                if event["source"]["collection"] == name:
                    id = json.loads(event["after"] or event["filter"])["_id"]
                    ids = ids - {id} if event["op"] == "d" else ids | {id}
            self.assertEqual(ids, {document["_id"] for document in self.database[name].find()})

    def test_one_of_one_entry(self) -> None:
        self.commit(self.several(10))
        self.assert_is_several(self.finished(), 10)

    def test_one_of_several_entries(self) -> None:
        def operations(session: ClientSession) -> None:
            self.several(10)(session)
            for number in range(100, 103):  # 18 MB
                self.database["a"].insert_one({"_id": number, "blob": "z" * (6 * MEGABYTE)},
                                              session=session)
            self.database["b"].delete_one({"_id": 11}, session=session)
        self.commit(operations)
        self.assertEqual(self.entries_of_last_transaction(), 2)
        events = self.finished()
        self.assert_is_several(events[:6], 10)
        self.assert_one_transaction(events)
        self.assertEqual([event["source"]["tord"] for event in events[6:]], [*range(9, 13)])
        self.assert_collections(events)

    def entries_of_last_transaction(self) -> int:
        oplog = self.client["local"]["oplog.rs"]
        entry = oplog.find_one({"o.applyOps": {"$exists": True}}, sort=[("$natural", -1)])
        entries = 1
        while entry["prevOpTime"]["ts"].time:
            entry = oplog.find_one({"ts": entry["prevOpTime"]["ts"]})
            entries += 1
        return entries

    def test_a_prepared_one_appears_at_its_commit(self) -> None:
        prepared = PreparedTransaction(self.client, self.several(10))
        self.database["b"].insert_one({"_id": "between"})
        self.capture.wait_until_caught_up()
        self.assertEqual([event["value"]["after"] for event in self.capture.events()],
                         ['{"_id": "between"}'])
        prepared.commit()
        events = self.finished()
        self.assert_is_several(events[1:], 10)
        committed = events[1]["source"]["ts_ms"] // 1000, events[1]["source"]["ord"]
        self.assertGreater(committed, (prepared.prepared_at.time, prepared.prepared_at.inc))

    def test_a_prepared_one_of_several_entries_appears_at_its_commit(self) -> None:
        def operations(session: ClientSession) -> None:
            for number in range(3):
                self.database["a"].insert_one({"_id": number, "blob": "z" * (6 * MEGABYTE)},
                                              session=session)
        prepared = PreparedTransaction(self.client, operations)
        self.database["b"].insert_one({"_id": "between"})
        self.capture.wait_until_caught_up()
        self.assertEqual(len(self.capture.events()), 1)
        prepared.commit()
        events = self.finished()
        self.assertEqual([event["source"]["tord"] for event in events], [None, *range(1, 4)])
        self.assert_one_transaction(events[1:])

    def test_an_aborted_one_never_appears(self) -> None:
        prepared = PreparedTransaction(self.client, self.several(10))
        self.database["b"].insert_one({"_id": "between"})
        prepared.abort()
        with self.client.start_session() as session:
            session.start_transaction()
            self.several(20)(session)
            session.abort_transaction()
        self.database["b"].insert_one({"_id": "after"})
        self.assertEqual([event["after"] for event in self.finished()],
                         ['{"_id": "between"}', '{"_id": "after"}'])

    def test_prepared_ones_appear_in_the_order_of_their_commits(self) -> None:
        first = PreparedTransaction(self.client, self.several(10))
        second = PreparedTransaction(self.client, self.several(20))
        third = PreparedTransaction(self.client, self.several(30))
        second.commit()
        third.abort()
        first.commit()
        events = self.finished()
        self.assert_is_several(events[:6], 20)
        self.assert_is_several(events[6:], 10)

    def test_one_that_is_prepared_while_nobody_reads_appears(self) -> None:
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        prepared = PreparedTransaction(self.client, self.several(10))
        self.capture.shardtail.start()
        self.database["b"].insert_one({"_id": "between"})
        self.capture.wait_until_caught_up()
        prepared.commit()
        self.assert_is_several(self.finished()[1:], 10)

    def test_retryable_writes_are_no_transactions(self) -> None:
        self.database["a"].insert_many([{"_id": number} for number in range(3)])
        self.database["a"].find_one_and_update({"_id": 1}, {"$set": {"x": 1}})
        self.database["a"].delete_one({"_id": 2})
        events = self.finished()
        self.assertEqual([(event["op"], event["source"]["tord"]) for event in events],
                         [("c", None)] * 3 + [("u", None), ("d", None)])
        ids = [event["source"]["stxnid"].split(":") for event in events]
        self.assertEqual(len({session for session, _ in ids}), 1)
        numbers = [int(number) - int(ids[0][1]) for _, number in ids]
        self.assertEqual(numbers, [0, 0, 0, 1, 2])

    def test_apply_ops_by_an_operator(self) -> None:
        namespace = f"{self.database.name}.a"
        self.client.admin.command("applyOps", [
            {"op": "i", "ns": namespace, "o": {"_id": 1}},
            {"op": "i", "ns": namespace, "o": {"_id": 2}},
            {"op": "d", "ns": namespace, "o": {"_id": 1}}])
        events = self.finished()
        self.assertEqual([(event["op"], event["source"]["tord"]) for event in events],
                         [("c", 1), ("c", 2), ("d", 3)])
        self.assert_collections(events)

    def test_nested_apply_ops(self) -> None:
        namespace = f"{self.database.name}.a"
        inner = [{"op": "i", "ns": namespace, "o": {"_id": number}} for number in (2, 3)]
        self.client.admin.command("applyOps", [
            {"op": "i", "ns": namespace, "o": {"_id": 1}},
            {"op": "c", "ns": "admin.$cmd", "o": {"applyOps": inner}},
            {"op": "d", "ns": namespace, "o": {"_id": 3}}])
        events = self.finished()
        # The inner command has an oplog entry of its own, and so has each operation beside it.
        self.assertEqual([(event["op"], event["source"]["tord"]) for event in events],
                         [("c", None), ("c", 1), ("c", 2), ("d", None)])
        self.assert_collections(events)

    def test_a_large_one_survives_kills_in_its_middle(self) -> None:
        """Nothing is missing and each run goes on where one has been, whatever comes twice."""
        operations = 40_000
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.commit(lambda session: self.database["a"].insert_many(
            [{"_id": number, "text": "x" * 1000} for number in range(operations)],
            session=session))
        self.assertGreater(self.entries_of_last_transaction(), 2)
        self.database["b"].insert_one({"_id": "after"})
        runs: list[list[int]] = []
        begin = self.size()
        for megabytes in (3, 6, 9):
            self.capture.shardtail.start()
            start = self.size()
            wait_for("a part of the transaction", lambda: self.capture.alive() and
                     self.size() > start + megabytes * MEGABYTE, interval=0.001)
            self.capture.shardtail.kill()
            runs.append(self.numbers_from(start))
            self.assertNotIn(operations, runs[-1], "the transaction was over before the kill")
        self.capture.shardtail.start()
        start = self.size()
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        runs.append(self.numbers_from(start))
        furthest = 0
        for run in runs:
            self.assertLessEqual(run[0], furthest + 1)
            self.assertEqual(run, [*range(run[0], run[0] + len(run))])
            furthest = max(furthest, run[-1])
        self.assertEqual(furthest, operations)
        lines = self.lines_from(begin)
        self.assertEqual({json.loads(event["after"])["_id"] for event in lines},
                         {*range(operations), "after"})
        self.assertEqual(lines[-1]["after"], '{"_id": "after"}')

    def size(self) -> int:
        path = self.capture.events_path
        return path.stat().st_size if path.exists() else 0

    def numbers_from(self, offset: int) -> list[int]:
        return [event["source"]["tord"] for event in self.lines_from(offset)
                if event["source"]["tord"]]

    def lines_from(self, offset: int) -> list[Event]:
        """The whole lines: a kill may leave a part of one."""
        events = []
        with self.capture.events_path.open("rb") as file:
            file.seek(offset)
            for line in file.read().split(b"\n"):
                try:
                    events.append(json.loads(line)["value"])
                except ValueError:
                    continue
        return events


class TransactionsOf44(Transactions, IntegrationTest):
    version = "4.4"


class TransactionsOf60(Transactions, IntegrationTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
