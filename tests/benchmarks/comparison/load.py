"""What is written to MongoDB before a capture starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bson import ObjectId
from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.collection import Collection

from integration.harness.mongo import ReplicaSet

DOCUMENTS_PER_COMMAND = 10_000
Document = dict[str, Any]


def customer(number: int) -> Document:
    """About 250 bytes of BSON."""
    return {"_id": number, "name": f"customer {number}", "email": f"c{number}@example.com",
            "age": number % 90, "balance": number * 1.25, "active": number % 2 == 0,
            "address": {"street": f"{number % 999} Main Street", "city": "Springfield",
                        "zip": f"{number % 99999:05}"},
            "tags": ["alpha", "beta"], "note": "x" * 24}


def small(number: int) -> Document:
    """About 217 bytes of BSON."""
    document = {**customer(number), "note": "", "email": f"c{number}@ex.org"}
    del document["active"]
    return document


def large(number: int) -> Document:
    """2 KB of BSON."""
    words = f"parcel {number} for the neighbours on the second floor, \"fragile\"; "
    return {**customer(number), "note": (words * 40)[:1800]}


def user(number: int) -> Document:
    """About 1.1 KB of BSON, as the public Conduit streaming benchmark inserts."""
    return {"_id": number, "id": number, "name": f"User Name {number}",
            "full_name": f"Somewhat Longer Full Name {number}",
            "email": f"user.name.{number}@example.com",
            "created": number * 1000, "updated": number * 1000 + 77, "trial": number % 3 == 0,
            "about": (f"about user {number}: lives in a town by the river and likes to read; " * 15)
            [:920]}


def insert(replica_set: ReplicaSet, database: str, collection: str, count: int,
           make: Callable[[int], Document]) -> None:
    """Returns when a majority has them."""
    with replica_set.client(w=1) as client:
        target = client[database][collection]
        for start in range(0, count, DOCUMENTS_PER_COMMAND):
            target.insert_many([make(number) for number in
                                range(start, min(start + DOCUMENTS_PER_COMMAND, count))],
                               ordered=True)
    replica_set.last_optime()


def insert_sparsely(replica_set: ReplicaSet, database: str, wanted: str, unwanted: str, count: int,
                    make: Callable[[int], Document]) -> int:
    """One document in a hundred into `wanted`; returns how many these are."""
    captured = 0
    with replica_set.client(w=1) as client:
        for start in range(0, count, DOCUMENTS_PER_COMMAND):
            end = min(start + DOCUMENTS_PER_COMMAND, count)
            few = (end - start) // 100
            client[database][wanted].insert_many([make(n) for n in range(start, start + few)])
            client[database][unwanted].insert_many([make(n) for n in range(start + few, end)])
            captured += few
    replica_set.last_optime()
    return captured


def insert_round_robin(replica_set: ReplicaSet, database: str, collections: int, count: int,
                       make: Callable[[int], Document]) -> None:
    """Ten documents into each collection, and on to the next."""
    with replica_set.client(w=1) as client, ThreadPoolExecutor(8) as several:
        def insert_ten(start: int) -> None:
            client[database][f"c{start // 10 % collections}"].insert_many(
                [{**make(n), "_id": ObjectId()} for n in range(start, min(start + 10, count))])

        list(several.map(insert_ten, range(0, count, 10)))
    replica_set.last_optime()


def mix(replica_set: ReplicaSet, database: str, collection: str, changes: int,
        make: Callable[[int], Document]) -> int:
    """Of ten changes five inserts, three updates and two deletes; returns the deletes."""
    with replica_set.client(w=1) as client:
        target = client[database][collection]
        for start in range(0, changes // 10, DOCUMENTS_PER_COMMAND // 10):
            end = min(start + DOCUMENTS_PER_COMMAND // 10, changes // 10)
            _write(target, (operation for ten in range(start, end)
                            for operation in _ten_changes(ten, make)))
    replica_set.last_optime()
    return changes // 10 * 2


def _ten_changes(ten: int, make: Callable[[int], Document]) -> Iterator[Any]:
    numbers = range(ten * 5, ten * 5 + 5)
    for number in numbers:
        yield InsertOne(make(number))
    for number in numbers[:3]:
        yield UpdateOne({"_id": number}, {"$set": {"updated": number, "trial": True}})
    for number in numbers[3:]:
        yield DeleteOne({"_id": number})


def _write(target: Collection, operations: Iterator[Any]) -> None:
    target.bulk_write(list(operations), ordered=True)
