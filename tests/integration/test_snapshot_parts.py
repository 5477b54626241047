"""Ranges of collections, read at exact times, from real servers of every version.

What the snapshot inside the stream rests on (docs/decisions/0012).
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import unittest
from concurrent import futures

from bson import Decimal128, Int64, MaxKey, MinKey, ObjectId, Timestamp, json_util
from pymongo.collection import Collection

from integration.harness.case import IntegrationTest
from integration.harness.transactions import TEST_COMMANDS, PreparedTransaction
from integration.harness.waiting import wait_for

# Of every type that an _id can have, not in its order.
MIXED_IDS = [
    "b", 3, ObjectId("5f0000000000000000000001"), None, {"a": 1, "b": "x"}, Int64(2), 2.5, True,
    datetime.datetime(2020, 1, 1), "a", b"xyz", Decimal128("2.25"), Timestamp(5, 1), MinKey(),
    MaxKey(), {"a": 1}, False, "B", -1, float("inf")]


class NeverRead(Exception):
    """The server does not read this collection at an exact time."""


class SnapshotParts:
    """The tests; subclasses say of which version."""

    version: str
    mode = "direct"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(
            cls.version, members=1, options=TEST_COMMANDS)
        cls.client = cls.replica_set.client(tz_aware=False)
        cls.addClassCleanup(cls.client.close)

    def setUp(self) -> None:
        self.db = self.client[self.own_database]

    def tool(self, *arguments: object) -> list[str]:
        node = self.replica_set.nodes[0]
        command, *rest = map(str, arguments)
        found = subprocess.run(
            [os.environ["SHARDTAIL_READ_CHUNK"], command, "127.0.0.1", str(node.port), *rest],
            capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(found.returncode, 0, found.stderr)
        return found.stdout.splitlines()

    def describe(self, collection: Collection) -> list[str]:
        return self.tool("describe", collection.full_name)[0].split()

    def now(self) -> Timestamp:
        """A time at which every write so far is visible."""
        return self.client.admin.command("ping")["operationTime"]

    def read(self, collection: Collection, at: Timestamp, *, low: object = None,
             high: object = None, uuid: str | None = None, batch_size: int = 2000,
             max_bytes: int = 4 << 20, collation: str = "simple", mode: str | None = None,
             query: dict | None = None) -> tuple[list[dict], dict] | None:
        """The documents and where the read ended; None: take a new time. A bound is a tuple of one."""
        bound = {name: json_util.dumps({"_id": value[0]} if value else {},
                                       json_options=json_util.CANONICAL_JSON_OPTIONS)
                 for name, value in (("low", low), ("high", high))}
        lines = self.tool(
            "read", collection.full_name, uuid or self.describe(collection)[0], bound["low"],
            bound["high"], at.time, at.inc, mode or self.mode, collation, batch_size, max_bytes,
            json_util.dumps(query or {}))
        if lines == ["again"]:
            return None
        if lines == ["never"]:
            raise NeverRead
        parsed = [json.loads(line, object_hook=lambda pairs: json_util.object_hook(
            pairs, json_util.JSONOptions(tz_aware=False))) for line in lines]
        return [line["document"] for line in parsed[:-1]], parsed[-1]["end"]

    def read_documents(self, *arguments: object, **options: object) -> list[dict]:
        found = self.read(*arguments, **options)
        self.assertIsNotNone(found, "the server had not that time")
        return found[0]

    def test_a_range_is_read_as_it_was_at_its_time(self) -> None:
        collection = self.db.c
        collection.insert_many([{"_id": number, "x": 0} for number in range(10)])
        at = self.now()
        collection.update_many({}, {"$set": {"x": 1}})
        collection.delete_one({"_id": 4})
        collection.insert_one({"_id": 4.5, "x": 1})
        self.assertEqual(self.read_documents(collection, at, low=(3,), high=(7,)),
                         [{"_id": number, "x": 0} for number in (3, 4, 5, 6)])
        self.assertEqual([document["_id"] for document in self.read_documents(
            collection, self.now(), low=(3,), high=(7,))], [3, 4.5, 5, 6])

    def test_ranges_of_ids_of_all_types_leave_none_out(self) -> None:
        collection = self.db.c
        collection.insert_many([{"_id": value} for value in MIXED_IDS])
        ids = [document["_id"] for document in collection.find().hint([("_id", 1)])]
        for cut in ids[1:-1]:  # MinKey and MaxKey are no boundaries
            at = self.now()  # 4.2 keeps 5 seconds
            below = self.read_documents(collection, at, high=(cut,))
            above = self.read_documents(collection, at, low=(cut,))
            self.assertEqual([document["_id"] for document in below + above], ids, cut)

    def test_replies_of_ids_of_all_types_leave_none_out(self) -> None:
        collection = self.db.c
        collection.insert_many([{"_id": value} for value in MIXED_IDS])
        ids = [document["_id"] for document in collection.find().hint([("_id", 1)])]
        for options in ({"mode": self.mode}, {"mode": "parts"},
                        {"mode": self.mode, "query": {"_id": {"$exists": True}}}):
            for batch_size, max_bytes in ((2, 4 << 20), (3, 4 << 20), (2, 1)):
                found: list[object] = []
                low: tuple[object, ...] | None = None
                while low is None or low:
                    documents, end = self.read(collection, self.now(), low=low,
                                               batch_size=batch_size, max_bytes=max_bytes,
                                               **options)
                    found += [document["_id"] for document in documents]
                    low = (end["_id"],) if end else ()
                self.assertEqual(found, ids, (options, batch_size, max_bytes))

    def test_a_read_that_ends_early_is_gone_on_with_at_its_end(self) -> None:
        collection = self.db.c
        collection.insert_many([{"_id": str(number), "x": "y" * 1000} for number in range(500)])
        at = self.now()
        ids: list[str] = []
        low, parts = None, 0
        while low is None or low:
            documents, end = self.read(collection, at, low=low, batch_size=50, max_bytes=60_000)
            ids += [document["_id"] for document in documents]
            low = (end["_id"],) if end else ()
            parts += 1
        self.assertEqual(ids, sorted(map(str, range(500))))
        self.assertGreater(parts, 4)

    def test_a_read_takes_about_as_many_bytes_as_it_may(self) -> None:
        collection = self.db.c
        collection.insert_many([{"_id": number, "x": "y" * 1000} for number in range(2000)])
        documents, end = self.read(collection, self.now(), batch_size=2000, max_bytes=400_000)
        self.assertEqual(end, {"_id": len(documents)})
        self.assertGreater(len(documents), 350)
        self.assertLess(len(documents), 450)

    def test_a_read_ends_behind_one_document_that_is_large(self) -> None:
        collection = self.db.c
        for number in range(4):  # a reply holds 16 MB
            collection.insert_one({"_id": number, "x": "y" * 9_000_000})
        documents, end = self.read(collection, self.now(), batch_size=2000, max_bytes=2_000_000)
        self.assertEqual([document["_id"] for document in documents], [0])
        self.assertEqual(end, {"_id": 1})

    def test_the_server_no_longer_has_an_old_time(self) -> None:
        self.db.c.insert_one({"_id": 1})
        self.assertIsNone(self.read(self.db.c, Timestamp(self.now().time - 4000, 1)))

    def test_a_capped_collection_is_read_before_5_0_only(self) -> None:
        collection = self.db.create_collection("capped", capped=True, size=1 << 20)
        collection.insert_many([{"_id": number} for number in (3, 1, 2)])
        at = self.now()
        collection.insert_one({"_id": 0})
        self.assertEqual(self.describe(collection)[1], "capped")
        self.assertEqual(self.tool("bounds", collection.full_name, 1, 10), [])
        if self.mode == "transaction":
            self.assertEqual(self.read_documents(collection, at),
                             [{"_id": 1}, {"_id": 2}, {"_id": 3}])
        else:
            with self.assertRaises(NeverRead):
                self.read(collection, at)

    def test_a_capped_collection_in_the_place_of_one_that_is_not(self) -> None:
        """A new time is taken until the stream comes to the change, as after a rename."""
        collection = self.db.c
        collection.insert_many([{"_id": number} for number in range(3)])
        uuid = self.describe(collection)[0]
        self.db.command({"convertToCapped": "c", "size": 1 << 20})
        self.assertEqual(self.describe(collection)[1], "capped")
        self.assertIsNone(self.read(collection, self.now(), uuid=uuid))

    def test_with_a_collation_no_string_is_a_boundary(self) -> None:
        collection = self.db.create_collection("c", collation={"locale": "en", "strength": 2})
        collection.insert_many([{"_id": number, "x": "y" * 100} for number in range(100)])
        collection.insert_many([{"_id": f"{number % 2 * 'a' or 'B'}{number}", "x": "y" * 100}
                                for number in range(300)])
        at = self.now()
        self.assertEqual(self.describe(collection)[2], "collation")
        bounds = [json.loads(line)["bound"]["_id"]
                  for line in self.tool("bounds", collection.full_name, 2000, 20)]
        self.assertTrue(bounds)
        self.assertEqual([type(bound) for bound in bounds], [int] * len(bounds))
        numbers, end = self.read(collection, at, batch_size=20, max_bytes=1000,
                                 collation="collation")
        self.assertEqual(end, {"_id": len(numbers)})
        strings, end = self.read(collection, at, low=(99,), batch_size=20, max_bytes=1000,
                                 collation="collation")
        self.assertEqual(end, {})
        self.assertEqual(len(strings), 301)

    def test_after_a_change_of_the_catalog_a_new_time_is_taken(self) -> None:
        collection = self.db.c
        collection.insert_many([{"_id": number} for number in range(10)])
        uuid, at = self.describe(collection)[0], self.now()
        collection.create_index("x")
        self.assert_all_or_again(collection, at, uuid)
        collection.rename("renamed")
        self.assertIsNone(self.read(collection, at, uuid=uuid))
        self.assertIsNone(self.read(collection, self.now(), uuid=uuid))
        self.assert_all_or_again(self.db.renamed, at, uuid)
        self.assertEqual(len(self.read_documents(self.db.renamed, self.now(), uuid=uuid)), 10)
        collection.insert_one({"_id": "of another collection"})
        self.assertIsNone(self.read(collection, self.now(), uuid=uuid))
        self.db.renamed.drop()
        self.assertIsNone(self.read(self.db.renamed, at, uuid=uuid))

    def assert_all_or_again(self, collection: Collection, at: Timestamp, uuid: str) -> None:
        found = self.read(collection, at, uuid=uuid)
        if found is not None:
            self.assertEqual(len(found[0]), 10)

    def test_a_prepared_transaction_is_seen_from_its_commit_timestamp(self) -> None:
        collection = self.db.c
        collection.insert_many([{"_id": number, "x": 0} for number in range(3)])
        with self.client.start_session() as session:
            session.start_transaction()
            collection.update_one({"_id": 1}, {"$set": {"x": 1}}, session=session)
            prepared = self.client.admin.command(
                "prepareTransaction", session=session)["prepareTimestamp"]
            before = Timestamp(prepared.time, prepared.inc - 1)
            self.assertEqual(self.read_documents(collection, before)[1], {"_id": 1, "x": 0})
            # Else 4.2 says that the prepare entry is not majority committed yet.
            self.db.other.insert_one({})
            self.client.admin.command(
                "commitTransaction", commitTimestamp=prepared, session=session)
        self.assertEqual(self.read_documents(collection, prepared)[1], {"_id": 1, "x": 1})

    def test_a_prepared_transaction_is_waited_for_behind_the_first_reply(self) -> None:
        """Outside a transaction a getMore does not, and shows what was there before it."""
        collection = self.db.c
        collection.insert_many([{"_id": number, "x": 0} for number in range(40)])
        for mode in (self.mode, "parts"):
            before = collection.find_one({"_id": 30})["x"]
            transaction = PreparedTransaction(self.client, lambda session: collection.update_one(
                {"_id": 30}, {"$inc": {"x": 1}}, session=session))
            # Else 4.2 says that the prepare entry is not majority committed yet.
            self.db.other.insert_one({})
            with futures.ThreadPoolExecutor() as executor:
                reading = executor.submit(self.read_documents, collection, self.now(),
                                          batch_size=4, mode=mode)
                wait_for("a read that waits for the transaction, or has ended",
                         lambda: reading.done() or self.waits_for_prepared(collection))
                transaction.commit()
            self.assertEqual(reading.result()[30], {"_id": 30, "x": before + 1}, mode)

    def waits_for_prepared(self, collection: Collection) -> bool:
        return any(operation.get("prepareReadConflicts", 0) > 0
                   for operation in self.client.admin.aggregate([{"$currentOp": {}}])
                   if operation.get("ns") == collection.full_name)

    def test_bounds_cut_a_collection_into_parts_of_about_one_size(self) -> None:
        collection = self.db.c
        self.assertEqual(self.describe(self.db.missing), ["none"])
        collection.insert_many([{"x": "y" * 200} for _ in range(20_000)])
        # The server's sample of what it has never read from a file is far from even.
        node = self.replica_set.nodes[0]
        node.stop()
        node.start()
        node.wait_until_up()
        self.replica_set.primary()
        bounds = [json_util.loads(line)["bound"]["_id"]
                  for line in self.tool("bounds", collection.full_name, 500_000, 100)]
        self.assertGreaterEqual(len(bounds), 5)
        self.assertLessEqual(len(bounds), 10)
        edges = [MinKey(), *bounds, MaxKey()]
        parts = [collection.count_documents({"_id": {"$gte": low, "$lt": high}})
                 for low, high in zip(edges, edges[1:], strict=False)]
        self.assertEqual(sum(parts), 20_000)
        self.assertLess(max(parts), 20_000 * 5 // len(parts))
        self.assertEqual(self.tool("bounds", collection.full_name, 1 << 30, 100), [])


class SnapshotPartsOf42(SnapshotParts, IntegrationTest):
    version = "4.2"
    mode = "transaction"


class SnapshotPartsOf44(SnapshotParts, IntegrationTest):
    version = "4.4"
    mode = "transaction"


class SnapshotPartsOf50(SnapshotParts, IntegrationTest):
    version = "5.0"


class SnapshotPartsOf60(SnapshotParts, IntegrationTest):
    version = "6.0"

    def test_a_clustered_collection_is_read_in_ranges(self) -> None:
        collection = self.db.create_collection(
            "c", clusteredIndex={"key": {"_id": 1}, "unique": True})
        collection.insert_many([{"_id": value} for value in [*range(20), "a", "b"]])
        at = self.now()
        collection.delete_many({})
        self.assertEqual([document["_id"] for document in self.read_documents(
            collection, at, low=(18,), high=("b",))], [18, 19, "a"])
        self.assertEqual(len(self.read_documents(collection, at)), 22)


if __name__ == "__main__":
    unittest.main()
