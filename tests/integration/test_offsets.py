"""Stored offsets: those of a Debezium 1.3.1 are continued from, and no bad one is passed over."""

from __future__ import annotations

import json
import time
import unittest
from dataclasses import replace

from bson import Timestamp

from golden.records import Record
from integration.harness import java_offsets
from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import OffsetFile, debezium_offset
from integration.harness.replay import payload
from integration.harness.shardtail import Shardtail, connector, dotted, run
from integration.harness.waiting import wait_for

SESSION = "4d998821-fb8f-43c6-b0ee-95a8b96b42f9"


def events(records: list[Record]) -> list[tuple[str, int]]:
    """Operation and _id of each event, tombstones left out."""
    found = []
    for record in records:
        event = payload(record)
        if event:
            document = event["after"] or event["filter"]
            found.append((event["op"], json.loads(document)["_id"]))
    return found


class Offsets(IntegrationTest):
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(members=1)

    def setUp(self) -> None:
        """Each test has a database of its own, with documents 1 to 5, inserted one by one."""
        self.database = self.own_database
        with self.replica_set.client() as client:
            for number in range(1, 6):
                client[self.database]["c"].insert_one({"_id": number})

    def optime(self, number: int) -> Timestamp:
        """Where the insert of a document stands in the oplog."""
        with self.replica_set.client() as client:
            return client["local"]["oplog.rs"].find_one(
                {"ns": f"{self.database}.c", "op": "i", "o._id": number})["ts"]

    def transaction(self, *numbers: int) -> Timestamp:
        """Inserts documents in one transaction, and returns where it stands in the oplog."""
        with self.replica_set.client() as client:
            with client.start_session() as session, session.start_transaction():
                for number in numbers:
                    client[self.database]["c"].insert_one({"_id": number}, session=session)
            return client["local"]["oplog.rs"].find_one(
                {"ns": "admin.$cmd", "o.applyOps.ns": f"{self.database}.c"})["ts"]


class OffsetsInKafka(Offsets):
    """In the compacted topic of Kafka Connect's distributed mode."""

    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.broker = cls.start_broker()

    def capture(self, **properties: str) -> Capture:
        return Capture(self.scratch(), self.replica_set, self.broker, database=self.database,
                       properties=dotted(properties))

    def run_to_the_end(self, capture: Capture) -> list[tuple[str, int]]:
        """Starts it, waits until it has caught up, stops it; returns what it wrote."""
        capture.shardtail.start()
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        return events(capture.records())

    def test_continues_after_an_offset_that_debezium_stored(self) -> None:
        capture, third = self.capture(), self.optime(3)
        capture.offsets.create()
        capture.offsets.store("rs0", debezium_offset(third.time, third.inc, stxnid=f"{SESSION}:3"))
        self.assertEqual(self.run_to_the_end(capture), [("c", 4), ("c", 5)])
        self.assertEqual(list(capture.offsets.latest()), [capture.offsets.key("rs0")])

    def test_continues_after_seconds_and_ordinal_alone(self) -> None:
        capture, third = self.capture(), self.optime(3)
        capture.offsets.create()
        capture.offsets.store("rs0", {"sec": third.time, "ord": third.inc})
        self.assertEqual(self.run_to_the_end(capture), [("c", 4), ("c", 5)])

    def test_continues_in_the_middle_of_a_transaction(self) -> None:
        capture, place = self.capture(), self.transaction(11, 12, 13, 14)
        capture.offsets.create()
        capture.offsets.store("rs0", debezium_offset(place.time, place.inc, tord=2,
                                                     stxnid=f"{SESSION}:1"))
        with self.replica_set.client() as client:
            client[self.database]["c"].insert_one({"_id": 15})
        self.assertEqual(self.run_to_the_end(capture), [("c", 13), ("c", 14), ("c", 15)])
        self.assertEqual([payload(record)["source"]["tord"] for record in capture.records()],
                         [3, 4, None])

    def test_a_complete_transaction_is_not_sent_again(self) -> None:
        capture, place = self.capture(), self.transaction(11, 12)
        capture.offsets.create()
        capture.offsets.store("rs0", debezium_offset(place.time, place.inc, tord=2))
        self.transaction(21, 22)
        self.assertEqual(self.run_to_the_end(capture), [("c", 21), ("c", 22)])

    def test_an_unfinished_snapshot_of_debezium_is_taken_anew(self) -> None:
        capture, third = self.capture(), self.optime(3)
        capture.offsets.create()
        capture.offsets.store("rs0", {**debezium_offset(third.time, third.inc), "initsync": True})
        found = self.run_to_the_end(capture)
        self.assertEqual(found[:5], [("r", number) for number in range(1, 6)])

    def test_a_deleted_offset_is_none(self) -> None:
        capture, third = self.capture(), self.optime(3)
        capture.offsets.create()
        capture.offsets.store("rs0", debezium_offset(third.time, third.inc))
        capture.offsets.store("rs0", None)
        self.assertEqual(self.run_to_the_end(capture), [("r", number) for number in range(1, 6)])

    def test_another_connectors_offset_is_none_of_ours(self) -> None:
        capture, third = self.capture(name="our-own"), self.optime(3)
        capture.offsets.create()
        capture.offsets.store("rs0", debezium_offset(third.time, third.inc))
        capture.shardtail.start()
        own = replace(capture.offsets, connector="our-own")
        wait_for("an offset of our own", lambda: capture.alive() and own.position("rs0"))
        capture.shardtail.stop()
        self.assertEqual(events(capture.records()), [("r", number) for number in range(1, 6)])
        self.assertIn(b'["our-own",{"rs":"rs0","server_id":"dbserver1"}]',
                      capture.offsets.latest())

    def test_an_offset_older_than_the_oplog_means_a_new_snapshot_and_says_so(self) -> None:
        capture = self.capture()
        capture.offsets.create()
        capture.offsets.store("rs0", debezium_offset(1, 1))
        self.assertEqual(self.run_to_the_end(capture), [("r", number) for number in range(1, 6)])
        self.assertRegex(capture.shardtail.log, "(?i)error.*position")

    def test_an_offset_that_is_no_entry_of_the_oplog_means_a_new_snapshot_and_says_so(self) -> None:
        capture, third = self.capture(), self.optime(3)
        capture.offsets.create()
        # As after a rollback: later entries are there, this one is not.
        capture.offsets.store("rs0", debezium_offset(third.time - 1, 987654))
        self.assertEqual(self.run_to_the_end(capture), [("r", number) for number in range(1, 6)])
        self.assertRegex(capture.shardtail.log, "(?i)error.*position")

    def test_a_lost_offset_without_leave_to_copy_ends_with_a_message(self) -> None:
        capture, third = self.capture(snapshot_mode="never"), self.optime(3)
        capture.offsets.create()
        for offset in (debezium_offset(1, 1), debezium_offset(third.time - 1, 987654)):
            capture.offsets.store("rs0", offset)
            capture.shardtail.start()
            self.assertGreater(capture.shardtail.wait(), 0)
            self.assertIn("snapshot.mode", capture.shardtail.log)
        self.assertEqual(capture.records(), [])

    def test_an_offset_of_the_future_is_waited_for_and_said(self) -> None:
        """A member that lags has not come so far yet: that is no reason to copy anew."""
        capture = self.capture()
        capture.offsets.create()
        future = int(time.time()) + 100_000
        capture.offsets.store("rs0", debezium_offset(future, 1))
        capture.shardtail.start()
        wait_for("a word about the offset", lambda: capture.alive() and
                 "has not come as far as the position" in capture.shardtail.log)
        capture.shardtail.stop()
        self.assertEqual(capture.records(), [])
        self.assertEqual(capture.position.sec, future)

    def test_an_offset_that_cannot_be_understood_is_not_passed_over(self) -> None:
        capture = self.capture()
        capture.offsets.create()
        for offset in ("nonsense", {"sec": "soon", "ord": 1}, {"resume_token": "82"}, {}):
            capture.offsets.store("rs0", offset)
            capture.shardtail.start()
            self.assertGreater(capture.shardtail.wait(), 0, offset)
            self.assertIn(f"offsets-{self.database}", capture.shardtail.log)
        self.assertEqual(capture.records(), [])

    def test_snapshot_mode_never_streams_from_now(self) -> None:
        capture = self.capture(snapshot_mode="never")
        capture.shardtail.start()
        capture.wait_for_snapshot()  # an offset is stored
        with self.replica_set.client() as client:
            client[self.database]["c"].insert_one({"_id": 6})
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assertEqual(events(capture.records()), [("c", 6)])

    def test_offsets_are_shown_set_and_deleted(self) -> None:
        capture, third = self.capture(), self.optime(3)
        self.run_to_the_end(capture)
        path, place = capture.shardtail.properties_path, capture.position

        shown = run("offsets", "show", path)
        self.assertEqual(shown.status, 0, shown.stderr)
        for word in ("rs0", str(place.sec), str(place.ord)):
            self.assertIn(word, shown.stdout)

        done = run("offsets", "set", path, "--replica-set", "rs0", "--sec", str(third.time),
                   "--ord", str(third.inc))
        self.assertEqual(done.status, 0, done.stderr)
        self.assertEqual(json.loads(capture.offsets.value("rs0")),
                         debezium_offset(third.time, third.inc))
        self.assertEqual(self.run_to_the_end(capture)[5:], [("c", 4), ("c", 5)])

        done = run("offsets", "delete", path, "--replica-set", "rs0")
        self.assertEqual(done.status, 0, done.stderr)
        self.assertEqual(capture.offsets.latest(), {capture.offsets.key("rs0"): None})
        self.assertNotIn("rs0", run("offsets", "show", path).stdout)
        self.assertEqual(self.run_to_the_end(capture)[7:],
                         [("r", number) for number in range(1, 6)])

    def test_an_offset_within_a_transaction_is_set(self) -> None:
        capture, place = self.capture(), self.transaction(11, 12, 13)
        done = run("offsets", "set", capture.shardtail.properties_path, "--replica-set", "rs0",
                   "--sec", str(place.time), "--ord", str(place.inc), "--tord", "2")
        self.assertEqual(done.status, 0, done.stderr)
        with self.replica_set.client() as client:
            client[self.database]["c"].insert_one({"_id": 14})
        self.assertEqual(self.run_to_the_end(capture), [("c", 13), ("c", 14)])


class OffsetsInAFile(Offsets):
    """In the form of Kafka Connect's standalone mode."""

    OTHER = b'["other",{"server":"x"}]'
    KEY = b'["mongo-src",{"rs":"rs0","server_id":"dbserver1"}]'
    # Of the record of what is captured.
    FILTERS = b'["mongo-src",{"collection":"filters","rs":"rs0","server_id":"dbserver1"}]'

    def setUp(self) -> None:
        super().setUp()
        self.file = self.scratch() / "offsets.dat"
        self.offsets = OffsetFile(self.file, self.KEY)
        self.events = self.scratch() / "events"
        self.shardtail = Shardtail(self.scratch(), {
            **connector(self.replica_set.hosts), "database.include.list": self.database,
            "sink.type": "file", "sink.file.path": str(self.events),
            "offset.storage.file.filename": str(self.file), "offset.flush.interval.ms": "200"})

    def run_to_the_end(self) -> list[str]:
        """Starts it, waits until it has caught up, stops it; returns the lines it wrote."""
        self.shardtail.start()
        self.offsets.wait_until_caught_up(self.replica_set, self.shardtail)
        self.shardtail.stop()
        return self.events.read_text().splitlines() if self.events.exists() else []

    def test_continues_from_a_file_of_kafka_connect(self) -> None:
        third = self.optime(3)
        offset = debezium_offset(third.time, third.inc, stxnid=f"{SESSION}:3")
        self.file.write_bytes(java_offsets.encode({
            self.OTHER: b'{"pos":1}',
            self.KEY: json.dumps(offset, separators=(",", ":")).encode()}))
        self.assertEqual(len(self.run_to_the_end()), 2)
        self.assertEqual(set(self.offsets.stored()), {self.OTHER, self.KEY, self.FILTERS})
        self.assertEqual(self.offsets.stored()[self.OTHER], b'{"pos":1}',
                         "another connector's offset")

    def test_a_new_file_is_one_that_kafka_connect_reads(self) -> None:
        self.assertEqual(len(self.run_to_the_end()), 5)
        stored = self.offsets.stored()
        self.assertEqual(set(stored), {self.KEY, self.FILTERS})
        self.assertEqual(self.file.read_bytes(), java_offsets.encode(stored))
        with self.replica_set.client() as client:
            client[self.database]["c"].insert_one({"_id": 6})
        self.assertEqual(len(self.run_to_the_end()), 6, "nothing again at the next start")

    def test_offsets_are_shown_set_and_deleted(self) -> None:
        self.run_to_the_end()
        path, third = self.shardtail.properties_path, self.optime(3)
        shown = run("offsets", "show", path)
        self.assertEqual(shown.status, 0, shown.stderr)
        self.assertIn("rs0", shown.stdout)

        done = run("offsets", "set", path, "--replica-set", "rs0", "--sec", str(third.time),
                   "--ord", str(third.inc))
        self.assertEqual(done.status, 0, done.stderr)
        self.assertEqual(len(self.run_to_the_end()), 7)

        done = run("offsets", "delete", path, "--replica-set", "rs0")
        self.assertEqual(done.status, 0, done.stderr)
        self.assertNotIn(self.KEY, self.offsets.stored())
        self.assertEqual(len(self.run_to_the_end()), 12)


if __name__ == "__main__":
    unittest.main()
