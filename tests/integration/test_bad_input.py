"""Whatever is wrong with the input, one clear message says so, and the exit status is not 0."""

from __future__ import annotations

import json
import unittest
from collections.abc import Mapping
from pathlib import Path

from integration.harness.case import IntegrationTest
from integration.harness.certificates import Certificates
from integration.harness.fake_mongos import FakeMongos
from integration.harness.mongo import MongoNode, ReplicaSet
from integration.harness.ports import free_port
from integration.harness.shardtail import Result, connector, run, worker, write_properties

# Nothing waits long for a server that does not come.
IMPATIENT = {
    "mongodb.server.selection.timeout.ms": "2000",
    "mongodb.connect.timeout.ms": "2000",
    "connect.max.attempts": "1",
    "connect.backoff.initial.delay.ms": "100",
    "connect.backoff.max.delay.ms": "100",
}


class BadInputTest(IntegrationTest):
    """Runs the program on a configuration that cannot work."""

    def write(self, properties: Mapping[str, str], name: str = "bad.properties") -> Path:
        return write_properties(self.scratch() / name, properties)

    def assert_refused(self, arguments: list[str | Path], *words: str, seconds: float = 30) -> str:
        """It ends by itself, with a message that has all the words, and writes no event."""
        result = run(*arguments, directory=self.scratch(), seconds=seconds)
        self.assertGreater(result.status, 0, f"a signal, or success:\n{result.stderr}")
        self.assertEqual(result.stdout, "")
        for word in words:
            self.assertIn(word.lower(), result.stderr.lower())
        self.assert_one_message(result)
        return result.stderr

    def assert_one_message(self, result: Result) -> None:
        """The failure is said once, in words, and no sanitizer or library speaks."""
        lines = result.stderr.splitlines()
        messages = [line for line in lines if line.startswith("shardtail: ")]
        self.assertEqual(len(messages), 1, result.stderr)
        text = messages[0].removeprefix("shardtail: ")
        self.assertEqual(len([line for line in lines if text in line]), 1,
                         f"said more than once:\n{result.stderr}")
        for noise in ("Sanitizer", "terminate called", "rdkafka#", "mongoc", "Assertion"):
            self.assertNotIn(noise, result.stderr)

    def assert_both_refuse(self, properties: Mapping[str, str], *words: str) -> None:
        """`check` and `run` agree on what cannot work; `check` says it in its report."""
        path = self.write({**IMPATIENT, **properties})
        result = run("check", path, directory=self.scratch())
        self.assertEqual(result.status, 1, result.stderr)
        self.assert_one_message(result)
        failures = "\n".join(line for line in result.stdout.splitlines()
                             if line.startswith("FAIL"))
        for word in words:
            self.assertIn(word.lower(), failures.lower())
        self.assert_refused(["run", path], *words)


class Configuration(BadInputTest):
    """Mistakes that are seen without a server."""

    GOOD = connector("rs0/127.0.0.1:27017")

    def check(self, changes: Mapping[str, str | None], *words: str) -> str:
        """The good configuration with these changes (None: left out) is refused."""
        properties = {name: value for name, value in {**self.GOOD, **changes}.items()
                      if value is not None}
        path = self.write(properties)
        self.assert_refused(["check", path], *words)
        return self.assert_refused(["run", path], *words)

    def test_an_unknown_property_with_the_nearest_known_one(self) -> None:
        self.check({"colection.include.list": "wl.*"},
                   "colection.include.list", "collection.include.list")
        self.check({"tombstone.on.delete": "true"}, "tombstone.on.delete", "tombstones.on.delete")

    def test_an_unknown_property_that_is_near_to_nothing(self) -> None:
        self.check({"zzz.qqq": "1"}, "zzz.qqq")

    def test_no_hosts(self) -> None:
        self.check({"mongodb.hosts": None}, "mongodb.hosts")

    def test_no_logical_name(self) -> None:
        self.check({"mongodb.name": None}, "mongodb.name")

    def test_include_and_exclude_list_together(self) -> None:
        for kind in ("database", "collection"):
            self.check({f"{kind}.include.list": "a", f"{kind}.exclude.list": "b"},
                       f"{kind}.include.list", f"{kind}.exclude.list")

    def test_an_invalid_regular_expression_with_its_position(self) -> None:
        stderr = self.check({"collection.include.list": r"shop\.(orders"},
                            "collection.include.list", r"shop\.(orders")
        self.assertRegex(stderr, r"parenthesis at character 14")  # where one is missing

    def test_values_out_of_range(self) -> None:
        for name, value in (("max.batch.size", "-1"), ("snapshot.fetch.size", "-5"),
                            ("max.queue.size", "0"), ("connect.max.attempts", "0")):
            self.check({name: value}, name, value)

    def test_values_of_the_wrong_kind(self) -> None:
        for name, value in (("tombstones.on.delete", "perhaps"), ("max.batch.size", "many"),
                            ("snapshot.mode", "sometimes"), ("skipped.operations", "x"),
                            ("field.exclude.list", "no-dots"), ("mongodb.hosts", "h:notaport"),
                            ("sink.type", "pigeon"), ("log.format", "braille")):
            self.check({name: value}, name, value)

    def test_another_connector(self) -> None:
        self.check({"connector.class": "io.debezium.connector.mysql.MySqlConnector"},
                   "connector.class", "MySqlConnector", "MongoDbConnector")

    def test_a_broker_that_is_needed_and_not_named(self) -> None:
        self.check({"sink.type": "kafka"}, "bootstrap.servers")

    def test_a_file_sink_without_a_file(self) -> None:
        self.check({"sink.type": "file"}, "sink.file.path")

    def test_an_unknown_property_of_the_producer(self) -> None:
        self.check({"bootstrap.servers": "127.0.0.1:9", "producer.override.acs": "all"},
                   "producer.override.acs")

    def test_all_mistakes_at_once(self) -> None:
        stderr = self.check(
            {"mongodb.hosts": None, "mongodb.name": None, "databse.include.list": "x",
             "snapshot.mode": "sometimes", "collection.include.list": "a(",
             "max.batch.size": "-1"},
            "mongodb.hosts", "mongodb.name", "databse.include.list", "database.include.list",
            "snapshot.mode", "sometimes", "collection.include.list", "max.batch.size")
        self.assertLessEqual(len(stderr.splitlines()), 8, stderr)

    def test_a_password_is_not_shown(self) -> None:
        stderr = self.check({"mongodb.user": "me", "mongodb.password": "tr0ub4dor",
                             "mongodb.hosts": None}, "mongodb.hosts")
        self.assertNotIn("tr0ub4dor", stderr)


class Files(BadInputTest):
    """Configuration files that cannot be read, and command lines that cannot be understood."""

    def test_a_file_that_is_not_there(self) -> None:
        missing = self.scratch() / "missing.properties"
        for command in (["run"], ["check"], ["offsets", "show"]):
            self.assert_refused([*command, missing], str(missing))

    def test_a_directory(self) -> None:
        self.assert_refused(["run", self.scratch()], str(self.scratch()))

    def test_a_worker_file_that_is_not_there(self) -> None:
        good = self.write(connector("rs0/127.0.0.1:27017"))
        missing = self.scratch() / "worker.properties"
        self.assert_refused(["run", "--worker", missing, good], str(missing))

    def test_broken_json_with_its_place(self) -> None:
        path = self.scratch() / "connector.json"
        path.write_text('{\n  "name": "x",\n  "config": {"mongodb.hosts" "h"}\n}\n')
        stderr = self.assert_refused(["run", path], str(path))
        self.assertRegex(stderr, r"\b3\b")

    def test_json_without_a_configuration(self) -> None:
        for number, text in enumerate(("[]", "{}", '{"name": "x"}', '{"config": 5}', "")):
            path = self.scratch() / f"{number}.json"
            path.write_text(text)
            self.assertGreater(run("run", path).status, 0, text)

    def test_json_with_a_value_that_is_no_property(self) -> None:
        path = self.scratch() / "connector.json"
        path.write_text(json.dumps({"name": "x", "config": {
            **connector("rs0/127.0.0.1:27017"), "collection.include.list": ["a", "b"]}}))
        self.assert_refused(["run", path], "collection.include.list")

    def test_unknown_commands_and_options(self) -> None:
        good = self.write(connector("rs0/127.0.0.1:27017"))
        for arguments in ([], ["walk"], ["run"], ["run", "--fast", good], ["offsets"],
                          ["offsets", "set", good], ["offsets", "set", good, "--replica-set",
                                                     "rs0", "--sec", "soon", "--ord", "1"]):
            result = run(*arguments)
            self.assertGreater(result.status, 0, arguments)
            self.assertEqual(result.stdout, "", arguments)
            self.assertNotEqual(result.stderr, "", arguments)


class Servers(BadInputTest):
    """Servers that are not there, are something else, or do not let us in."""

    good: ReplicaSet
    locked: ReplicaSet
    tls: ReplicaSet
    standalone: MongoNode
    mongos: FakeMongos
    certificates: Certificates

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        key_file = cls.directory / "key"
        key_file.write_text("c2hhcmR0YWlsIHRlc3Rz")
        key_file.chmod(0o600)
        cls.certificates = Certificates(cls.directory / "certificates")
        cls.good = cls.start_replica_set(name="good", members=1)
        cls.locked = cls.start_replica_set(name="locked", members=1, key_file=key_file,
                                           user=("root", "sesame"))
        cls.tls = cls.start_replica_set(name="tls", members=1,
                                        options=cls.certificates.mongod_options,
                                        client_options=cls.certificates.client_options)
        cls.standalone = MongoNode("4.4", cls.directory / "standalone").start()
        cls.addClassCleanup(cls.standalone.kill)
        cls.standalone.wait_until_up()
        cls.mongos = FakeMongos()
        cls.addClassCleanup(cls.mongos.stop)

    def test_a_standalone_server_can_become_a_replica_set(self) -> None:
        self.assert_both_refuse(connector(self.standalone.address),
                                self.standalone.address, "standalone", "replSet", "rs.initiate")

    def test_a_mongos_is_not_where_to_connect(self) -> None:
        self.assert_both_refuse(connector(self.mongos.address),
                                self.mongos.address, "mongos", "replica set")

    def test_another_replica_sets_name(self) -> None:
        self.assert_both_refuse(connector(f"other/{self.good.nodes[0].address}"), "other", "good")

    def test_an_unreachable_host(self) -> None:
        address = f"127.0.0.1:{free_port()}"
        self.assert_both_refuse(connector(f"rs0/{address}"), address, "connect")

    def test_a_name_that_is_no_host(self) -> None:
        self.assert_both_refuse(connector("rs0/no-such-host.invalid:27017"),
                                "no-such-host.invalid")

    def test_wrong_credentials(self) -> None:
        for user, password in (("root", "wrong"), ("nobody", "sesame")):
            self.assert_both_refuse(
                connector(self.locked.hosts, mongodb_user=user, mongodb_password=password),
                "authenticat", user, "mongodb.password")

    def test_no_credentials_where_some_are_needed(self) -> None:
        self.assert_both_refuse(connector(self.locked.hosts), "mongodb.user")

    def test_missing_privileges_by_name(self) -> None:
        with self.locked.client() as client:
            client.admin.command("createUser", "reader", pwd="sesame", roles=["readAnyDatabase"])
        self.assert_both_refuse(
            connector(self.locked.hosts, mongodb_user="reader", mongodb_password="sesame"),
            "privilege", "find", "local.oplog.rs", "role `read`")

    def test_tls_to_a_plain_server(self) -> None:
        self.assert_both_refuse(connector(self.good.hosts, mongodb_ssl_enabled="true"),
                                "TLS", "mongodb.ssl.enabled")

    def test_no_tls_to_a_server_that_demands_it(self) -> None:
        self.assert_both_refuse(connector(self.tls.hosts), "TLS", "mongodb.ssl.enabled")

    def test_tls_to_a_server_of_an_unknown_authority(self) -> None:
        self.assert_both_refuse(connector(self.tls.hosts, mongodb_ssl_enabled="true"),
                                "certificate", "mongodb.ssl.ca.file")

    def test_no_broker(self) -> None:
        broker = f"127.0.0.1:{free_port()}"
        self.assert_both_refuse({**worker(broker), **connector(self.good.hosts)},
                                broker, "bootstrap.servers")

    def test_a_broken_offset_file(self) -> None:
        file = self.scratch() / "offsets.dat"
        for content in (b"not a map of Java's", bytes.fromhex("aced0005737200116a617661"),
                        b"\0" * 1000):
            file.write_bytes(content)
            path = self.write(connector(self.good.hosts, offset_storage_file_filename=str(file)))
            self.assert_refused(["run", path], str(file))
            self.assertEqual(file.read_bytes(), content, "a broken file is left as it is")

    def test_a_sink_file_that_cannot_be_written(self) -> None:
        path = self.scratch() / "no" / "such" / "directory" / "events"
        self.assert_both_refuse(
            {**connector(self.good.hosts), "sink.type": "file", "sink.file.path": str(path)},
            str(path))


if __name__ == "__main__":
    unittest.main()
