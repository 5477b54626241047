"""A real Prometheus scrapes a capture: every query of the dashboard has data, the alerts fire."""

from __future__ import annotations

import json
import os
import unittest
from collections.abc import Mapping

from bson import Timestamp

from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.file_capture import FileCapture
from integration.harness.http import ask
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.oplog import oldest
from integration.harness.prometheus import DEPLOY, Prometheus
from integration.harness.waiting import wait_for

# How much sooner than as shipped the alerts of faults come.
FASTER = int(os.environ.get("SHARDTAIL_FASTER", "30"))
PATIENCE = 600 / FASTER + 120

VARIABLES = {"$job": ".*", "$replica_set": ".*", "$__rate_interval": "10s"}


class PrometheusTest(IntegrationTest):
    replica_set: ReplicaSet
    prometheus: Prometheus

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(members=1)
        with cls.replica_set.client() as client:
            client["shop"]["orders"].insert_many([{"_id": number} for number in range(100)])
        capture = FileCapture(cls.directory / "capture", cls.replica_set)
        capture.shardtail.start()
        cls.addClassCleanup(capture.shardtail.stop)
        capture.wait_for_snapshot()
        cls.prometheus = Prometheus(cls.directory / "prometheus", capture.shardtail.url)
        cls.addClassCleanup(cls.prometheus.stop)

    def test_every_query_of_the_dashboard_has_data(self) -> None:
        dashboard = json.loads((DEPLOY / "grafana" / "shardtail.json").read_text())
        queries = {target["expr"] for panel in dashboard["panels"]
                   for target in panel.get("targets", [])}
        self.assertGreater(len(queries), 20)
        with self.replica_set.client() as client:
            for number, query in enumerate(sorted(queries)):
                for name, value in VARIABLES.items():
                    query = query.replace(name, value)

                def has_data(query: str = query) -> bool:
                    # A rate of latencies needs writes.
                    client["shop"]["orders"].update_one({"_id": 1}, {"$inc": {"n": 1}})
                    values = [float(each["value"][1]) for each in self.prometheus.query(query)]
                    return bool(values) and all(value == value for value in values)

                wait_for(f"data of query {number}, {query}", has_data, seconds=60, interval=0.5)
        self.assertEqual(self.prometheus.firing(), set())

    def test_no_primary_for_long_fires_its_alert_and_no_other(self) -> None:
        [node] = self.replica_set.nodes
        node.kill()
        # 60 s without progress, and a minute more.
        firing = wait_for("an alert", self.prometheus.firing, seconds=240)
        self.assertEqual(firing, {"ShardtailNoProgress"})
        node.start()
        wait_for("no alert", lambda: not self.prometheus.firing(), seconds=240)


class Faults(IntegrationTest):
    """Each alert fires when it should, and no other."""

    replica_set: ReplicaSet
    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_short_oplog()
        cls.broker = cls.start_broker()

    def start(self, properties: Mapping[str, str]) -> Capture:
        """A capture of the test's own database into Kafka, watched by a Prometheus."""
        self.database = self.own_database
        self.insert(0)
        capture = Capture(self.scratch(), self.replica_set, self.broker, schemas=False,
                          properties=properties, database=self.database)
        capture.shardtail.start()
        self.addCleanup(self.end, capture)
        wait_for("a complete snapshot", lambda: "snapshot complete" in capture.shardtail.log)
        self.prometheus = Prometheus(self.scratch() / "prometheus", capture.shardtail.url,
                                     faster=FASTER)
        self.addCleanup(self.prometheus.stop)
        return capture

    @staticmethod
    def end(capture: Capture) -> None:
        """Whatever the fault has made of it."""
        if capture.shardtail.is_running:
            capture.shardtail.kill()

    def insert(self, id: int, **fields: object) -> None:
        with self.replica_set.client() as client:
            client[self.database]["c"].insert_one({"_id": id, **fields})

    def wait_for_alerts(self, *names: str) -> None:
        wait_for(f"{names} to fire", lambda: self.prometheus.firing() >= set(names),
                 seconds=PATIENCE, interval=0.5)

    def test_a_dead_broker(self) -> None:
        capture = self.start({})
        self.broker.stop()
        try:
            self.insert(1)
            self.wait_for_alerts("ShardtailNotAcknowledged")
            self.assertEqual(self.prometheus.firing(), {"ShardtailNotAcknowledged"})
        finally:
            self.broker.start()
        wait_for("no alert", lambda: not self.prometheus.firing(), seconds=PATIENCE, interval=0.5)
        self.assertTrue(capture.alive())

    def test_an_event_that_is_passed_over(self) -> None:
        capture = self.start({"field.renames": f"{self.own_database}.c.a:b",
                              "event.processing.failure.handling.mode": "warn"})
        self.insert(1, a=1)
        capture.wait_until_caught_up()
        self.assertEqual(self.prometheus.firing(), set())
        self.insert(2, a=1, b=2)  # the renamed field would be there twice
        self.wait_for_alerts("ShardtailEntriesSkipped")
        self.assertEqual(self.prometheus.firing(), {"ShardtailEntriesSkipped"})

    def test_an_event_that_ends_the_capture(self) -> None:
        capture = self.start({"field.renames": f"{self.own_database}.c.a:b"})
        self.insert(1, a=1, b=2)
        # The only replica set: the process ends with it.
        self.assertNotEqual(capture.shardtail.wait(), 0)
        self.wait_for_alerts("ShardtailDown")
        self.assertEqual(self.prometheus.firing(), {"ShardtailDown"})

    def test_an_oplog_that_rolls_on_while_kafka_is_away(self) -> None:
        capture = self.start({"producer.buffer.memory": "1000000"})
        self.broker.stop()
        try:
            wait_for("less than a quarter of the oplog", self.write_until_a_quarter_is_left,
                     seconds=120, interval=0)
            self.wait_for_alerts("ShardtailOplogWindowShrinking", "ShardtailOplogWindowNearlyOver",
                                 "ShardtailNotAcknowledged")
            # It reads nothing any more while its queue is full.
            self.assertLessEqual(self.prometheus.firing(), {
                "ShardtailOplogWindowShrinking", "ShardtailOplogWindowNearlyOver",
                "ShardtailNotAcknowledged", "ShardtailNoProgress", "ShardtailLagging"})
        finally:
            self.broker.start()
        wait_for("no alert", lambda: not self.prometheus.firing(), seconds=PATIENCE, interval=0.5)
        self.assertNotIn("position lost", capture.shardtail.log)

    def write_until_a_quarter_is_left(self) -> bool:
        """One write: as long as the position lies in the newer part of the oplog."""
        url = self.prometheus.target
        [status] = ask(f"{url}/status").json()["replica_sets"]
        position = Timestamp(status["position"]["sec"], status["position"]["ord"])
        with self.replica_set.client() as client:
            client[self.database]["c"].update_one({"_id": 0}, {"$set": {"text": os.urandom(5000)}})
            begin = oldest(client)
            [newest] = client["local"]["oplog.rs"].find().sort("$natural", -1).limit(1)
        return position.time - begin.time < 0.2 * (newest["ts"].time - begin.time)


if __name__ == "__main__":
    unittest.main()
