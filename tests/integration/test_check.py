"""What `check` finds where a run would work, and what the other commands print."""

from __future__ import annotations

import re
import unittest
from pathlib import Path

from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import debezium_offset
from integration.harness.shardtail import (
    Result, connector, dotted, run, worker, write_properties)
from integration.harness.waiting import wait_for

NOTHING_CAPTURED = ("After applying the include/exclude list filters, no changes will be captured. "
                    "Please check your configuration!")
ROOT = Path(__file__).parents[2]


class Check(IntegrationTest):
    replica_set: ReplicaSet
    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(name="rs0", members=1)
        cls.broker = cls.start_broker()
        with cls.replica_set.client() as client:
            for name in ("orders", "customers", "odd ☃ name"):
                client["shop"][name].insert_one({"_id": 1})

    def check(self, **properties: str) -> Result:
        path = write_properties(self.scratch() / "good.properties", {
            **worker(self.broker.bootstrap), **connector(self.replica_set.hosts),
            **dotted(properties)})
        result = run("check", path, directory=self.scratch())
        self.assertEqual(result.status, 0, result.stdout + result.stderr)
        self.assertNotIn("FAIL", result.stdout)
        return result

    def test_says_what_a_run_would_do(self) -> None:
        report = self.check(collection_include_list=r"shop\.o.*").stdout
        for word in (self.replica_set.nodes[0].address, "rs0", "4.4.2", self.broker.bootstrap,
                     "shop.orders", "dbserver1.shop.orders", "dbserver1.shop.odd___name"):
            self.assertIn(word, report)
        self.assertNotIn("dbserver1.shop.customers", report)
        self.assertRegex(report, r"oplog holds \d+\.\d hours")

    def test_writes_nothing(self) -> None:
        self.check()
        capture = Capture(self.scratch(), self.replica_set, self.broker)
        self.assertEqual(capture.records(), [])
        self.assertEqual(capture.offsets.latest(), {})
        self.assertEqual([path.name for path in self.scratch().iterdir() if path.is_file()
                          and path.suffix != ".properties"], [])

    def test_nothing_captured_is_said_in_debeziums_words_with_the_nearest_names(self) -> None:
        report = self.check(collection_include_list=r"shop\.ordres").stdout
        self.assertIn(NOTHING_CAPTURED, report)
        self.assertIn("shop.orders", report)

    def test_a_run_that_captures_nothing_warns_and_goes_on(self) -> None:
        capture = Capture(self.scratch(), self.replica_set, self.broker, database="nothing")
        capture.shardtail.start()
        wait_for("the warning", lambda: capture.alive() and
                 NOTHING_CAPTURED in capture.shardtail.log)
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assertEqual(capture.records(), [])

    def test_stored_offsets_are_counted(self) -> None:
        capture = Capture(self.scratch(), self.replica_set, self.broker, database="counted")
        capture.offsets.store("rs0", debezium_offset(1600000000, 1))
        report = self.check(offset_storage_topic=capture.offsets.topic).stdout
        self.assertRegex(report, rf"offsets in .*{capture.offsets.topic}.*\b1 stored")


class OtherCommands(IntegrationTest):
    def test_version(self) -> None:
        self.assertRegex(run("--version").stdout, r"^shardtail \d+\.\d+\.\d+\n$")

    def test_help_names_every_command(self) -> None:
        result = run("--help")
        self.assertEqual(result.status, 0)
        for command in ("run", "check", "offsets", "config"):
            self.assertRegex(result.stdout, rf"(?m)^ *{command}\b")

    def test_config_prints_the_documented_reference(self) -> None:
        result = run("config")
        self.assertEqual(result.status, 0)
        self.assertEqual(result.stdout, (ROOT / "docs" / "configuration.md").read_text())

    def test_every_property_of_the_connector_is_in_the_reference(self) -> None:
        reference = set(re.findall(r"`([a-z][a-z0-9.]+)`", run("config").stdout))
        self.assertEqual(CONNECTOR_PROPERTIES - reference, set())


CONNECTOR_PROPERTIES = set("""
name connector.class tasks.max mongodb.hosts mongodb.name mongodb.user mongodb.password
mongodb.authsource mongodb.ssl.enabled mongodb.ssl.invalid.hostname.allowed
mongodb.members.auto.discover mongodb.poll.interval.ms mongodb.poll.interval.sec
mongodb.connect.timeout.ms mongodb.socket.timeout.ms mongodb.server.selection.timeout.ms
database.include.list database.exclude.list database.whitelist database.blacklist
collection.include.list collection.exclude.list collection.whitelist collection.blacklist
field.exclude.list field.blacklist field.renames snapshot.mode snapshot.delay.ms
snapshot.fetch.size initial.sync.max.threads tombstones.on.delete max.queue.size max.batch.size
poll.interval.ms connect.backoff.initial.delay.ms connect.backoff.max.delay.ms
connect.max.attempts retriable.restart.connector.wait.ms source.struct.version
heartbeat.interval.ms heartbeat.topics.prefix sanitize.field.names skipped.operations
provide.transaction.metadata event.processing.failure.handling.mode
""".split())


if __name__ == "__main__":
    unittest.main()
