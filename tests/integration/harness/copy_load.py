"""Collections to copy of every kind, and threads that change them meanwhile.

Each document {_id, n, m, …} counts its own changes in `n`, and `m` follows from `n` by a rule that
no two changes commute in: so each state that it ever had is known, and nothing else may be seen.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pymongo
from bson import Decimal128, Int64, MaxKey, MinKey, ObjectId, Timestamp
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from integration.harness.load_threads import LoadThreads
from integration.harness.mongo import ReplicaSet
from integration.harness.transactions import PreparedTransaction

DATABASE = "copy"
MODULUS = 1_000_003

# Of every type that an _id can have, not in its order.
ODD_IDS = [
    "b", 3.5, ObjectId("5f0000000000000000000001"), None, {"a": 1, "b": "x"}, Int64(1 << 40), 2.5,
    True, datetime.datetime(2020, 1, 1), "a", b"xyz", Decimal128("2.25"), Timestamp(5, 1),
    MinKey(), MaxKey(), {"a": 1}, False, "B", -1]


def next_m(m: int, n: int) -> int:
    """What the n-th change makes of m, which begins with 1."""
    return (31 * m + n) % MODULUS


@dataclass(eq=False)
class Owned:
    """A document that one thread alone changes."""

    collection: str
    id: Any
    n: int = 0
    m: int = 1
    exists: bool = True

    def count(self) -> dict[str, int]:
        self.n += 1
        self.m = next_m(self.m, self.n)
        return {"n": self.n, "m": self.m}


class CopyLoad(LoadThreads):
    """`documents` in the collection `plain`, a tenth of it in the others that the version knows.

    Threads change them from `with` on. With `prepared` one of them commits prepared transactions:
    the server must have its test commands then. With `through_faults` the load follows another
    primary; a thread that cannot know what became of a change leaves that document alone from then
    on. `collated_pad` makes the documents of `collated` larger, whose `_id`s are no boundaries.
    """

    def __init__(self, replica_set: ReplicaSet, version: str, documents: int, seed: int, *,
                 pad: int = 0, collated_pad: int = 0, threads: int = 3, prepared: bool = False,
                 through_faults: bool = False) -> None:
        super().__init__(threads)
        self._replica_set = replica_set
        self._major = int(version.split(".")[0])
        self._documents = documents
        self._pad = pad
        self._collated_pad = collated_pad
        self._seed = seed
        self._prepared = prepared
        self._tolerated = (PyMongoError,) if through_faults else ()
        self._shares: list[list[Owned]] = [[] for _ in range(threads)]

    @property
    def namespaces(self) -> list[tuple[str, str]]:
        """Those whose documents are to be found in topics in the end."""
        names = ["plain", "mixed", "collated", "empty", "capped"]
        return [(DATABASE, name) for name in names + ["clustered"] * (self._major >= 6)]

    @property
    def read_as_now(self) -> set[str]:
        """The collections that are not read at an exact time."""
        return ({"capped"} if self._major >= 5 else set()) | (
            {"collated"} if self._collated_pad else set())

    def fill(self) -> None:
        few = max(self._documents // 10, 20)
        with self._replica_set.client() as client:
            database = client[DATABASE]
            database.create_collection("empty")
            database.create_collection("capped", capped=True, size=64 << 20)
            database.create_collection("collated", collation={"locale": "en", "strength": 2})
            database.create_collection("seen", viewOn="plain", pipeline=[])
            if self._major >= 5:
                database.create_collection("series", timeseries={"timeField": "at"})
                database["series"].insert_one({"at": datetime.datetime(2020, 1, 1)})
            if self._major >= 6:
                database.create_collection("clustered", clusteredIndex={
                    "key": {"_id": 1}, "unique": True})
                self._insert(database, "clustered", range(few))
            self._insert(database, "plain", range(self._documents))
            self._insert(database, "mixed", [*ODD_IDS, *range(few), *map(str, range(few))])
            self._insert(database, "collated", [f"{'aB'[number % 2]}{number}"
                                                for number in range(few)])
            self._insert(database, "capped", range(few))

    def _insert(self, database: Any, collection: str, ids: Any) -> None:
        owned = [Owned(collection, id) for id in ids]
        database[collection].insert_many(map(self._new, owned), ordered=False)
        for number, one in enumerate(owned):
            self._shares[number % len(self._shares)].append(one)

    def _new(self, one: Owned) -> dict[str, Any]:
        one.exists = True
        pad = self._collated_pad or self._pad if one.collection == "collated" else self._pad
        return {"_id": one.id, "n": one.n, "m": one.m, "items": [one.n], "pad": "x" * pad}

    def _write(self, number: int) -> None:
        with self._replica_set.client() as client:
            writer = _Writer(client, self._shares[number], self._new, f"w{number}",
                             random.Random(self._seed + number),
                             prepared=self._prepared and number == 0)
            while not self._stop.is_set():
                try:
                    writer.step()
                    self.operations += 1
                except self._tolerated:
                    writer.forget()


class _Writer:
    """One thread's operations on its own documents."""

    def __init__(self, client: pymongo.MongoClient, documents: list[Owned],
                 new: Callable[[Owned], dict[str, Any]], name: str, chooser: random.Random, *,
                 prepared: bool) -> None:
        self._client = client
        self._database = client[DATABASE]
        self._documents = documents
        self._new = new
        self._name = name
        self._chooser = chooser
        self._inserted = 0
        self._touched: list[Owned] = []
        self._operations: list[Callable[[], None]] = [
            self._one(self._increment), self._one(self._compute), self._one(self._compute),
            self._one(self._push), self._one(self._replace), self._one(self._delete),
            self._insert, self._transaction, *[self._prepared] * prepared]

    def step(self) -> None:
        self._touched = []
        self._chooser.choice(self._operations)()

    def forget(self) -> None:
        """What the last step touched may be changed, or may not."""
        for one in self._touched:
            if one in self._documents:
                self._documents.remove(one)

    def _any(self) -> Owned:
        """One that exists: a deleted one comes back first. More often one of a few."""
        limit = 60 if self._chooser.random() < 0.3 else len(self._documents)
        one = self._documents[self._chooser.randrange(min(limit, len(self._documents)))]
        self._touched.append(one)
        if not one.exists:
            one.count()
            self._database[one.collection].insert_one(self._new(one))
        return one

    def _one(self, change: Callable[..., None]) -> Callable[[], None]:
        return lambda: change(self._any())

    def _update(self, one: Owned, update: Any, session: ClientSession | None) -> None:
        done = self._database[one.collection].update_one({"_id": one.id}, update, session=session)
        if done.matched_count != 1:
            raise RuntimeError(f"{one} is not there")

    def _increment(self, one: Owned, session: ClientSession | None = None) -> None:
        counted = one.count()
        self._update(one, {"$inc": {"n": 1}, "$set": {"m": counted["m"]}}, session)

    def _compute(self, one: Owned, session: ClientSession | None = None) -> None:
        """m from m itself: right in no other order."""
        one.count()
        self._update(one, [{"$set": {"n": {"$add": ["$n", 1]}}}, {"$set": {"m": {"$mod": [
            {"$add": [{"$multiply": ["$m", 31]}, "$n"]}, MODULUS]}}}], session)

    def _push(self, one: Owned, session: ClientSession | None = None) -> None:
        if one.collection == "capped":  # whose documents keep their size
            return self._increment(one, session)
        counted = one.count()
        self._update(one, {"$set": counted, "$push": {
            "items": {"$each": [one.n], "$slice": -5}}}, session)

    def _replace(self, one: Owned, session: ClientSession | None = None) -> None:
        if one.collection == "capped":
            return self._increment(one, session)
        one.count()
        self._database[one.collection].replace_one(
            {"_id": one.id}, self._new(one), session=session)

    def _delete(self, one: Owned, session: ClientSession | None = None) -> None:
        if one.collection == "capped":
            return self._increment(one, session)
        self._database[one.collection].delete_one({"_id": one.id}, session=session)
        one.exists = False

    def _insert(self) -> None:
        self._inserted += 1
        one = Owned(self._chooser.choice(["plain", "mixed", "collated", "capped"]),
                    f"{self._name}-{self._inserted}")
        self._touched.append(one)
        self._database[one.collection].insert_one(self._new(one))
        self._documents.append(one)

    def _transaction(self) -> None:
        """Several of one document, too; one goes and comes back within."""
        first, second, third = (self._uncapped() for _ in range(3))
        with self._client.start_session() as session, session.start_transaction():
            self._compute(first, session)
            self._increment(first, session)
            self._push(second, session) if second is not first else None
            if third not in (first, second):
                self._delete(third, session)
                third.count()
                self._database[third.collection].insert_one(self._new(third), session=session)

    def _prepared(self) -> None:
        first, second = self._uncapped(), self._uncapped()
        other = self._other_than(first, second)

        def operations(session: ClientSession) -> None:
            self._compute(first, session)
            if second is not first:
                self._delete(second, session)

        transaction = PreparedTransaction(self._client, operations)
        # Else 4.2 says that the prepare entry is not majority committed yet.
        self._increment(other)
        transaction.commit()

    def _uncapped(self) -> Owned:
        return self._other_than()

    def _other_than(self, *others: Owned) -> Owned:
        while True:
            one = self._any()
            if one.collection != "capped" and one not in others:
                return one
