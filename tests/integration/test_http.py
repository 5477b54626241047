"""Metrics, health and status of a running capture, and what bad clients do to it."""

from __future__ import annotations

import contextlib
import re
import socket
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from integration.harness.case import IntegrationTest
from integration.harness.file_capture import FileCapture
from integration.harness.http import Scrape, ask
from integration.harness.mongo import ReplicaSet
from integration.harness.shardtail import run, write_properties
from integration.harness.waiting import wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
ROW = re.compile(r"\| `(\w+)` \| (\w+) \|([^|]*)\|")

# Sooner than a user's default of 30 s, and later than the no-ops of the test's own server.
STALLED_AFTER_MS = 5000
NOOP_EVERY_S = 1


class Http(IntegrationTest):
    replica_set: ReplicaSet
    capture: FileCapture

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(
            members=1, options=["--setParameter", f"periodicNoopIntervalSecs={NOOP_EVERY_S}"])
        with cls.replica_set.client() as client:
            client["shop"]["orders"].insert_many([{"_id": number} for number in range(5)])
            client["hidden"]["orders"].insert_one({})
        cls.capture = FileCapture(cls.directory / "capture", cls.replica_set, {
            "database.include.list": "shop", "health.stalled.after.ms": str(STALLED_AFTER_MS)})
        cls.capture.shardtail.start()
        cls.addClassCleanup(cls.capture.shardtail.stop)
        cls.capture.wait_for_snapshot()
        with cls.replica_set.client() as client:
            orders = client["shop"]["orders"]
            orders.insert_one({"_id": "new"})
            orders.update_one({"_id": "new"}, {"$set": {"a": 1}})
            orders.delete_one({"_id": "new"})
            client["hidden"]["orders"].insert_one({})
            with client.start_session() as session, session.start_transaction():
                orders.insert_one({"_id": "in"}, session=session)
                orders.insert_one({"_id": "one"}, session=session)
        cls.capture.wait_until_caught_up()

    def setUp(self) -> None:
        self.url = self.capture.shardtail.url

    def scrape(self) -> Scrape:
        return Scrape(self.url)

    def test_metrics_count_what_was_captured(self) -> None:
        # The window is asked for after the first reply, beside the stream.
        scrape = wait_for("the oplog's window", lambda: self.scrape_with(
            "shardtail_oplog_window_seconds"))
        sent = {operation: scrape.value("shardtail_events_sent_total", operation=operation)
                for operation in ("read", "create", "update", "delete")}
        self.assertEqual({**sent, "create": None},
                         {"read": 5, "create": None, "update": 1, "delete": 1})
        self.assertGreaterEqual(sent["create"], 3)
        self.assertGreaterEqual(scrape.value("shardtail_events_filtered_total",
                                             operation="create"), 1)
        self.assertEqual(scrape.value("shardtail_unacknowledged_records"), 0)
        self.assertEqual(scrape.value("shardtail_records_acknowledged_total"),
                         scrape.value("shardtail_records_sent_total"))
        self.assertEqual(scrape.value("shardtail_transaction_operations_count"), 1)
        self.assertEqual(scrape.value("shardtail_transaction_operations_sum"), 2)
        self.assertGreater(scrape.value("shardtail_read_latency_seconds_count"), 3)
        self.assertGreater(scrape.value("shardtail_acknowledge_latency_seconds_count"), 0)
        self.assertEqual(scrape.value("shardtail_replica_set_state", state="running"), 1)
        streaming = {"name": "dbserver1", "context": "streaming", "plugin": "mongodb"}
        snapshot = {**streaming, "context": "snapshot"}
        self.assertEqual(scrape.value("debezium_metrics_Connected", **streaming), 1)
        self.assertEqual(scrape.value("debezium_metrics_SnapshotCompleted", **snapshot), 1)
        self.assertEqual(scrape.value("debezium_metrics_TotalNumberOfEventsSeen", **snapshot), 5)
        self.assertEqual(scrape.value("debezium_metrics_RemainingTableCount", **snapshot), 0)
        self.assertEqual(scrape.value("debezium_metrics_RowsScanned", **snapshot,
                                      table="rs0.shop.orders"), 5)

    def scrape_with(self, name: str) -> Scrape | None:
        scrape = self.scrape()
        return scrape if name in scrape.types else None

    def test_metrics_are_those_of_the_document(self) -> None:
        """docs/metrics.md: each name, with its type and labels, and no other."""
        scrape = wait_for("the oplog's window", lambda: self.scrape_with(
            "shardtail_oplog_window_seconds"))
        text = (REPOSITORY / "docs" / "metrics.md").read_text()
        documented = {name: (kind, set(re.findall(r"`(\w+)`", labels)))
                      for name, kind, labels in ROW.findall(text)}
        scraped = {name: (kind, scrape.labels(name)) for name, kind in scrape.types.items()}
        self.assertEqual(documented, scraped)

    def test_metrics_have_all_numbers_of_debezium(self) -> None:
        """Every number that a real 1.3.1 has by JMX, in both contexts."""
        names = {(sample.labels["context"], sample.name.removeprefix("debezium_metrics_"))
                 for sample in self.scrape().samples if sample.name.startswith("debezium_metrics_")}
        common = {"NumberOfDisconnects", "MilliSecondsSinceLastEvent", "TotalNumberOfEventsSeen",
                  "NumberOfEventsFiltered", "NumberOfErroneousEvents", "QueueTotalCapacity",
                  "QueueRemainingCapacity"}
        snapshot = {"TotalTableCount", "RemainingTableCount", "SnapshotRunning",
                    "SnapshotCompleted", "SnapshotAborted", "SnapshotDurationInSeconds",
                    "RowsScanned"}
        streaming = {"NumberOfPrimaryElections", "MilliSecondsBehindSource",
                     "NumberOfCommittedTransactions", "Connected"}
        self.assertEqual(names, {("snapshot", name) for name in common | snapshot}
                         | {("streaming", name) for name in common | streaming})

    def test_status_tells_of_the_replica_set(self) -> None:
        status = ask(f"{self.url}/status").json()
        self.assertEqual(status["name"], "dbserver1")
        [replica_set] = status["replica_sets"]
        expected = {"name": "rs0", "state": "RUNNING", "phase": "streaming",
                    "member": self.replica_set.primary().address, "last_error": None}
        self.assertEqual(replica_set | expected, replica_set)
        self.assertGreater(replica_set["position"]["sec"], 1_600_000_000)
        self.assertEqual(replica_set["snapshot"]["documents"], 5)
        self.assertEqual(replica_set["snapshot"]["state"], "COMPLETED")
        self.assertIsNotNone(replica_set["lag_seconds"])

    def test_when_the_primary_dies_it_is_unhealthy_until_it_is_back(self) -> None:
        for probe in ("live", "ready", "started"):
            wait_for(f"{probe}: UP", lambda probe=probe: self.health(probe) == 200)
        [node] = self.replica_set.nodes
        node.kill()
        wait_for("ready: DOWN", lambda: self.health("ready") == 503)
        self.assertEqual(self.health("live"), 200)
        self.assertEqual(self.health("started"), 200)
        answer = ask(f"{self.url}/q/health/ready")
        self.assertEqual(answer.status, 503)
        checks = {check["name"]: check for check in answer.json()["checks"]}
        self.assertEqual(checks["debezium"]["status"], "DOWN")
        self.assertIn("no oplog entry", checks["replica set rs0"]["data"]["reason"])
        self.assertEqual(self.scrape().value("debezium_metrics_Connected"), 0)
        node.start()
        wait_for("ready: UP", lambda: self.health("ready") == 200)
        scrape = self.scrape()
        self.assertGreater(scrape.value("shardtail_interruptions_total", reason="unavailable"), 0)
        self.assertEqual(scrape.value("debezium_metrics_Connected"), 1)

    def health(self, probe: str) -> int:
        return ask(f"{self.url}/health/{probe}").status

    def test_bad_requests_have_clear_answers(self) -> None:
        self.assertEqual(ask(f"{self.url}/metrics/%2e%2e/etc/passwd").status, 404)
        refused = ask(f"{self.url}/metrics", method="DELETE")
        self.assertEqual((refused.status, refused.headers["Allow"]), (405, "GET, HEAD"))
        with self.connect() as large:
            large.sendall(b"POST /metrics HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                for _ in range(100):
                    large.sendall(bytes(1_000_000))
            self.assertTrue(large.recv(100).startswith(b"HTTP/1.1 413 "))

    def test_a_thousand_slow_connections_disturb_nothing(self) -> None:
        with contextlib.ExitStack() as slow:
            for _ in range(1000):
                slow.enter_context(self.connect()).sendall(b"GET /metr")
            with self.replica_set.client() as client:
                client["shop"]["orders"].insert_one({"_id": "meanwhile"})
            self.capture.wait_until_caught_up()
            scrape = self.scrape()
            self.assertEqual(self.health("live"), 200)
            self.assertLess(scrape.value("process_open_fds"), 300)
        wait_for("no connection left over",
                 lambda: self.scrape().value("process_open_fds") < 100)

    def connect(self) -> socket.socket:
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname, parts.port), timeout=30)

    def test_a_taken_port_is_said_at_the_start(self) -> None:
        port = urlsplit(self.url).port
        path = write_properties(self.scratch() / "taken.properties", {
            "mongodb.hosts": self.replica_set.hosts, "mongodb.name": "other",
            "http.port": str(port)})
        ended = run("run", path, directory=self.scratch())
        self.assertEqual(ended.status, 1)
        self.assertIn(f"http.port {port} of 127.0.0.1 is taken", ended.stderr)


if __name__ == "__main__":
    unittest.main()
