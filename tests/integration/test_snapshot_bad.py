"""What comes in the way of a copy: each has an outcome that is clear, and loses nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import unittest
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from golden.records import Record
from integration.harness.capture import Capture
from integration.harness.case import SEED, IntegrationTest
from integration.harness.copy_case import CopyTest
from integration.harness.copy_load import DATABASE, CopyLoad
from integration.harness.delivery import lost_documents, source_documents
from integration.harness.file_capture import FileCapture
from integration.harness.replay import payload
from integration.harness.transactions import TEST_COMMANDS
from integration.harness.waiting import wait_for

IMPATIENT = {"connect.backoff.initial.delay.ms": "100", "connect.backoff.max.delay.ms": "200",
             "connect.max.attempts": "10000"}


class Disk(CopyTest):
    """The disk that the offset file lies on."""

    def small_disk(self) -> Path:
        path = self.scratch() / "disk"
        path.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"a small disk needs the right to mount it: {mounted.stderr}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(path)], check=True)
        return path

    def test_it_is_full(self) -> None:
        """While it is, the program says so, and where; then it goes on, also after SIGKILL."""
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        replica_set = self.start_replica_set(members=1)
        load = CopyLoad(replica_set, "4.4", 6000, SEED, pad=300, threads=2)
        load.fill()
        disk = self.small_disk()
        capture = FileCapture(self.scratch(), replica_set, {
            **IMPATIENT, "database.include.list": DATABASE,
            "offset.storage.file.filename": str(disk / "offsets"),
            "snapshot.max.documents.per.second": "1500"})
        words = re.compile(rf"cannot write {disk}/offsets.tmp; the offset file {disk}/offsets is as "
                           "it was: No space left on device: make room there, and it goes on")

        def said() -> int:
            # Each file that is replaced makes room once more.
            self.fill(disk / "ballast")
            return len(words.findall(capture.shardtail.log))

        with load:
            capture.shardtail.start()
            wait_for("a part of the copy", lambda: capture.alive() and capture.offset is not None
                     and len(capture.events()) > 500)
            wait_for("word of the full disk", lambda: capture.alive() and said() > 0)
            before = capture.offsets_path.read_bytes()
            load.wait(100, capture.alive)
            self.assertEqual(capture.offsets_path.read_bytes(), before)
            capture.shardtail.kill()
            times = said()
            capture.shardtail.start()
            wait_for("word of it again", lambda: capture.alive() and said() > times)
            (disk / "ballast").unlink()
            self.finish(replica_set, load, capture)
        records = capture.records()
        self.assert_copied(replica_set, load, records, restarted=True)

    @staticmethod
    def fill(path: Path) -> None:
        with path.open("ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(b"x" * 4096)
            except OSError:
                pass


class TooLarge(IntegrationTest):
    """A document whose record the broker refuses."""

    LARGE = 3_000_000

    def test_each_mode(self) -> None:
        """While it is copied, and while it changes."""
        replica_set = self.start_replica_set(members=1)
        broker = self.start_broker()
        topic = NewTopic("dbserver1.large.c", 1, config={"max.message.bytes": "1048588"})
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_topics([topic])[topic.topic].result()
        with replica_set.client() as client:
            collection = client["large"]["c"]
            collection.insert_many([{"_id": number} for number in range(100)])
            collection.insert_one({"_id": 50.5, "noise": os.urandom(self.LARGE).hex()})

            self.assert_fails(replica_set, broker, "event r of large.c with .*50.5")
            capture = self.capture(replica_set, broker, "warn")
            capture.shardtail.start()
            capture.wait_for_snapshot()
            collection.update_one({"_id": 7}, {"$set": {"after": "the copy"}})
            capture.wait_until_caught_up()
            capture.shardtail.stop()
            self.assertRegex(capture.shardtail.log, self.words("event r of large.c with .*50.5"))
            self.assertIn("passed over, as event.processing.failure.handling.mode=warn says",
                          capture.shardtail.log)

            collection.insert_one({"_id": "new", "noise": os.urandom(self.LARGE).hex()})
            collection.update_one({"_id": 8}, {"$set": {"after": "the large one"}})
            self.assert_fails(replica_set, broker, "event c of large.c with .*new")
            capture = self.capture(replica_set, broker, "skip")
            capture.shardtail.start()
            capture.wait_until_caught_up()
            capture.shardtail.stop()
            self.assertNotIn("passed over", capture.shardtail.log)
        records = capture.records()
        lost = lost_documents(source_documents(replica_set, [("large", "c")]), records)
        self.assertEqual(len(lost), 2, lost)
        # What followed the large one may be there twice: it was sent before the failure was known.
        self.assertEqual({(event["op"], json.loads(event["filter"])["_id"])
                          for event in map(payload, records) if event and event["op"] != "r"},
                         {("u", 7), ("u", 8)})

    def capture(self, replica_set: object, broker: object, mode: str) -> Capture:
        self.captures = getattr(self, "captures", 0) + 1
        return Capture(self.scratch() / str(self.captures), replica_set, broker, schemas=False,
                       properties={**IMPATIENT, "database.include.list": "large",
                                   "event.processing.failure.handling.mode": mode})

    def assert_fails(self, replica_set: object, broker: object, event: str) -> None:
        capture = self.capture(replica_set, broker, "fail")
        capture.shardtail.start()
        wait_for("word of the failure", lambda: "FAILED" in capture.shardtail.log)
        self.assertRegex(capture.shardtail.log, self.words(event))
        self.assertNotEqual(capture.shardtail.wait(), 0)

    @staticmethod
    def words(event: str) -> str:
        return event + (r".* at \(.*: a record of \d{7} bytes for topic dbserver1.large.c was not "
                        "delivered: .*raise max.message.bytes of the topic")


class Catalog(IntegrationTest):
    def test_collections_go_while_they_are_copied(self) -> None:
        """Dropped, renamed to a captured name, and to one that is not."""
        replica_set = self.start_replica_set(members=1)
        names = [f"c{number}" for number in range(4)]
        with replica_set.client() as client:
            database = client["going"]
            for name in names:
                database[name].insert_many([{"_id": number, "pad": "x" * 500}
                                            for number in range(3000)])
            capture = FileCapture(self.scratch(), replica_set, {
                "collection.include.list": "going[.](c[0-3]|new)",
                "initial.sync.max.threads": "4", "snapshot.fetch.size": "100",
                "snapshot.max.documents.per.second": "600",
                "signal.data.collection": "control.signals"})
            capture.shardtail.start()
            wait_for("the first documents", lambda: capture.alive() and
                     capture.events_path.exists() and capture.records())
            client["control"]["signals"].insert_one({"type": "pause-snapshot"})
            wait_for("the pause", lambda: capture.alive() and
                     "copies are paused" in capture.shardtail.log)
            # They may be copied side by side, or one after the other.
            copied = capture.records()
            dropped, hidden, renamed, stays = sorted(
                names, key=lambda name: len(self.ids(copied, name)))
            self.assertLess(len(self.ids(copied, renamed)), 3000, "complete: make it slower")
            database[dropped].drop()
            database[hidden].rename("elsewhere")
            database[renamed].rename("new")
            database["new"].update_many({"_id": {"$gte": 2900}}, {"$set": {"n": 1}})
            database["elsewhere"].update_many({"_id": {"$gte": 2900}}, {"$set": {"n": 1}})
            client["control"]["signals"].insert_one({"type": "resume-snapshot"})
            capture.wait_for_snapshot()
            capture.wait_until_caught_up()
            capture.shardtail.stop()
        records = capture.records()
        self.assert_nothing(lost_documents(
            source_documents(replica_set, [("going", stays)]), records), "documents lost")
        self.assertEqual(len(self.ids(records, renamed, "new")), 3000)
        self.assertGreater(len(self.ids(records, "new")), 0)
        for name in (dropped, hidden):
            self.assertLess(len(self.ids(records, name)), 3000)
        changed = [event for event in map(payload, records) if event and "n" in str(
            event["after"] or event["patch"])]
        self.assertEqual({event["source"]["collection"] for event in changed}, {"new"})

    def test_collections_go_before_their_turn_and_before_the_stream(self) -> None:
        """No entry of the oplog tells of it then, and they are not tried for ever."""
        replica_set = self.start_replica_set(members=1, name="rs1")
        with replica_set.client() as client:
            database = client["going"]
            for name in ("c0", "c1", "c2", "c3"):
                database[name].insert_many([{"_id": number} for number in range(600)])
            capture = FileCapture(self.scratch(), replica_set, {
                "collection.include.list": "going[.](c[0-3]|new)", "snapshot.streaming": "after",
                "snapshot.max.documents.per.second": "300"})
            capture.shardtail.start()
            wait_for("the first documents", lambda: capture.alive() and
                     capture.events_path.exists() and capture.records())
            database["c1"].rename("new")
            database["c2"].rename("elsewhere")
            database["c3"].drop()
            capture.wait_for_snapshot()
            database["new"].update_one({"_id": 1}, {"$set": {"n": 1}})
            capture.wait_until_caught_up()
            capture.shardtail.stop()
        records = capture.records()
        self.assert_nothing(lost_documents(source_documents(
            replica_set, [("going", "c0"), ("going", "new")]), records), "documents lost")
        for name in ("c1", "c2", "c3"):
            self.assertEqual(self.ids(records, name), set())

    def test_a_collection_is_renamed_while_all_are_listed(self) -> None:
        """What tells the collections tells their UUIDs: none is asked for by a name it has lost."""
        for version in ("4.2", "4.4", "5.0", "6.0"):
            with self.subTest(version):
                replica_set = self.start_replica_set(version, members=1, name=f"names{version}",
                                                     options=TEST_COMMANDS)
                names = [f"c{number}" for number in range(10)]
                with replica_set.client() as client:
                    for name in names:
                        client["listed"][name].insert_many([{"_id": 1}, {"_id": 2}])
                    # The delay: from the look at the privileges to the listing.
                    capture = FileCapture(self.scratch() / version, replica_set, {
                        "database.include.list": "listed", "snapshot.delay.ms": "1000"})
                    self.hang_listings(client, "alwaysOn")
                    capture.shardtail.start()
                    wait_for("the listing", lambda: self.is_listing(client, capture), seconds=20)
                    client["listed"]["c9"].rename("renamed")
                    self.hang_listings(client, "off")
                    capture.wait_for_snapshot()
                    client["listed"]["renamed"].update_one({"_id": 2}, {"$set": {"n": 1}})
                    capture.wait_until_caught_up()
                    capture.shardtail.stop()
                self.assert_nothing(lost_documents(source_documents(replica_set, [
                    ("listed", name) for name in [*names[:9], "renamed"]]), capture.records()),
                    "documents lost")
                replica_set.stop()

    def is_listing(self, client: MongoClient, capture: FileCapture) -> bool:
        """Whether a listing hangs that is to tell the UUIDs; one of names alone goes on."""
        hanging = self.listings(client)
        if any(command.get("nameOnly") for command in hanging):
            self.hang_listings(client, "off")
            wait_for("the names", lambda: not any(
                command.get("nameOnly") for command in self.listings(client)))
            self.hang_listings(client, "alwaysOn")
            return False
        return capture.alive() and bool(hanging)

    @staticmethod
    def listings(client: MongoClient) -> list[dict]:
        commands = [operation.get("command", {})
                    for operation in client.admin.aggregate([{"$currentOp": {}}])]
        return [command for command in commands if "listCollections" in command]

    @staticmethod
    def hang_listings(client: MongoClient, mode: str) -> None:
        client.admin.command({"configureFailPoint": "hangBeforeListCollections", "mode": mode,
                              "data": {"nss": "listed.$cmd.listCollections"}})

    def test_no_collection_lacks_its_index_on_id(self) -> None:
        """No server from 4.2 on makes one, but where the collection itself is in that order."""
        for version in ("4.2", "4.4", "5.0", "6.0"):
            with self.subTest(version):
                replica_set = self.start_replica_set(version, members=1, name=f"of{version}")
                with replica_set.client() as client:
                    with self.assertRaises(OperationFailure):
                        client["a"].command("create", "c", autoIndexId=False)
                    with self.assertRaises(OperationFailure):
                        client["admin"].command("applyOps", [{
                            "op": "c", "ns": "a.$cmd", "o": {"create": "c", "autoIndexId": False}}])
                    client["a"].create_collection("c")
                    with self.assertRaises(OperationFailure):
                        client["a"]["c"].drop_index("_id_")
                replica_set.stop()

    @staticmethod
    def ids(records: list[Record], *names: str) -> set[object]:
        """Of the documents that were copied under these names."""
        return {json.loads(event["after"])["_id"] for event in map(payload, records)
                if event and event["op"] == "r" and event["source"]["collection"] in names}


if __name__ == "__main__":
    unittest.main()
