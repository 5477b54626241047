"""SIGHUP: new filters and credentials, under load, without a change lost or repeated."""

from __future__ import annotations

import signal
import unittest

from pymongo.collection import Collection

from integration.harness.case import IntegrationTest
from integration.harness.file_capture import FileCapture
from integration.harness.load_threads import LoadThreads
from integration.harness.mongo import ReplicaSet
from integration.harness.shardtail import write_properties
from integration.harness.waiting import wait_for


class Inserts(LoadThreads):
    """Inserts _id 0, 1, 2 …"""

    def __init__(self, collection: Collection) -> None:
        super().__init__()
        self._collection = collection

    def _write(self, number: int) -> None:
        while not self._stop.is_set():
            self._collection.insert_one({"_id": self.operations})
            self.operations += 1


class Reload(IntegrationTest):
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        key_file = cls.directory / "key"
        key_file.write_text("c2hhcmR0YWlsIHRlc3Rz")
        key_file.chmod(0o600)
        cls.replica_set = cls.start_replica_set(members=1, key_file=key_file,
                                                user=("root", "sesame"))
        with cls.replica_set.client() as client:
            client.admin.command("createUser", "tail", pwd="first", roles=[
                "clusterMonitor", {"role": "read", "db": "local"},
                {"role": "readAnyDatabase", "db": "admin"}])

    def setUp(self) -> None:
        self.secret = self.scratch() / "secret.properties"
        self.secret.write_text("password=first\n")
        self.properties = {"mongodb.user": "tail", "mongodb.password":
                           f"${{file:{self.secret}:password}}", "snapshot.mode": "never",
                           "database.include.list": self.own_database}
        self.capture = FileCapture(self.scratch(), self.replica_set, self.properties)
        self.written = self.capture.shardtail.properties_path.read_text()
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()

    def hang_up(self, *, says: str) -> None:
        """SIGHUP, until the log says so once more."""
        shardtail = self.capture.shardtail
        before = shardtail.log.count(says)
        shardtail.signal(signal.SIGHUP)
        wait_for(says, lambda: self.capture.alive() and shardtail.log.count(says) > before)

    def change(self, old: str, new: str) -> None:
        """In the file of its properties."""
        path = self.capture.shardtail.properties_path
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new))

    def streams(self) -> int:
        """How often it began to stream."""
        [node] = self.replica_set.nodes
        return self.capture.shardtail.log.count(f"streaming from {node.address}")

    def ids_of(self, collection: str) -> list[str]:
        topic = f"dbserver1.{self.own_database}.{collection}"
        return [event["key"]["id"] for event in self.capture.events() if event["topic"] == topic]

    def test_filters_change_and_no_event_is_lost_or_repeated(self) -> None:
        self.change("database.include.list=",
                    f"collection.exclude.list={self.own_database}.other\n"
                    "database.include.list=")
        with self.replica_set.client() as client:
            database = client[self.own_database]
            with Inserts(database["always"]) as inserts:
                wait_for("some events", lambda: len(self.capture.events()) > 50)
                database["other"].insert_one({"_id": "before"})
                self.capture.wait_until_caught_up()
                self.hang_up(says="going on with the new collection.exclude.list")
                wait_for("the new capture", lambda: self.streams() == 2)
                database["other"].insert_one({"_id": "after"})
                inserts.wait(50)
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.assertEqual(self.ids_of("always"), list(map(str, range(inserts.operations))))
        self.assertEqual(self.ids_of("other"), ['"before"'])

    def test_a_new_password_is_taken_over_when_it_is_right(self) -> None:
        self.secret.write_text("password=second\n")
        self.hang_up(says="the new one does not work")
        with self.replica_set.client() as client:
            client.admin.command("updateUser", "tail", pwd="second")
            self.addCleanup(self.reset_password)
            self.hang_up(says="going on with the new mongodb.password")
            client[self.own_database]["orders"].insert_one({"_id": 1})
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.assertEqual(self.ids_of("orders"), ["1"])
        self.assertNotIn("second", self.capture.shardtail.log)
        self.assertNotIn("first", self.capture.shardtail.log)

    def reset_password(self) -> None:
        with self.replica_set.client() as client:
            client.admin.command("updateUser", "tail", pwd="first")

    def test_a_file_with_mistakes_changes_nothing(self) -> None:
        path = self.capture.shardtail.properties_path
        path.write_text(self.written + "field.renames=nonsense\nno.such.name=1\n")
        self.hang_up(says="the new one has mistakes")
        self.assertIn("no.such.name", self.capture.shardtail.log)
        self.assertIn("field.renames", self.capture.shardtail.log)
        path.unlink()
        self.hang_up(says="the new one has mistakes")
        write_properties(path, {})
        self.hang_up(says="the new one has mistakes")
        path.write_text(self.written + "offset.flush.interval.ms=300\n")
        self.hang_up(says="taken over by a new start only: offset.flush.interval.ms")
        path.write_text(self.written)
        self.hang_up(says="no credentials and no filters have changed")
        with self.replica_set.client() as client:
            client[self.own_database]["orders"].insert_one({"_id": 1})
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.assertEqual(self.ids_of("orders"), ["1"])
        self.assertEqual(self.streams(), 1)


if __name__ == "__main__":
    unittest.main()
