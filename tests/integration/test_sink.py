"""The consumers of Debezium's events take ours: MongoDB's sink connector, Debezium's transform.

Both are the real ones, under a real Kafka Connect.

    SHARDTAIL_SEED    of the run to repeat; it is printed
"""

from __future__ import annotations

import json
import unittest
from collections import Counter
from typing import TypeVar

from bson import Binary
from confluent_kafka import Producer

from golden.deviations import is_left_out
from golden.records import Record, golden_records
from golden.workload import run as run_workload
from golden.workload.values import UUID_BYTES
from integration.harness.capture import Capture
from integration.harness.case import SEED, IntegrationTest
from integration.harness.goldens import NOT_RENAMED
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import MongoNode, ReplicaSet
from integration.harness.replay import payload
from integration.sink.connect import ConnectWorker
from integration.sink.connectors import mongodb_sink, unwrapping_file_sink
from integration.sink.random_writes import DATABASE, PIPELINED, RandomWrites
from integration.sink.rebuilt import collections, differences, without_order
from integration.sink.unwrapping import Unwrapped, wait_until_unwrapped

WRITES = 400  # in each of four phases

# Collections that commands have changed, which Debezium's events do not carry.
CHANGED_BY_COMMANDS = {
    "gone.c": "dropDatabase",
    "wl.todrop": "drop",
    "wl.torename": "rename",
    "wl.renamed": "rename",
    "wl.many": "rename of another to this name",
    "wl.da-sh": "rename to another database",
    "other.da_sh_moved": "rename from another database",
}

# Documents that the sink cannot rebuild from 1.3's form of events, whoever writes them.
LOST_IN_1_3_FORM = {
    ("wl.types", "105"): "a sub-document {$oid: …} is read as an ObjectId",
    ("wl.types", "106"): "a sub-document {$date: …} is read as a date",
    ("wl.types", "122"): "a DBPointer has the form of a DBRef",
    ("wl.types", "123"): "the sink's documents hold a field name once",
    ("wl.ids", repr(Binary(bytes(UUID_BYTES), 3))):
        "the key's $uuid is read as binary subtype 4, which is no document's _id: not deleted",
}

# Ids as the transform takes them out of the golden keys, and out of ours: see golden.deviations.
OUR_IDS = {
    "id=a\n\t,": "id=a\n\t\u0001,",
    "id=g(),": "id=Struct{code=g(),scope=Struct{a=1}},",
}

T = TypeVar("T")


def with_our_ids(document: str) -> str:
    for golden, ours in OUR_IDS.items():
        document = document.replace(golden, ours)
    return document


class Captured(IntegrationTest):
    """A replica set, captured, and rebuilt by MongoDB's sink at the same time.

    Some of it is copied by a snapshot, some streamed, some comes after a restart.
    """

    maxDiff = None
    server: str
    replica_set: ReplicaSet
    broker: KafkaBroker
    target: MongoNode
    records: list[Record]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        cls.replica_set = cls.start_replica_set(cls.server, members=1)
        cls.broker = cls.start_broker()
        # The newest version: it takes all that older ones hold.
        cls.target = MongoNode("6.0", cls.directory / "target").start()
        cls.addClassCleanup(cls.target.kill)
        cls.target.wait_until_up()
        worker = cls.start_connect(
            "sink", ["mongo-kafka"],
            mongodb_sink("rebuild", r"dbserver1\..*", cls.target.address))

        cls.records = cls.capture_all()

        worker.wait_until_read("rebuild", cls.records)
        worker.stop()

    @classmethod
    def capture_all(cls) -> list[Record]:
        capture = Capture(cls.directory / "shardtail", cls.replica_set, cls.broker,
                          properties={"snapshot.include.collection.list": NOT_RENAMED})
        port = cls.replica_set.primary().port
        writes = RandomWrites(cls.replica_set, SEED)
        cls.addClassCleanup(writes.close)

        run_workload(port, ["clean", "pre"])
        writes.fill()
        writes.run(WRITES)
        capture.shardtail.start()
        capture.wait_for_snapshot()
        run_workload(port, ["stream"])
        writes.run(WRITES)
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        run_workload(port, ["after"])
        writes.run(WRITES)
        capture.shardtail.start()
        writes.run(WRITES)
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        return capture.records()

    @classmethod
    def start_connect(cls, name: str, plugins: list[str],
                      *connectors: dict[str, str]) -> ConnectWorker:
        worker = ConnectWorker(cls.directory / name, cls.broker, plugins, list(connectors))
        cls.addClassCleanup(worker.stop)
        return worker.start()

    def assert_rebuilt(self, changed_unseen: dict[str, str], unordered: set[str]) -> None:
        """All collections are as in the source, byte for byte, but for those in the tables.

        Collections in `unordered` may differ in the order of fields. What is in a table must
        differ.
        """
        with self.replica_set.client() as client:
            source = collections(client)
        with self.target.client() as client:
            rebuilt = collections(client)
        found = differences(source, rebuilt, lambda namespace, document: (
            without_order(document) if namespace in unordered else document))
        unexpected = [f"{place}: {texts}" for place, texts in found.items()
                      if place[0] not in changed_unseen and place not in LOST_IN_1_3_FORM]
        if unexpected:
            self.fail(f"{len(unexpected)} documents differ:\n" + "\n".join(unexpected[:20]))
        self.assertEqual(set(changed_unseen) - {namespace for namespace, _ in found}, set())
        self.assertEqual(set(LOST_IN_1_3_FORM) - set(found), set())

    def assert_all_forms_were_captured(self) -> None:
        """The random writes have made what they are there for."""
        events = [event for event in map(payload, self.records)
                  if event and event["source"]["db"] == DATABASE]
        patches = [json.loads(event["patch"]) for event in events if event["op"] == "u"]
        self.assertEqual({event["op"] for event in events}, set("rcud"))
        for name in ("_id", "$set", "$unset"):
            self.assertGreater(sum(name in patch for patch in patches), 10, name)
        self.assertGreater(sum(event["source"]["tord"] is not None for event in events), 10)

    def assert_same(self, ours: Counter[T], golden: Counter[T]) -> None:
        self.assertGreater(golden.total(), 0)
        self.assertEqual((ours - golden, golden - ours), (Counter(), Counter()))

    def unwrap_beside_golden(self) -> tuple[Unwrapped, Unwrapped]:
        """What the transform makes of our records of the golden workload, and of the golden."""
        ours = [record for record in self.records
                if not record.topic.startswith(f"dbserver1.{DATABASE}.")]
        golden = [record for record in golden_records("4.4", "default")
                  if not is_left_out(record.topic)]
        producer = Producer({"bootstrap.servers": self.broker.bootstrap})
        for record in golden:
            producer.produce(f"golden.{record.topic}", key=record.key, value=record.value)
        self.assertEqual(producer.flush(30), 0)
        files = {name: self.scratch() / name for name in ("ours", "golden")}
        worker = self.start_connect(
            "unwrap", ["debezium-1.3", "connect-file"],
            unwrapping_file_sink("ours", rf"dbserver1\.(?!{DATABASE}\.).*", files["ours"]),
            unwrapping_file_sink("golden", r"golden\..*", files["golden"]))
        bootstrap = self.broker.bootstrap
        result = (wait_until_unwrapped(bootstrap, "ours", files["ours"], ours, ""),
                  wait_until_unwrapped(bootstrap, "golden", files["golden"], golden, "golden."))
        worker.stop()
        return result


class MongoDb44(Captured):
    server = "4.4"

    def test_mongodbs_sink_rebuilds_the_collections(self) -> None:
        self.assert_all_forms_were_captured()
        self.assert_rebuilt({
            **CHANGED_BY_COMMANDS,
            "wl.capped": "4.4's oplog has no deletes of what a capped collection drops",
        }, unordered=set())

    def test_debeziums_transform_makes_of_our_events_what_it_makes_of_its_own(self) -> None:
        ours, golden = self.unwrap_beside_golden()
        self.assert_same(ours.refusals, golden.refusals)
        self.assert_same(ours.documents, Counter(
            {with_our_ids(document): count for document, count in golden.documents.items()}))


class MongoDb60(Captured):
    server = "6.0"

    def test_mongodbs_sink_rebuilds_the_collections(self) -> None:
        self.assert_all_forms_were_captured()
        # The order in which a pipeline leaves the fields is not in the oplog.
        self.assert_rebuilt(CHANGED_BY_COMMANDS, unordered={f"{DATABASE}.{PIPELINED}"})

    def test_debeziums_transform_refuses_the_same_events_as_of_its_own(self) -> None:
        ours, golden = self.unwrap_beside_golden()
        self.assert_same(ours.refusals, golden.refusals)


if __name__ == "__main__":
    unittest.main()
