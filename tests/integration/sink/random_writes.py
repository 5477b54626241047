"""Writes of every kind that a server logs as changes of documents."""

from __future__ import annotations

import contextlib
import random
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pymongo
from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.codec_options import CodecOptions, UuidRepresentation
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, OperationFailure

from integration.harness.mongo import ReplicaSet

DATABASE = "mix"
MODIFIED = "modified"  # by operators
PIPELINED = "pipelined"  # by aggregation pipelines as well
DOCUMENTS = 60  # in each collection, before the first write

NAMES = ["a", "b", "c", "d", "é☃", "with space"]
PATHS = [*NAMES, "n.x", "n.y", "n.deep.z", "n.deep.new.new", "list.0", "list.3", "docs.0.k",
         "docs.1.v", "docs.0.tags.1", "fresh", "fresh2.x"]

Document = dict[str, Any]


class RandomWrites:
    """Documents with every BSON type, and changes of them, one after the other.

    What is done follows from the seed alone. What the server refuses (a path through a number, an
    addition to a string) has changed nothing, and is not counted.
    """

    def __init__(self, replica_set: ReplicaSet, seed: int) -> None:
        self._chooser = random.Random(seed)
        self._client = replica_set.client(w=1)
        options = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)
        database = self._client.get_database(DATABASE, codec_options=options)
        self._modified, self._pipelined = database[MODIFIED], database[PIPELINED]
        self._ids = [self._id(number) for number in range(DOCUMENTS)]
        self._has_set_field = self._client.server_info()["versionArray"][0] >= 5
        self.accepted = 0

    def close(self) -> None:
        self._client.close()

    def fill(self) -> None:
        for collection in (self._modified, self._pipelined):
            collection.insert_many([{"_id": id, **self._document()} for id in self._ids])

    def run(self, writes: int) -> None:
        """Does so many writes that the server accepts."""
        goal = self.accepted + writes
        of_modified: list[Callable[[Collection], object]] = [
            self._modify, self._modify, self._modify, self._modify_several, self._replace,
            self._array, self._array, self._array_elements, self._upsert, self._delete,
            self._insert, self._find_and_modify, self._bulk, self._many, self._transaction]
        while self.accepted < goal:
            with contextlib.suppress(OperationFailure, BulkWriteError):
                if self._chooser.random() < 0.3:
                    self._pipeline(self._pipelined)
                else:
                    self._chooser.choice(of_modified)(self._modified)
                self.accepted += 1

    def _id(self, number: int) -> Any:
        """Of the types that have the same value again when a key is read as JSON."""
        return [number, f"id-{number}", ObjectId(f"{number:024x}"), Int64(number + (1 << 40)),
                {"shop": number, "till": "x"}, uuid.UUID(int=number), number + 0.5,
                datetime(2020, 1, 1) + timedelta(days=number)][number % 8]

    def _any(self) -> Document:
        return {"_id": self._chooser.choice(self._ids)}

    def _document(self) -> Document:
        return {
            **{name: self._value() for name in NAMES[:4]},
            "count": self._chooser.randrange(100),
            "total": Int64(self._chooser.randrange(1 << 50)),
            "price": self._chooser.random() * 1e6,
            "exact": Decimal128(f"{self._chooser.randrange(10 ** 6)}.50"),
            "n": {"x": self._value(), "deep": {"z": self._leaf(), "u": 1}},
            "list": [self._chooser.randrange(9) for _ in range(self._chooser.randint(2, 9))],
            "docs": [{"k": key, "v": self._leaf(), "tags": ["t", key]} for key in range(3)],
        }

    def _value(self, depth: int = 0) -> Any:
        kind = self._chooser.random()
        if kind < 0.7 or depth == 3:
            return self._leaf()
        if kind < 0.85:
            return {name: self._value(depth + 1)
                    for name in self._chooser.sample(NAMES, self._chooser.randint(0, 3))}
        return [self._value(depth + 1) for _ in range(self._chooser.randint(0, 4))]

    def _leaf(self) -> Any:
        number = self._chooser.randrange(1, 1 << 31)
        return self._chooser.choice([
            number, -number, Int64(number << 31), Int64(5), number / 7, -0.0, 1e300, 5e-324, 3.0,
            float("nan"), float("-inf"), "", "text", 'q"\\/\n\t\u0001é☃😀\u2028', True, False, None,
            ObjectId(f"{number:024x}"), datetime(1969, 1, 1) + timedelta(seconds=number),
            Decimal128(f"{number}E-5"), Decimal128("NaN"), Binary(b"\0\1\xff"), Binary(b"", 0),
            Binary(bytes(range(16)), 3), Binary(bytes(range(16)), 4), Binary(b"md5", 5),
            Binary(b"own", 128), Timestamp(number, 7), Regex("^a.*/b\\d$", "ims"), Regex("x"),
            Code("function() { return 1; }"), Code("f(y)", {"y": Int64(1)}), MinKey(), MaxKey(),
            {}, [], [[], [[1]], {}],
        ])

    def _modify(self, collection: Collection) -> None:
        path = self._chooser.choice(PATHS)
        collection.update_one(self._any(), self._chooser.choice([
            {"$set": {path: self._value()}},
            {"$set": {path: self._value()}},
            {"$unset": {path: ""}},
            {"$inc": {"count": 3, "price": -0.5}},
            {"$inc": {"total": Int64(-1), "exact": Decimal128("0.25")}},
            {"$mul": {"price": 1.5, "count": 2}},
            {"$min": {"price": 1000.0}, "$max": {"count": 50}},
            {"$bit": {"count": {"xor": 5}}},
            {"$rename": {"a": "renamed", "n.x": "n.renamed"}},
            {"$currentDate": {"seen": True, "stamp": {"$type": "timestamp"}}},
        ]))

    def _modify_several(self, collection: Collection) -> None:
        collection.update_one(self._any(), {
            "$set": {"z": self._value(), "b": self._value(), "n.deep.z": self._leaf()},
            "$unset": {"c": "", "n.y": ""}, "$inc": {"count": 1}, "$push": {"list": 10}})

    def _array(self, collection: Collection) -> None:
        collection.update_one(self._any(), self._chooser.choice([
            {"$push": {"list": self._value()}},
            {"$push": {"list": {"$each": [9, 8, 7], "$position": 1}}},
            {"$push": {"list": {"$each": [1, 2], "$sort": -1, "$slice": 4}}},
            {"$push": {"docs.0.tags": "more"}},
            {"$addToSet": {"list": {"$each": [1, {"x": 1}]}}},
            {"$pull": {"list": {"$in": [1, 2, 3]}}},
            {"$pull": {"docs": {"k": 1}}},
            {"$pullAll": {"list": [9, 8]}},
            {"$pop": {"list": self._chooser.choice([1, -1])}},
            {"$set": {"list.12": "behind a hole"}},
            {"$unset": {"list.1": ""}},
        ]))

    def _array_elements(self, collection: Collection) -> None:
        collection.update_many({"docs.k": 2}, {"$set": {"docs.$.v": self._leaf()}})
        collection.update_one(self._any(), {"$set": {"docs.$[].seen": self._leaf()}})
        collection.update_one(self._any(), {"$unset": {"docs.$[d].v": ""}},
                              array_filters=[{"d.k": {"$lt": 2}}])

    def _replace(self, collection: Collection) -> None:
        collection.replace_one(self._any(), self._chooser.choice([{}, self._document()]))

    def _upsert(self, collection: Collection) -> None:
        collection.update_one(self._any(), {"$set": {"a": self._value()},
                                            "$setOnInsert": {"born": True}}, upsert=True)
        collection.replace_one(self._any(), self._document(), upsert=True)

    def _delete(self, collection: Collection) -> None:
        collection.delete_one(self._any())

    def _insert(self, collection: Collection) -> None:
        collection.insert_one({**self._any(), **self._document()})

    def _find_and_modify(self, collection: Collection) -> None:
        collection.find_one_and_update(self._any(), {"$set": {"found": self._leaf()}})
        collection.find_one_and_replace(self._any(), self._document())

    def _bulk(self, collection: Collection) -> None:
        collection.bulk_write([
            pymongo.DeleteOne(self._any()), pymongo.InsertOne({**self._any(), **self._document()}),
            pymongo.UpdateOne(self._any(), {"$inc": {"count": 1}}),
            pymongo.ReplaceOne(self._any(), self._document())], ordered=False)

    def _many(self, collection: Collection) -> None:
        collection.update_many({"count": {"$mod": [7, 1]}}, {"$set": {"swept": self._leaf()}})

    def _transaction(self, collection: Collection) -> None:
        def several(session: ClientSession) -> None:
            for _ in range(3):
                collection.update_one(self._any(), {"$set": {"a": self._value()}}, session=session)
            query = self._any()
            collection.delete_one(query, session=session)
            collection.insert_one({**query, **self._document()}, session=session)
            self._pipelined.update_one(self._any(), [{"$set": {"count": 1}}], session=session)

        with self._client.start_session() as session:
            session.with_transaction(several)

    def _pipeline(self, collection: Collection) -> None:
        forms: list[list[Document]] = [
            [{"$set": {"count": {"$add": ["$count", 10]}, "zz": "$price", "aa": "$list"}}],
            [{"$set": {"n.deep.z": "$count", "n.new": {"$literal": self._value()}}}],
            [{"$unset": ["b", "n.x", "aa"]}],
            [{"$replaceWith": {"$mergeObjects": [{"$literal": self._document()},
                                                 {"_id": "$_id"}]}}],
            # Arrays that are cut off, grow, and change in the middle.
            [{"$set": {"list": {"$slice": ["$list", 2]}}}],
            [{"$set": {"list": {"$slice": ["$list", 3]}, "count": 0}}, {"$unset": "c"}],
            [{"$set": {"list": {"$concatArrays": ["$list", [1, {"x": 2}, 3]]}}}],
            [{"$set": {"docs": {"$map": {"input": "$docs", "in": {"$mergeObjects": [
                "$$this", {"v": self._chooser.randrange(9)}]}}}}}],
            [{"$set": {"docs": {"$map": {"input": "$docs", "in": {"$mergeObjects": [
                "$$this", {"tags": {"$slice": ["$$this.tags", 1]}}]}}}}}],
        ]
        if self._has_set_field:  # names that a path cannot hold
            forms += [[{"$set": {"n": {"$setField": {
                "field": {"$literal": name}, "input": "$n", "value": self._chooser.randrange(9)}}}}]
                for name in ("dot.ted", "$dollar", "")]
        collection.update_one(self._any(), self._chooser.choice(forms))
