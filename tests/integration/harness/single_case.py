"""What the tests of copies of single collections, made while the stream goes on, have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pymongo

from golden.records import Record
from integration.harness.case import SEED, IntegrationTest
from integration.harness.collection_load import CollectionLoad
from integration.harness.delivery import lost_documents, source_documents
from integration.harness.file_capture import FileCapture
from integration.harness.history import history_breaks
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import is_progress
from integration.harness.shardtail import dotted
from integration.harness.waiting import wait_for

DATABASE = "single"
DOCUMENTS = 3000  # of a collection that is changed while it is copied


class SingleCopyTest(IntegrationTest):
    """Each test begins without DATABASE, which is what is captured."""

    version = "4.4"
    properties: Mapping[str, str] = {}  # of each capture
    replica_set: ReplicaSet
    client: pymongo.MongoClient

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(cls.version, members=1)
        cls.client = cls.replica_set.client()
        cls.addClassCleanup(cls.client.close)

    def setUp(self) -> None:
        self.client.drop_database(DATABASE)
        self.database = self.client[DATABASE]

    def fill(self, name: str, count: int, pad: int = 0) -> None:
        self.database[name].insert_many([
            {"_id": number, "n": 0, "m": 1, "pad": "x" * pad} for number in range(count)])

    def load(self, name: str) -> CollectionLoad:
        """Of a collection that has been filled with DOCUMENTS."""
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        return CollectionLoad(self.replica_set, DATABASE, name, DOCUMENTS, SEED)

    def capture(self, **properties: str) -> FileCapture:
        """Runs, and has copied what is there."""
        capture = FileCapture(self.scratch(), self.replica_set, {
            "database.include.list": DATABASE, **self.properties, **dotted(properties)})
        capture.shardtail.start()
        capture.wait_for_snapshot()
        return capture

    def kept(self, capture: FileCapture) -> list[str]:
        """The keys of what is stored beside the offset, but for the record of what is captured."""
        keys = [json.loads(key)[1]["collection"] for key, value in capture.stored().items()
                if value and is_progress(key)]
        return [key for key in keys if key != "filters"]

    def wait_for_no_copy(self, capture: FileCapture) -> None:
        """Nothing is kept of one any more."""
        wait_for("the end of the copy", lambda: capture.alive() and not self.kept(capture))

    def catch_up(self, capture: FileCapture) -> None:
        """Makes a write the last entry, and returns when it is captured."""
        self.database["end"].insert_one({})
        capture.wait_until_caught_up()

    def end(self, capture: FileCapture) -> None:
        self.catch_up(capture)
        capture.shardtail.stop()

    @staticmethod
    def records_of(capture: FileCapture, *names: str) -> list[Record]:
        topics = {f"dbserver1.{DATABASE}.{name}" for name in names}
        return [record for record in capture.records() if record.topic in topics]

    def assert_same(self, capture: FileCapture, *names: str, restarted: bool = False,
                    again: bool = False) -> None:
        """The topics are the collections, by histories that the documents had."""
        records = self.records_of(capture, *names)
        self.assert_nothing(history_breaks(records, restarted=restarted, again=again),
                            "breaks of a history")
        self.assert_nothing(lost_documents(source_documents(
            self.replica_set, [(DATABASE, name) for name in names]), records),
            "documents lost, stale or left over")
