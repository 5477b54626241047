"""Snapshots on demand: signals from a collection, a topic and a file."""

from __future__ import annotations

import json
import unittest
from pathlib import Path

from confluent_kafka import Producer

from integration.harness.file_capture import FileCapture
from integration.harness.history import copies, last_marks
from integration.harness.offsets import is_progress
from integration.harness.replay import payload
from integration.harness.single_case import DATABASE, DOCUMENTS, SingleCopyTest
from integration.harness.waiting import wait_for


def signal(kind: str, *collections: str, **data: object) -> dict:
    if collections:
        data["data-collections"] = list(collections)
    return {"type": kind, "data": data}


class SignalTest(SingleCopyTest):
    properties = {"signal.data.collection": "control.signals"}  # which is not captured

    def setUp(self) -> None:
        super().setUp()
        self.client.drop_database("control")
        self.signals = self.client["control"]["signals"]

    def copied(self, capture: FileCapture, since: int = 0) -> list[tuple[str, object]]:
        """Collection and _id of the `r` events, from the one of that number on."""
        events = [event for event in map(payload, capture.records()) if event]
        return [(event["source"]["collection"], json.loads(event["after"])["_id"])
                for event in events if event["op"] == "r"][since:]

    def wait_for_copies(self, capture: FileCapture, count: int) -> None:
        """So many `r` events in all, and no copy under way."""
        wait_for(f"{count} copied documents, and the end of the copy", lambda: capture.alive() and
                 len(self.copied(capture)) >= count and not self.kept(capture))


class Source(SignalTest):
    """Signals in a collection."""

    def test_a_copy_on_demand(self) -> None:
        for name in ("a", "b", "c"):
            self.fill(name, 2)
        capture = self.capture()
        self.assertEqual(len(self.copied(capture)), 6)
        self.signals.insert_one(signal("execute-snapshot", f"{DATABASE}[.](a|b)", "control[.].*"))
        self.wait_for_copies(capture, 10)
        self.end(capture)
        self.assertEqual(self.copied(capture, 6),
                         [("a", 0), ("a", 1), ("b", 0), ("b", 1)])
        self.assertEqual(last_marks(capture.records()), [5])
        self.assertEqual({record.topic for record in capture.records()},
                         {f"dbserver1.{DATABASE}.{name}" for name in ("a", "b", "c", "end")})

    def test_a_condition(self) -> None:
        self.fill("a", 20)
        self.fill("b", 2)
        capture = self.capture()
        self.signals.insert_one(signal(
            "execute-snapshot", f"{DATABASE}[.].*", **{"additional-conditions": [
                {"data-collection": f"{DATABASE}[.]a", "filter": '{"_id": {"$gte": 17}}'}]}))
        self.wait_for_copies(capture, 27)
        self.end(capture)
        self.assertEqual(self.copied(capture, 22),
                         [("a", 17), ("a", 18), ("a", 19), ("b", 0), ("b", 1)])

    def test_what_cannot_be_done_is_told_and_passed_over(self) -> None:
        self.fill("a", 2)
        capture = self.capture()
        self.signals.insert_many([
            {"type": "schema-changes", "data": {}},
            {"some": "document"},
            {"type": "execute-snapshot", "data": "{no json"},
            signal("execute-snapshot", "nothing[.]there"),
            signal("execute-snapshot", f"{DATABASE}[.]a", **{
                "additional-condition": '{"$no": "operator"}'}),
            signal("log", message="the user's own words")])
        # While its copy is under way, the next signal's condition would be added to it.
        wait_for("the end of what cannot be copied", lambda: capture.alive() and
                 "is given up" in capture.shardtail.log)
        self.signals.insert_one(signal("execute-snapshot", f"{DATABASE}[.]a"))
        self.wait_for_copies(capture, 4)
        self.end(capture)
        self.assertEqual(self.copied(capture, 2), [("a", 0), ("a", 1)])
        for text in ("schema-changes", '"some"', "{no json", "no collection that is captured",
                     "is given up", "the user's own words"):
            self.assertIn(text, capture.shardtail.log)

    def test_notifications(self) -> None:
        for name in ("a", "b"):
            self.fill(name, 3)
        self.database.create_collection("empty")
        channels = {"notification.enabled.channels": "sink,log",
                    "notification.sink.topic.name": "told", "initial.sync.max.threads": "2"}
        capture = self.capture(**channels)
        self.signals.insert_many([
            {"_id": "one", **signal("execute-snapshot", f"{DATABASE}[.](a|empty)")},
            {"_id": "two", "type": "nothing", "data": {}},
            {"_id": "three", **signal("execute-snapshot", f"{DATABASE}[.]b", **{
                "additional-condition": '{"$no": "operator"}'})}])
        wait_for("what is told of three", lambda: capture.alive() and any(
            event["id"] == "three" and event["type"] == "ABORTED" for event in self.told(capture)))
        wait_for("what is told of one", lambda: capture.alive() and any(
            event["id"] == "one" and event["type"] == "COMPLETED" for event in self.told(capture)))
        capture.shardtail.stop()
        capture.shardtail.start()
        wait_for("what is told of the second run", lambda: capture.alive() and
                 self.told(capture)[-1]["type"] == "SKIPPED")
        capture.shardtail.stop()
        told = self.told(capture)
        first = [event for event in told if event["aggregate_type"] == "Initial Snapshot"]
        self.assert_types(first[:-1], progress=2, scans=3, end="COMPLETED")
        self.assertEqual(first[-1]["type"], "SKIPPED")
        self.assertEqual(len({event["id"] for event in first[:-1]}), 1)
        self.assertEqual(sorted((event["additional_data"]["scanned_collection"],
                                 event["additional_data"]["total_rows_scanned"],
                                 event["additional_data"]["status"])
                                for event in first if event["type"] == "TABLE_SCAN_COMPLETED"),
                         [(f"{DATABASE}.a", "3", "SUCCEEDED"), (f"{DATABASE}.b", "3", "SUCCEEDED"),
                          (f"{DATABASE}.empty", "0", "EMPTY")])
        one = [event for event in told if event["id"] == "one"]
        self.assert_types(one, progress=1, scans=2, end="COMPLETED")
        for event in one[:-1]:
            self.assertEqual(set(event["additional_data"]["data_collections"].split(", ")),
                             {f"{DATABASE}.a", f"{DATABASE}.empty"})
        [refused] = [event for event in told if event["type"] == "REFUSED"]
        self.assertIn("nothing", refused["additional_data"]["reason"])
        three = [event for event in told if event["id"] == "three"]
        self.assertEqual([event["type"] for event in three],
                         ["STARTED", "TABLE_SCAN_COMPLETED", "ABORTED"])
        self.assertEqual(three[1]["additional_data"]["status"], "SKIPPED")
        self.assertIn("$no", three[1]["additional_data"]["reason"])
        self.assertIn("notification: Incremental Snapshot ABORTED, id three", capture.shardtail.log)

    def assert_types(self, events: list[dict], *, progress: int, scans: int, end: str) -> None:
        types = [event["type"] for event in events]
        self.assertEqual((types[0], types[-1]), ("STARTED", end))
        self.assertEqual(sorted(types[1:-1]),
                         ["IN_PROGRESS"] * progress + ["TABLE_SCAN_COMPLETED"] * scans)

    @staticmethod
    def told(capture: FileCapture) -> list[dict]:
        return [event["value"] for event in capture.events() if event["topic"] == "told"]

    def test_stop_pause_and_resume(self) -> None:
        self.fill("a", 3000, pad=1000)
        capture = self.capture(initial_sync_max_threads="2")
        self.signals.insert_one(signal("pause-snapshot"))
        self.signals.insert_one(signal("execute-snapshot", f"{DATABASE}[.]a"))
        wait_for("the copy", lambda: capture.alive() and len(self.kept(capture)) == 2)
        self.fill("b", 2)
        capture.shardtail.kill()
        capture.shardtail.start()
        self.catch_up(capture)
        self.assertEqual(len(self.copied(capture)), 3000)
        self.signals.insert_one(signal("stop-snapshot", f"{DATABASE}[.]b"))
        self.catch_up(capture)
        self.assertEqual(len(self.kept(capture)), 2)
        self.signals.insert_one(signal("resume-snapshot"))
        self.wait_for_copies(capture, 6000)
        self.signals.insert_one(signal("pause-snapshot"))
        self.signals.insert_one(signal("execute-snapshot", f"{DATABASE}[.]a"))
        wait_for("the copy", lambda: capture.alive() and len(self.kept(capture)) == 2)
        self.signals.insert_one(signal("stop-snapshot"))
        self.signals.insert_one(signal("resume-snapshot"))
        self.wait_for_no_copy(capture)
        self.end(capture)
        self.assertEqual(len(self.copied(capture)), 6000)

    def test_under_load_and_killed(self) -> None:
        """A copy that was begun goes on; every document's history stays one that it had."""
        self.fill("c", DOCUMENTS, pad=3000)
        capture = self.capture()
        load = self.load("c")
        with load:
            load.wait(20)
            self.signals.insert_one(signal("execute-snapshot", f"{DATABASE}[.]c"))
            load.wait(50)
            self.wait_for_copies(capture, DOCUMENTS * 3 // 2)
        self.catch_up(capture)
        self.check(capture)
        capture.shardtail.stop()
        limits = {"snapshot.max.documents.per.second": "600", "snapshot.fetch.size": "300"}
        with capture.shardtail.properties_path.open("a") as properties:
            properties.writelines(f"{name}={value}\n" for name, value in limits.items())
        capture.shardtail.start()
        before = len(self.copied(capture))
        with load:
            self.signals.insert_one(signal("execute-snapshot", f"{DATABASE}[.]c"))
            wait_for("a part of the copy", lambda: capture.alive() and
                     len(self.copied(capture)) > before)
            capture.shardtail.kill()
            self.assertTrue(self.kept(capture))
            capture.shardtail.start()
            self.wait_for_no_copy(capture)
            load.wait(20)
        self.end(capture)
        self.check(capture, restarted=True)

    def check(self, capture: FileCapture, restarted: bool = False) -> None:
        self.assertGreater(max(copies(self.records_of(capture, "c")).values()), 1)
        self.assert_same(capture, "c", restarted=restarted, again=True)


class SeveralReplicaSets(SignalTest):
    """A signal that one of them holds is for all."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.other = cls.start_replica_set(cls.version, name="rs1", members=1)

    def test_each_copies_what_it_has(self) -> None:
        self.fill("a", 2)
        with self.other.client() as client:
            client[DATABASE]["a"].insert_many([{"_id": 10}, {"_id": 11}])
            client[DATABASE]["b"].insert_one({"_id": 12})
            capture = FileCapture(self.scratch(), self.replica_set, {
                "mongodb.hosts": f"{self.replica_set.hosts};{self.other.hosts}",
                "database.include.list": DATABASE, **self.properties})
            capture.shardtail.start()
            wait_for("both snapshots", lambda: capture.alive() and self.complete(capture) == 2)
            self.assertEqual(len(self.copied(capture)), 5)
            client["control"]["signals"].insert_one(
                signal("execute-snapshot", f"{DATABASE}[.].*"))
        self.wait_for_copies(capture, 10)
        capture.shardtail.stop()
        self.assertEqual(sorted(self.copied(capture, 5)),
                         [("a", 0), ("a", 1), ("a", 10), ("a", 11), ("b", 12)])

    @staticmethod
    def complete(capture: FileCapture) -> int:
        """How many replica sets have copied all that they had at first."""
        return sum(not is_progress(key) and "initsync" not in json.loads(value)
                   for key, value in capture.stored().items())


class File(SignalTest):
    """Signals in a file."""

    def test_lines_of_a_file(self) -> None:
        self.fill("a", 2)
        path = self.scratch() / "signals.txt"
        capture = self.capture(signal_enabled_channels="file", signal_file=str(path),
                               signal_poll_interval_ms="50")
        self.signals.insert_one(signal("execute-snapshot", f"{DATABASE}[.]a"))  # not enabled
        self.write(path, "{no json", json.dumps(signal("execute-snapshot", f"{DATABASE}[.]a")))
        self.wait_for_copies(capture, 4)
        wait_for("an empty file", lambda: path.read_text() == "")
        capture.shardtail.stop()
        self.write(path, json.dumps(signal("execute-snapshot", f"{DATABASE}[.]a")))
        capture.shardtail.start()
        self.wait_for_copies(capture, 6)
        self.end(capture)
        self.assertEqual(len(self.copied(capture)), 6)
        self.assertIn("{no json", capture.shardtail.log)

    @staticmethod
    def write(path: Path, *lines: str) -> None:
        with path.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))


class Topic(SignalTest):
    """Signals in a Kafka topic; what is captured goes into a file all the same."""

    def test_records_of_a_topic(self) -> None:
        broker = self.start_broker()
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        self.fill("a", 2)
        capture = self.capture(signal_enabled_channels="source,kafka",
                               signal_kafka_bootstrap_servers=broker.bootstrap)
        execute = json.dumps(signal("execute-snapshot", f"{DATABASE}[.]a"))
        for key, value in (("another", execute), ("dbserver1", "{no json"),
                           ("dbserver1", execute)):
            producer.produce("dbserver1-signal", value, key)
        self.assertEqual(producer.flush(60), 0)
        self.wait_for_copies(capture, 4)
        capture.shardtail.stop()
        producer.produce("dbserver1-signal", execute, "dbserver1")
        self.assertEqual(producer.flush(60), 0)
        capture.shardtail.start()
        self.wait_for_copies(capture, 6)
        self.end(capture)
        self.assertEqual(len(self.copied(capture)), 6)
        self.assertIn("{no json", capture.shardtail.log)


if __name__ == "__main__":
    unittest.main()
