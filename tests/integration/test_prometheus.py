"""A real Prometheus scrapes a capture: every query of the dashboard has data, the alerts fire."""

from __future__ import annotations

import json
import unittest

from integration.harness.case import IntegrationTest
from integration.harness.file_capture import FileCapture
from integration.harness.mongo import ReplicaSet
from integration.harness.prometheus import DEPLOY, Prometheus
from integration.harness.waiting import wait_for

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


if __name__ == "__main__":
    unittest.main()
