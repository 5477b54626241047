"""Debezium's ExtractNewDocumentState makes of our records what it made of Debezium's own.

The golden run had it in its source connector. Here the same transform, with the same options, is
in front of MongoDB's sink connector, under a real Kafka Connect, and reads our records.
"""

from __future__ import annotations

import base64
import json
import unittest
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from bson import Binary, DatetimeMS, Int64
from bson.json_util import CANONICAL_JSON_OPTIONS, dumps

from golden.records import Record, golden_properties, golden_records
from integration.harness.goldens import GoldenTest
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import MongoNode
from integration.sink.connect import ConnectWorker
from integration.sink.connectors import document_sink

TOPICS = ("dbserver1.wl.orders", "dbserver1.wl.upd")

# What the golden run has as headers, which no sink shows, is asked for as a field: __op comes out
# of the same events; the time differs from run to run. A tombstone has no document.
OPTIONS = {"transforms.unwrap.add.fields": "op", "transforms.unwrap.drop.tombstones": "true"}

# A UUID, whose bytes 1.3.1 reverses: see golden.deviations.
GOLDEN_UUID, OUR_UUID = "AAAAAAAAAAAFAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAABQ=="


class Unwrap(GoldenTest):
    maxDiff = None

    def test_every_record_is_unwrapped_as_debeziums(self) -> None:
        _, ours = self.captured("unwrap")
        golden = golden_records(self.server, "unwrap")
        self.assertEqual({record.topic for record in golden}, set(TOPICS))
        self.assertEqual({record.topic for record in ours}, set(TOPICS))
        documents = self.unwrapped(ours)
        for topic in TOPICS:
            self.assert_same_in_order(
                [(unwrapped_key(record.key), None) for record in of(topic, golden)
                 if record.value is None],
                [(plain_key(record.key), None) for record in of(topic, ours)
                 if record.value is None])
            events = [record for record in of(topic, ours) if record.value is not None]
            self.assertEqual(len(documents[topic]), len(events))
            self.assert_same_in_order(
                [(unwrapped_key(record.key), golden_document(record))
                 for record in of(topic, golden) if record.value is not None],
                [(plain_key(record.key), document)
                 for record, document in zip(events, documents[topic])])

    def unwrapped(self, records: list[Record]) -> dict[str, list[str]]:
        """What the transform makes of the events, by topic, in order."""
        target = MongoNode("6.0", self.directory / "target").start()
        self.addCleanup(target.kill)
        target.wait_until_up()
        transforms = {name: value
                      for name, value in golden_properties(self.server, "unwrap").items()
                      if name.startswith("transforms") and not name.endswith(".add.headers")}
        worker = ConnectWorker(
            self.directory / "connect", self.broker, ["debezium-1.3", "mongo-kafka"],
            [document_sink("unwrap", "|".join(TOPICS), target.address, {**transforms, **OPTIONS})])
        self.addCleanup(worker.stop)
        worker.start()
        worker.wait_until_read("unwrap", records)
        with target.client() as client:
            return {topic: [canonical(document, leave_out="_id") for document in
                            client["unwrap"][topic].find().sort("$natural", 1)]
                    for topic in TOPICS}

    def broker_of(self, configuration: str) -> KafkaBroker:
        self.broker = super().broker_of(configuration)
        return self.broker

    def assert_same_in_order(self, golden: list[tuple[Any, str | None]],
                             ours: list[tuple[Any, str | None]]) -> None:
        """All of each key, and all that is streamed: the order of a snapshot is free."""
        self.assertEqual(by_key(golden), by_key(ours))
        self.assertEqual(streamed(golden), streamed(ours))


def of(topic: str, records: Iterable[Record]) -> list[Record]:
    return [record for record in records if record.topic == topic]


def by_key(pairs: list[tuple[Any, str | None]]) -> dict[Any, list[str | None]]:
    groups = defaultdict(list)
    for key, document in pairs:
        groups[key].append(document)
    return groups


def streamed(pairs: list[tuple[Any, str | None]]) -> list[tuple[Any, str | None]]:
    return [pair for pair in pairs if pair[1] is None or '"__op": "r"' not in pair[1]]


def plain_key(key: bytes) -> Any:
    """Of our record: the id is JSON in a string."""
    return json.loads(json.loads(key)["payload"]["id"])


def unwrapped_key(key: bytes) -> Any:
    return json.loads(key)["payload"]["id"]


def golden_document(record: Record) -> str:
    """The value of a golden record in BSON's types, with the header that we have as a field."""
    value = json.loads(record.value)
    document = typed(value["payload"], value["schema"])
    document["__op"] = dict(record.headers)["__op"].decode()
    return canonical(document).replace(GOLDEN_UUID, OUR_UUID)


def typed(value: Any, schema: dict[str, Any]) -> Any:
    """A value of Connect's as the sink connector stores it."""
    if value is None:
        return None
    kind = schema["type"]
    if kind == "struct":
        return {field["field"]: typed(value[field["field"]], field)
                for field in schema["fields"]}
    if kind == "double":
        return float(value)
    if schema.get("name") == "org.apache.kafka.connect.data.Timestamp":
        return DatetimeMS(value)
    if kind == "int64":
        return Int64(value)
    if kind == "bytes":
        return Binary(base64.b64decode(value))
    if kind in ("int32", "boolean", "string"):
        return value
    raise ValueError(f"no type of BSON's for {kind}")


def canonical(document: dict[str, Any], leave_out: str | None = None) -> str:
    """The document with its types, in the order of its fields."""
    return dumps({name: value for name, value in document.items() if name != leave_out},
                 json_options=CANONICAL_JSON_OPTIONS)


if __name__ == "__main__":
    unittest.main()
