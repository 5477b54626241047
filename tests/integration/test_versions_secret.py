"""An excluded value appears in no byte that leaves the process: topics, outputs, log, offsets."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from pathlib import Path

import pymongo
from bson import Binary, Code, Regex
from pymongo.client_session import ClientSession

from golden.records import Record
from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.mongo import ReplicaSet
from integration.harness.topics import read_topics

SECRET = "hunter2-Geheimnis"
# As Debezium writes a binary; of any alignment of its bytes.
IN_BASE64 = ["aHVudGVyMi1HZWhlaW1uaX", "h1bnRlcjItR2VoZWltbml", "odW50ZXIyLUdlaGVpbW5pc"]
DATABASE = "vault"
EXCLUDED = ["secret", "sub.secret", "sub.deep.secret", "list.secret", "list.sub.secret",
            "hidden", "sub.hidden"]
EXCLUDE_LIST = ",".join(f"{DATABASE}.*.{path}" for path in EXCLUDED)


def document(number: int) -> dict:
    """With a secret wherever one may be, and something public beside each."""
    return {
        "_id": number, "public": 1, "secret": SECRET,
        "sub": {"secret": [SECRET, {"x": SECRET}], "public": 2, "hidden": {"any": SECRET},
                "deep": {"secret": {"a": {"b": SECRET}}, "public": 3}},
        "list": [{"secret": SECRET, "public": 4, "sub": {"secret": SECRET, "public": 5}},
                 {"public": 6, "sub": {"public": 7, "secret": Binary(SECRET.encode(), 128)}}],
        "hidden": {SECRET: [SECRET, Code(SECRET), Regex(SECRET), Binary(SECRET.encode())]},
    }


def plant(client: pymongo.MongoClient) -> None:
    """Writes of every kind that bring the secret into the oplog."""
    database = client[DATABASE]
    updated = database["updated"]
    updated.insert_many([document(number) for number in range(40)])
    modifiers = [
        {"$set": {"secret": SECRET + "2", "public": 9}},
        {"$set": {"secret": SECRET + "2"}},
        {"$set": {"sub.secret": SECRET + "2", "sub.deep.secret.a": SECRET}},
        {"$set": {"sub": {"secret": SECRET, "public": 1}}},
        {"$set": {"sub": {"deep": {"secret": SECRET}}, "new": 1}},
        {"$set": {"sub.deep": {"secret": SECRET, "public": 1}}},
        {"$set": {"list.0.secret": SECRET + "2", "list.1.sub.secret": SECRET, "public": 9}},
        {"$set": {"list.0": {"secret": SECRET, "public": 1}}},
        {"$set": {"list": [{"secret": SECRET}, {"sub": {"secret": SECRET}}]}},
        {"$set": {"hidden.other": SECRET, "sub.hidden.other.deep": SECRET}},
        {"$unset": {"secret": "", "sub.secret": ""}},
        {"$unset": {f"hidden.{SECRET}": "", "public": ""}},
        {"$rename": {"public": "hidden.renamed"}},
        {"$rename": {"secret": "sub.hidden.was_secret"}},
        {"$push": {"list": {"secret": SECRET, "sub": {"secret": SECRET}, "public": 8}}},
        {"$push": {"sub.secret": SECRET + "2", "list.0.sub.public2": 1}},
        {"$push": {"list": {"$each": [{"secret": SECRET}], "$position": 0}}},
        {"$pull": {"list": {"public": 6}}},
        {"$pop": {"list": -1}},
        {"$addToSet": {"sub.secret": SECRET + "3"}},
        # Pipelines: documents up to 4.4, diffs from 5.0 on, some without a form as modifiers.
        [{"$set": {"secret": SECRET + "2", "public": 9}}],
        [{"$set": {"sub.deep.secret": SECRET + "2", "sub.deep.public": 9}}],
        [{"$set": {"sub": {"secret": SECRET, "public": 9}}}],
        [{"$set": {"list": {"$slice": ["$list", 1]}}}],
        [{"$set": {"list": {"$map": {"input": "$list", "in": {"$mergeObjects": [
            "$$this", {"secret": SECRET + "2", "public": 9}]}}}}}],
        [{"$set": {"list": {"$concatArrays": ["$list", [{"secret": SECRET, "public": 1}]]}}}],
        [{"$replaceWith": {"$literal": document(26)}}],
        [{"$replaceWith": {"$mergeObjects": [{"$literal": document(0)}, {"_id": "$_id"},
                                             {"public": {"$literal": {"dot.ted": 1}}}]}}],
        [{"$unset": ["secret", "sub.deep.secret"]}],
    ]
    for number, change in enumerate(modifiers):
        updated.update_one({"_id": number}, change)
    updated.replace_one({"_id": 30}, document(30) | {"public": 9})
    updated.find_one_and_update({"_id": 31}, {"$set": {"secret": SECRET + "2"}})
    updated.find_one_and_replace({"_id": 31}, document(31) | {"new": 1})
    updated.find_one_and_delete({"_id": 32})
    updated.update_one({"_id": 100}, {"$set": document(100) | {"new": 1}}, upsert=True)
    updated.delete_many({"secret": SECRET, "_id": {"$lt": 5}})

    def in_a_transaction(session: ClientSession) -> None:
        updated.insert_one(document(200), session=session)
        updated.update_one({"_id": 200}, {"$set": {"sub.secret": SECRET + "4", "a": 1}},
                           session=session)
        updated.update_one({"_id": 200}, [{"$set": {"list": {"$slice": ["$list", 1]}}}],
                           session=session)
        updated.replace_one({"_id": 200}, document(200), session=session)
        updated.delete_one({"_id": 200}, session=session)

    with client.start_session() as session:
        session.with_transaction(in_a_transaction)
    apply_ops(client)
    list(updated.aggregate([{"$match": {"_id": {"$gt": 20}}}, {"$out": "copied"}]))
    list(updated.aggregate([{"$match": {"_id": {"$gt": 30}}},
                            {"$set": {"secret": SECRET + "5", "public": 9}}, {"$merge": "copied"}]))


def apply_ops(client: pymongo.MongoClient) -> None:
    """Filters that hold more than the _id, as those of a sharded collection do."""
    namespace = f"{DATABASE}.updated"
    client.admin.command("applyOps", [
        {"op": "i", "ns": namespace, "o": document(300)},
        {"op": "u", "ns": namespace, "o2": {"secret": SECRET, "_id": 300},
         "o": {"$set": {"sub.secret": SECRET, "public": 10}}},
        {"op": "d", "ns": namespace, "o": {"secret": SECRET, "sub": {"secret": SECRET},
                                           "_id": 300}}])


class Secrets:
    """The tests; a class below for each server version."""

    version: str
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(cls.version, members=1)

    def test_an_excluded_value_never_leaves_the_process(self) -> None:
        records = self.captured({"field.exclude.list": EXCLUDE_LIST})
        self.assert_nothing(self.places(records), "places with the secret")
        self.assert_public_values_are_there(records)

    def test_without_the_exclusion_it_is_everywhere(self) -> None:
        """So the other test would have found it."""
        records = self.captured({})
        places = set(self.places(records))
        self.assertEqual(places, {f"topic dbserver1.{DATABASE}.{collection}"
                                  for collection in ("before", "updated", "copied")})
        values = [record.value for record in records if record.value is not None]
        for operation in "rcud":
            of_operation = [value for value in values if b'"op":"%s"' % operation.encode() in value]
            self.assertTrue(any(has_secret(value) for value in of_operation), operation)
        # Its base64 too: what the first search would miss.
        self.assertTrue(any(text.encode() in value for value in values for text in IN_BASE64))

    def captured(self, properties: dict[str, str]) -> list[Record]:
        """What is copied, and what is streamed, with all that can be logged."""
        broker = self.start_broker(f"kafka-{self.id().split('.')[-1]}")
        self.broker = broker
        self.addCleanup(broker.stop)
        self.scratch_directory = self.scratch()
        capture = Capture(self.scratch_directory, self.replica_set, broker, properties={
            "database.include.list": DATABASE, "log.level": "trace",
            "provide.transaction.metadata": "true", "heartbeat.interval.ms": "100",
            **properties})
        with self.replica_set.client() as client:
            client.drop_database(DATABASE)
            client[DATABASE]["before"].insert_many([document(number) for number in range(5)])
            capture.shardtail.start()
            capture.wait_for_snapshot()
            plant(client)
            capture.wait_until_caught_up()
            capture.shardtail.stop()
            # A new run reads the stored offset, and logs how it goes on.
            client[DATABASE]["updated"].insert_one(document(400))
            capture.shardtail.start()
            capture.wait_until_caught_up()
            capture.shardtail.stop()
        return capture.records()

    def places(self, records: list[Record]) -> Iterator[str]:
        """Where the secret is: topics, those of offsets and heartbeats too, and files."""
        for record in read_topics(self.broker.bootstrap, ""):
            parts = [record.key, record.value, *(part for name, value in record.headers
                                                 for part in (name.encode(), value))]
            if any(has_secret(part) for part in parts if part is not None):
                yield f"topic {record.topic}"
        self.assertGreater(len(records), 50)
        files = {"shardtail.out", "shardtail.err"}
        for path in self.files():
            if path.name == "shardtail.properties":
                continue
            files.discard(path.name)
            if has_secret(path.read_bytes()):
                yield f"file {path.name}"
        self.assertEqual(files, set())

    def files(self) -> list[Path]:
        """All that the program wrote: its output, its log, whatever else it may leave."""
        return [path for path in self.scratch_directory.rglob("*") if path.is_file()]

    def assert_public_values_are_there(self, records: list[Record]) -> None:
        """What stands beside the secrets came through, from each kind of write."""
        values = b"\n".join(record.value for record in records if record.value is not None)
        for text in [rf'\"public\": {number}' for number in range(1, 11)]:
            self.assertIn(text.encode(), values)


def has_secret(text: bytes) -> bool:
    return any(form.encode() in text for form in [SECRET, *IN_BASE64])


class SecretsOf44(Secrets, IntegrationTest):
    version = "4.4"


class SecretsOf60(Secrets, IntegrationTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
