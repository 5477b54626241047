"""Collections that come under a captured name while the stream goes on, and their copies."""

from __future__ import annotations

import random
import threading
import unittest

from integration.harness.case import SEED, IntegrationTest
from integration.harness.copy_load import next_m
from integration.harness.delivery import lost_documents, source_documents
from integration.harness.file_capture import FileCapture
from integration.harness.history import copies, history_breaks
from integration.harness.mongo import ReplicaSet
from integration.harness.shardtail import dotted
from integration.harness.waiting import wait_for

DATABASE = "single"
DOCUMENTS = 3000


def new_documents(count: int = DOCUMENTS) -> list[dict]:
    return [{"_id": number, "n": 0, "m": 1, "pad": "x" * 3000} for number in range(count)]


class Writer:
    """Changes documents of a collection from `with` on, under whatever name it has."""

    def __init__(self, replica_set: ReplicaSet, name: str) -> None:
        self._replica_set = replica_set
        self._name = name
        self._lock = threading.Lock()  # no write while it is renamed
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)
        self.operations = 0

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._errors:
            raise self._errors[0]

    def rename(self, name: str) -> None:
        with self._lock, self._replica_set.client() as client:
            client[DATABASE][self._name].rename(name)
            self._name = name

    def wait(self, more: int) -> None:
        goal = self.operations + more
        wait_for(f"{goal} operations", lambda: self._errors or self.operations >= goal)

    def _run(self) -> None:
        chooser = random.Random(SEED)
        known = {number: [0, 1] for number in range(DOCUMENTS)}
        gone: set[int] = set()
        try:
            with self._replica_set.client() as client:
                while not self._stop.is_set():
                    self._step(client, chooser, known, gone)
                    self.operations += 1
        except BaseException as error:
            self._errors.append(error)

    def _step(self, client: object, chooser: random.Random, known: dict[int, list[int]],
              gone: set[int]) -> None:
        number = chooser.randrange(DOCUMENTS)
        state = known[number]
        with self._lock:
            collection = client[DATABASE][self._name]
            if number not in gone and chooser.random() < 0.1:
                gone.add(number)
                collection.delete_one({"_id": number})
                return
            state[:] = state[0] + 1, next_m(state[1], state[0] + 1)
            if number in gone:
                gone.remove(number)
                collection.insert_one({"_id": number, "n": state[0], "m": state[1]})
            else:
                collection.update_one({"_id": number},
                                      {"$set": {"m": state[1]}, "$inc": {"n": 1}})


class Single:
    """The tests; a class below for each server version."""

    version: str
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(cls.version, members=1)
        cls.client = cls.replica_set.client()
        cls.addClassCleanup(cls.client.close)

    def setUp(self) -> None:
        self.client.drop_database(DATABASE)
        self.database = self.client[DATABASE]

    def capture(self, **properties: str) -> FileCapture:
        """Runs, and has passed the beginning: all of DATABASE but `hidden` and `source`."""
        self.database["other"].insert_one({"_id": 0, "n": 0, "m": 1})
        capture = FileCapture(self.scratch(), self.replica_set, {
            "database.include.list": DATABASE,
            "snapshot.streaming": "concurrent",
            "collection.exclude.list": f"{DATABASE}[.](hidden|source)",
            **dotted(properties)})
        capture.shardtail.start()
        capture.wait_for_snapshot()
        return capture

    @staticmethod
    def records_of_copies(capture: FileCapture) -> list[bytes]:
        """What is stored of copies that are not complete."""
        return [key for key, value in capture.stored().items() if b"single/" in key and value]

    def wait_until_copied(self, capture: FileCapture, count: int) -> None:
        wait_for(f"{count} copied documents, and the end of the copy", lambda: capture.alive() and
                 len(copies(capture.records())) >= count and not self.records_of_copies(capture))

    def end(self, capture: FileCapture) -> None:
        self.database["other"].update_one({"_id": 0}, {"$set": {"end": 1}})
        capture.wait_until_caught_up()
        capture.shardtail.stop()

    def assert_same(self, capture: FileCapture, *names: str, restarted: bool = False) -> None:
        topics = {f"dbserver1.{DATABASE}.{name}" for name in names}
        records = [record for record in capture.records() if record.topic in topics]
        self.assert_nothing(history_breaks(records, restarted=restarted), "breaks of a history")
        self.assert_nothing(lost_documents(source_documents(
            self.replica_set, [(DATABASE, name) for name in names]), records),
            "documents lost, stale or left over")

    def test_renamed_under_load(self) -> None:
        self.database["hidden"].insert_many(new_documents())
        capture = self.capture(initial_sync_max_threads="2")
        with Writer(self.replica_set, "hidden") as writer:
            writer.wait(20)
            writer.rename("seen")
            wait_for("the first copied document", lambda: capture.alive() and
                     len(copies(capture.records())) > 1)
            writer.wait(50)
            wait_for("the end of the copy", lambda: capture.alive() and
                     not self.records_of_copies(capture))
            writer.wait(50)
        self.end(capture)
        self.assert_same(capture, "seen")

    def test_renamed_and_killed(self) -> None:
        """After the restart the copy goes on where it was recorded."""
        self.database["hidden"].insert_many(new_documents())
        capture = self.capture(snapshot_max_documents_per_second="600", snapshot_fetch_size="300")
        with Writer(self.replica_set, "hidden") as writer:
            writer.rename("seen")
            for count in (1, DOCUMENTS // 3):  # a read brings less than a third
                wait_for(f"{count} copied documents", lambda count=count: capture.alive() and
                         len(copies(capture.records())) > count)
                capture.shardtail.kill()
                self.assertTrue(self.records_of_copies(capture))
                capture.shardtail.start()
                writer.wait(10)
            wait_for("the end of the copy", lambda: capture.alive() and
                     not self.records_of_copies(capture))
            writer.wait(20)
        self.end(capture)
        self.assert_same(capture, "seen", restarted=True)

    def test_out(self) -> None:
        """$out fills a collection under another name, and renames it over what was there."""
        self.database["source"].insert_many(new_documents(20))
        capture = self.capture()
        self.database["source"].aggregate([{"$out": "target"}])
        self.wait_until_copied(capture, 21)
        self.database["target"].update_one({"_id": 3}, {"$set": {"n": 1, "m": next_m(1, 1)}})
        self.database["source"].insert_one({"_id": 20, "n": 0, "m": 1})
        self.database["source"].update_many({}, {"$set": {"n": 2, "m": next_m(next_m(1, 1), 2)}})
        self.database["source"].aggregate([{"$out": "target"}])
        self.wait_until_copied(capture, 22)
        self.end(capture)
        self.assert_nothing(lost_documents(source_documents(
            self.replica_set, [(DATABASE, "target")]), capture.records()),
            "documents lost, stale or left over")

    def test_renamed_on_and_dropped(self) -> None:
        """A copy ends with its collection, or with its captured name."""
        for name in ("a", "b"):
            self.database["hidden"].insert_many(new_documents(2000))
            self.database["hidden"].rename(f"source.{name}")
        capture = self.capture(
            collection_exclude_list=f"{DATABASE}[.](hidden|source.*)",
            snapshot_max_documents_per_second="500")
        for name in ("a", "b"):
            self.database[f"source.{name}"].rename(name)
        wait_for("the copies", lambda: capture.alive() and len(self.records_of_copies(capture)) == 2)
        self.database["a"].drop()
        self.database["b"].rename("hidden")
        wait_for("the end of the copies", lambda: capture.alive() and
                 not self.records_of_copies(capture))
        self.end(capture)


class SingleOf44(Single, IntegrationTest):
    version = "4.4"


class SingleOf60(Single, IntegrationTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
