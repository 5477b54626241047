"""The ways in and out: Connect's JSON and worker files; Kafka, standard output, a file; the log."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import unittest
from pathlib import Path
from typing import Any

from golden.masks import masked
from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import OffsetFile
from integration.harness.processes import bound
from integration.harness.shardtail import (
    Shardtail, binary, connector, dotted, worker, write_properties)
from integration.harness.waiting import wait_for


class Outputs(IntegrationTest):
    replica_set: ReplicaSet
    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(members=1)
        cls.broker = cls.start_broker()

    def setUp(self) -> None:
        """Each test has a database of its own."""
        self.database = self.own_database
        with self.replica_set.client() as client:
            client[self.database]["orders"].insert_many(
                [{"_id": number, "name": "Łódź \"☃\"\n"} for number in range(3)])
        self.offset_file = self.scratch() / "dbserver1.offsets"

    def change(self) -> None:
        """An insert, an update and a delete."""
        with self.replica_set.client() as client:
            orders = client[self.database]["orders"]
            orders.insert_one({"_id": "new"})
            orders.update_one({"_id": "new"}, {"$set": {"a": 1}})
            orders.delete_one({"_id": "new"})

    def shardtail(self, **properties: str) -> Shardtail:
        """Without a broker; offsets in a file."""
        return Shardtail(self.scratch(), {
            **connector(self.replica_set.hosts), "database.include.list": self.database,
            "offset.flush.interval.ms": "200",
            **dotted(properties)})

    def run_to_the_end(self, shardtail: Shardtail) -> None:
        shardtail.start()
        OffsetFile(self.offset_file).wait_until_caught_up(self.replica_set, shardtail)
        shardtail.stop()

    def snapshot_and_changes(self, shardtail: Shardtail) -> None:
        """Two runs: the second continues where the first stopped."""
        self.run_to_the_end(shardtail)
        self.change()
        self.run_to_the_end(shardtail)

    def assert_lines_are_events(self, text: str) -> list[dict[str, Any]]:
        """One JSON object a line with topic, key and value: three copies, c, u, d, a tombstone."""
        self.assertTrue(text.endswith("\n"))
        lines = [json.loads(line) for line in text.splitlines()]
        for line in lines:
            self.assertEqual(list(line), ["topic", "key", "value"])
            self.assertEqual(line["topic"], f"dbserver1.{self.database}.orders")
        values = [line["value"] and line["value"].get("payload", line["value"]) for line in lines]
        self.assertEqual([value and value["op"] for value in values],
                         ["r", "r", "r", "c", "u", "d", None])
        return lines

    def test_standard_output_without_a_broker(self) -> None:
        shardtail = self.shardtail()
        self.snapshot_and_changes(shardtail)
        self.assert_lines_are_events(shardtail.stdout)
        # A connector's file without its worker's: the user may have meant Kafka.
        self.assertRegex(shardtail.log, r"(?s)standard output.*bootstrap\.servers|"
                         r"bootstrap\.servers.*standard output")

    def test_a_file(self) -> None:
        file = self.scratch() / "events.jsonl"
        shardtail = self.shardtail(sink_type="file", sink_file_path=str(file))
        self.snapshot_and_changes(shardtail)
        self.assert_lines_are_events(file.read_text())
        self.assertEqual(shardtail.stdout, "")

    def test_a_killed_run_leaves_whole_lines_to_the_next(self) -> None:
        file = self.scratch() / "events.jsonl"
        shardtail = self.shardtail(sink_type="file", sink_file_path=str(file))
        self.run_to_the_end(shardtail)
        with file.open("a") as cut_off:
            cut_off.write('{"topic":"dbserver1.')
        self.change()
        self.run_to_the_end(shardtail)
        lines = file.read_text().splitlines()
        self.assertEqual(len([line for line in lines if is_json(line)]), 7)

    def test_keys_and_values_are_those_in_kafka(self) -> None:
        shardtail = self.shardtail(key_converter_schemas_enable="false",
                                   value_converter_schemas_enable="false")
        self.run_to_the_end(shardtail)
        capture = Capture(self.scratch() / "kafka", self.replica_set, self.broker,
                          database=self.database, schemas=False)
        capture.shardtail.start()
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        for line, record in zip(shardtail.stdout.splitlines(), capture.records(), strict=True):
            whole = b'{"topic":"%s","key":%s,"value":%s}' % (
                record.topic.encode(), record.key, record.value)
            self.assertEqual(masked(line.encode()), masked(whole))

    def test_connects_json_and_its_workers_file(self) -> None:
        """The two files that a Kafka Connect user has."""
        directory = self.scratch()
        json_file = directory / "connector.json"
        json_file.write_text(json.dumps({"name": "mongo-src", "config": {
            **connector(self.replica_set.hosts), "database.include.list": self.database,
            "tasks.max": 1, "tombstones.on.delete": False}}))
        worker_file = write_properties(directory / "worker.properties", {
            **worker(self.broker.bootstrap, schemas=False), "offset.storage.topic": "of-json",
            "group.id": "connect", "config.storage.topic": "connect-configs",
            "status.storage.topic": "connect-status", "plugin.path": "/opt/plugins",
            "listeners": "http://127.0.0.1:8083", "producer.linger.ms": "5"})
        capture = Capture(directory / "reader", self.replica_set, self.broker,
                          database=self.database, properties={"offset.storage.topic": "of-json"})
        before = len(capture.records())
        shardtail = Shardtail(directory, {})
        shardtail.start("--worker", worker_file, json_file)
        wait_for("the snapshot", lambda: len(capture.records()) == before + 3)
        self.change()
        wait_for("the changes", lambda: len(capture.records()) == before + 6)
        shardtail.stop()
        self.assertEqual(shardtail.stdout, "")

    def test_a_terminal_shows_how_far_a_copy_is(self) -> None:
        with self.replica_set.client() as client:
            client[self.database]["many"].insert_many([{"_id": number} for number in range(3000)])
        shardtail = self.shardtail(sink_type="file", sink_file_path=str(self.scratch() / "events"),
                                   snapshot_max_documents_per_second="1000")
        terminal, other_end = pty.openpty()
        self.addCleanup(os.close, terminal)
        process = subprocess.Popen(
            bound(binary(), "run", str(shardtail.properties_path)), cwd=self.scratch(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=other_end)
        self.addCleanup(process.kill)
        os.close(other_end)
        shown = b""
        while b"snapshot complete" not in shown:
            self.assertTrue(select.select([terminal], [], [], 60)[0], shown.decode())
            shown += os.read(terminal, 65536)
        process.terminate()
        self.assertEqual(process.wait(60), 0)
        name = f"{self.database}.many"
        self.assertRegex(shown.decode(), rf"\x1b\[\d+A\x1b\[J  {re.escape(name)} +\d+ +\d+% +\d+/s")
        self.assertRegex(shown.decode(), r"rs0: snapshot of \d collections, \d done, \d+ documents of ")
        self.assertRegex(shown.decode(), r"(?m)^(\x1b\[\d+A\x1b\[J)?2\d{3}-.* snapshot complete")

    def test_a_log_of_json_lines(self) -> None:
        shardtail = self.shardtail(log_format="json", log_level="debug")
        self.run_to_the_end(shardtail)
        lines = [json.loads(line) for line in shardtail.log.splitlines()]
        self.assertGreater(len(lines), 2)
        for line in lines:
            self.assertIsInstance(line, dict)

    def test_secrets_are_in_no_log(self) -> None:
        secret = self.scratch() / "secret"
        Path(secret).write_text("password=tr0ub4dor\n")
        shardtail = self.shardtail(
            mongodb_user="nobody", mongodb_password=f"${{file:{secret}:password}}",
            log_level="trace", mongodb_server_selection_timeout_ms="2000")
        shardtail.start()
        self.assertGreater(shardtail.wait(), 0)
        self.assertNotIn("tr0ub4dor", shardtail.log)


def is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    unittest.main()
