"""Documents to copy, and threads that go on changing them."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

import pymongo
from bson import Int64, ObjectId
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from integration.harness.load_threads import LoadThreads
from integration.harness.mongo import ReplicaSet

DATABASES = {"shop", "bank"}
NAMESPACES = [("shop", "orders"), ("shop", "customers"), ("bank", "accounts")]


def new_document(number: Any, chooser: random.Random) -> dict[str, Any]:
    return {
        "_id": number, "count": 0, "total": Int64(chooser.randrange(1 << 40)),
        "price": chooser.random(), "open": chooser.random() < 0.5, "owner": ObjectId(),
        "address": {"city": chooser.choice(["Bern", "Łódź", "東京"]),
                    "zip": chooser.randrange(9999)},
        "items": [{"sku": n, "n": chooser.randrange(9)} for n in range(chooser.randrange(4))],
        "note": "n" * chooser.randrange(200),
    }


def fill(replica_set: ReplicaSet, per_collection: int, seed: int) -> int:
    """Inserts documents with _id 0, 1, ... into each collection; returns how many in all."""
    chooser = random.Random(seed)
    with replica_set.client() as client:
        for database, collection in NAMESPACES:
            client[database][collection].insert_many(
                [new_document(number, chooser) for number in range(per_collection)])
    return per_collection * len(NAMESPACES)


def mark_end(replica_set: ReplicaSet) -> None:
    """Makes an insert the last entry: a stored position of its optime then means all of it."""
    with replica_set.client() as client:
        client["shop"]["end"].insert_one({"_id": "end"})


class WriteLoad(LoadThreads):
    """Threads that insert, update, replace, delete and commit transactions until they are stopped.

    They share the documents, so the same one is changed by all of them. What each does follows from
    the seed; how they interleave does not.

    With `through_faults` an operation may fail, or be done although it seems to have failed: what
    is in the source at the end is what counts.
    """

    def __init__(self, replica_set: ReplicaSet, documents: int, seed: int,
                 threads: int = 4, *, through_faults: bool = False) -> None:
        super().__init__(threads)
        self._tolerated = (PyMongoError,) if through_faults else ()
        self._replica_set = replica_set
        self._documents = documents
        self._seed = seed

    def _write(self, number: int) -> None:
        with self._replica_set.client() as client:
            writer = Writer(client, self._documents, f"w{number}",
                            random.Random(self._seed + number))
            while not self._stop.is_set():
                with contextlib.suppress(*self._tolerated):
                    writer.step()
                    self.operations += 1


class Writer:
    """One thread's operations."""

    def __init__(self, client: pymongo.MongoClient, documents: int, name: str,
                 chooser: random.Random) -> None:
        self._client = client
        self._documents = documents
        self._name = name
        self._chooser = chooser
        self._inserted = 0
        self._operations: list[Callable[[Collection], object]] = [
            self._insert, self._insert_many, self._set, self._set, self._set_nested, self._inc,
            self._unset, self._push, self._pull, self._replace, self._pipeline, self._update_many,
            self._find_and_modify, self._delete, self._delete_and_insert, self._transaction,
            self._transaction]

    def step(self) -> None:
        database, collection = self._chooser.choice(NAMESPACES)
        self._chooser.choice(self._operations)(self._client[database][collection])

    def _new(self) -> dict[str, Any]:
        self._inserted += 1
        return new_document(f"{self._name}-{self._inserted}", self._chooser)

    def _any(self) -> dict[str, Any]:
        """A document, more often one of a few that all threads like."""
        limit = 50 if self._chooser.random() < 0.3 else self._documents
        if self._inserted and self._chooser.random() < 0.2:
            return {"_id": f"{self._name}-{self._chooser.randint(1, self._inserted)}"}
        return {"_id": self._chooser.randrange(limit)}

    def _insert(self, collection: Collection) -> None:
        collection.insert_one(self._new())

    def _insert_many(self, collection: Collection) -> None:
        collection.insert_many([self._new() for _ in range(self._chooser.randint(2, 10))])

    def _set(self, collection: Collection) -> None:
        collection.update_one(self._any(), {"$set": {
            "price": self._chooser.random(), "note": "s" * self._chooser.randrange(50)}})

    def _set_nested(self, collection: Collection) -> None:
        collection.update_one(self._any(), {"$set": {
            "address.city": self._chooser.choice(["Oslo", "Roma"]),
            f"address.{self._chooser.choice('abc')}": self._chooser.randrange(9)}})

    def _inc(self, collection: Collection) -> None:
        collection.update_one(self._any(), {"$inc": {"count": 1, "total": Int64(-1)}})

    def _unset(self, collection: Collection) -> None:
        collection.update_one(self._any(), {"$unset": {
            self._chooser.choice(["open", "address.a", "address.zip", "tags"]): ""}})

    def _push(self, collection: Collection) -> None:
        collection.update_one(self._any(), {"$push": {"items": {"sku": 9, "n": 1}}})

    def _pull(self, collection: Collection) -> None:
        collection.update_one(self._any(), {"$pull": {"items": {"sku": 9}}})

    def _replace(self, collection: Collection) -> None:
        query = self._any()
        collection.replace_one(query, new_document(query["_id"], self._chooser))

    def _pipeline(self, collection: Collection) -> None:
        collection.update_one(self._any(), [
            {"$set": {"count": {"$add": ["$count", 10]}, "tags": ["a", {"b": "$price"}]}},
            {"$unset": "note"}])

    def _update_many(self, collection: Collection) -> None:
        first = self._chooser.randrange(self._documents)
        collection.update_many({"_id": {"$gte": first, "$lt": first + 5}},
                               {"$set": {"swept": self._chooser.random()}})

    def _find_and_modify(self, collection: Collection) -> None:
        collection.find_one_and_update(self._any(), {"$set": {"found": self._chooser.random()}})

    def _delete(self, collection: Collection) -> None:
        collection.delete_one(self._any())

    def _delete_and_insert(self, collection: Collection) -> None:
        """The same _id goes and comes back: inside one transaction, so that nobody gets between."""
        query = self._any()

        def exchange(session: ClientSession) -> None:
            collection.delete_one(query, session=session)
            collection.insert_one(new_document(query["_id"], self._chooser), session=session)

        with self._client.start_session() as session:
            session.with_transaction(exchange)

    def _transaction(self, collection: Collection) -> None:
        other = self._client["bank"]["accounts"]

        def transfer(session: ClientSession) -> None:
            other.update_one(self._any(), {"$inc": {"count": -1}}, session=session)
            collection.update_one(self._any(), {"$set": {"moved": self._chooser.random()}},
                                  session=session)
            collection.insert_one(self._new(), session=session)
            collection.delete_one(self._any(), session=session)

        with self._client.start_session() as session:
            session.with_transaction(transfer)
