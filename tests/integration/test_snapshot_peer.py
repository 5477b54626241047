"""A snapshot that takes longer than the oplog reaches back: Debezium 1.3.1 loses what it did not
see, under the very load that shardtail is shown with beside it. It prints what became of either.

    SHARDTAIL_DOCUMENTS  of the large collection (400,000)
"""

from __future__ import annotations

import os
import unittest
from typing import Any

from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.delivery import lost_documents, source_documents
from integration.harness.kafka import KafkaBroker
from integration.harness.load_threads import LoadThreads
from integration.harness.mongo import ReplicaSet
from integration.harness.oplog import oldest, write_filler
from integration.harness.shardtail import CONVERTER, connector
from integration.harness.topics import RecordCounter, read_topics
from integration.harness.waiting import wait_for
from integration.sink.connect import ConnectWorker

DOCUMENTS = int(os.environ.get("SHARDTAIL_DOCUMENTS", "400000"))
DATABASE = "peer"
SMALL = ("a", "b", "y", "z")
OPLOG_MB = 50
STEP = 400_000  # bytes that a step fills of it


class Load(LoadThreads):
    """Changes the small collections, and fills the oplog with what nobody captures."""

    def __init__(self, replica_set: ReplicaSet) -> None:
        super().__init__()
        self._replica_set = replica_set
        self.windows = 0.0  # how often the oplog has been filled

    def _write(self, number: int) -> None:
        with self._replica_set.client() as client:
            while not self._stop.is_set():
                self._step(client)
                self.operations += 1
                # A pace that any of the two could keep up with.
                self._stop.wait(0.01)

    def _step(self, client: Any) -> None:
        for name in SMALL:
            client[DATABASE][name].insert_one({"step": self.operations})
            client[DATABASE][name].update_one({"_id": self.operations % 1000}, {"$inc": {"n": 1}})
        write_filler(client, STEP)
        self.windows += STEP / (OPLOG_MB << 20)


class Peer(IntegrationTest):
    def test_a_copy_longer_than_the_oplog(self) -> None:
        replica_set = self.start_short_oplog(OPLOG_MB)
        broker = self.start_broker()
        with replica_set.client() as client:
            # The large one in the middle of them, by name and by age.
            for name in ("a", "b", "large", "y", "z"):
                count = DOCUMENTS if name == "large" else 1000
                for first in range(0, count, 1000):
                    client[DATABASE][name].insert_many([
                        {"_id": number, "n": 0, "text": f"{number:0400}"}
                        for number in range(first, first + 1000)])
        self.debezium(replica_set, broker)
        self.shardtail(replica_set, broker)

    def debezium(self, replica_set: ReplicaSet, broker: KafkaBroker) -> None:
        directory = self.directory / "connect"
        worker = ConnectWorker(directory, broker, ["debezium-1.3"], [{
            **connector(f"{replica_set.name}/{replica_set.hosts.split('/')[-1]}"),
            "mongodb.name": "debezium", "database.include.list": DATABASE,
            "initial.sync.max.threads": "1",
            "key.converter": CONVERTER, "key.converter.schemas.enable": "false",
            "value.converter": CONVERTER, "value.converter.schemas.enable": "false"}])
        begin = replica_set.last_optime()
        worker.start()
        self.addCleanup(worker.stop)
        with Load(replica_set) as load:
            self.wait_for_copy(broker, "debezium", load)
            load.wait(20)
        self.finish(replica_set, begin)
        wait_for("the marker in Debezium's topics", seconds=120, interval=1, condition=lambda: any(
            b"the end" in (record.value or b"")
            for record in read_topics(broker.bootstrap, f"debezium.{DATABASE}.end")))
        print("Debezium's task:", *worker.states("mongo-src"))
        worker.stop()
        lost = self.tell("Debezium 1.3.1", "debezium", replica_set, broker, load)
        for log in sorted(directory.glob("connect.*")):
            lines = [line for line in log.read_text(errors="replace").splitlines()
                     if (" ERROR " in line or " WARN " in line)
                     and "ReflectionScanner" not in line and " is deprecated " not in line]
            print(f"{log.name}, {len(lines)} errors and warnings:", *lines[:20], sep="\n")
        self.assertGreater(len(lost), 0, "it lost nothing: make the copy longer")

    def shardtail(self, replica_set: ReplicaSet, broker: KafkaBroker) -> None:
        capture = Capture(self.scratch(), replica_set, broker, schemas=False, properties={
            "mongodb.name": "shardtail", "database.include.list": DATABASE,
            "initial.sync.max.threads": "1",
            # As slow as the other one was.
            "snapshot.max.documents.per.second": str(DOCUMENTS // 40)})
        begin = replica_set.last_optime()
        capture.shardtail.start()
        with Load(replica_set) as load:
            self.wait_for_copy(broker, "shardtail", load)
            load.wait(20)
        self.finish(replica_set, begin)
        wait_for("the marker in our topics", interval=1, condition=lambda: capture.alive() and any(
            b"the end" in (record.value or b"")
            for record in read_topics(broker.bootstrap, f"shardtail.{DATABASE}.end")))
        capture.shardtail.stop()
        lost = self.tell("shardtail", "shardtail", replica_set, broker, load)
        self.assertNotIn("position lost", capture.shardtail.log)
        self.assert_nothing(lost, "documents lost, stale or left over")

    @staticmethod
    def wait_for_copy(broker: KafkaBroker, name: str, load: Load) -> None:
        """Until all of the large collection is in its topic: the oplog was filled meanwhile."""
        counter = RecordCounter(broker.bootstrap, f"{name}.{DATABASE}.large")
        wait_for("the copy", seconds=400, interval=0.2,
                 condition=lambda: counter.count() >= DOCUMENTS)
        print(f"{name}: the oplog was filled {load.windows:.1f} times during the copy", flush=True)

    def finish(self, replica_set: ReplicaSet, begin: Any) -> None:
        with replica_set.client() as client:
            first = oldest(client)
            print(f"the copy began after {begin}, the oplog begins at {first}, "
                  f"{first.time - begin.time} s later", flush=True)
            self.assertGreater(first, begin, "the oplog still reaches back: make the copy longer")
            client[DATABASE]["end"].insert_one({"text": "the end"})

    @staticmethod
    def tell(who: str, name: str, replica_set: ReplicaSet, broker: KafkaBroker,
             load: Load) -> list[str]:
        namespaces = [(DATABASE, collection) for collection in (*SMALL, "large")]
        source = source_documents(replica_set, namespaces, name)
        records = [record for record in read_topics(broker.bootstrap, f"{name}.{DATABASE}.")
                   if record.topic in source]
        lost = lost_documents(source, records)
        print(f"{who}: {load.operations} steps of load, {load.windows:.1f} windows; "
              f"{sum(map(len, source.values()))} documents at the end, of which "
              f"{len(lost)} are missing or stale in the topics",
              *(text[:100] for text in lost[:5]), sep="\n", flush=True)
        return lost


if __name__ == "__main__":
    unittest.main()
