"""The privileges of docs/permissions.md, by its own commands: each is needed, and no other is."""

from __future__ import annotations

import json
import re
import unittest
from pathlib import Path
from typing import Any

from integration.harness.case import IntegrationTest
from integration.harness.file_capture import FileCapture
from integration.harness.mongo import ReplicaSet
from integration.harness.shardtail import Result, connector, run, write_properties

DOCUMENT = Path(__file__).parents[2] / "docs" / "permissions.md"
COMMAND = re.compile(r'db\.getSiblingDB\("([^"]+)"\)\.runCommand\((\{.*?\n\})\)', re.DOTALL)


def commands(heading: str) -> list[tuple[str, dict[str, Any]]]:
    """The databases and commands that stand under a heading of the document."""
    text = DOCUMENT.read_text().split(f"{heading}\n", 1)[1]
    section = re.split(r"^##", text, maxsplit=1, flags=re.MULTILINE)[0]
    return [(database, json.loads(command)) for database, command in COMMAND.findall(section)]


class PrivilegesTest(IntegrationTest):
    """A server with access control."""

    @classmethod
    def start_locked(cls, version: str, **options: object) -> ReplicaSet:
        key_file = cls.directory / "key"
        key_file.write_text("c2hhcmR0YWlsIHRlc3Rz")
        key_file.chmod(0o600)
        return cls.start_replica_set(version, members=1, key_file=key_file,
                                     user=("root", "sesame"), **options)

    @staticmethod
    def paste(replica_set: ReplicaSet, heading: str) -> None:
        with replica_set.client() as client:
            for database, command in commands(heading):
                client[database].command(command)


class Privileges(PrivilegesTest):
    VERSION = "4.4"
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_locked(cls.VERSION)
        with cls.replica_set.client() as client:
            for number in range(3):
                client["shop"]["orders"].insert_one({"_id": number})
            client["stock"]["parts"].insert_one({"_id": 0})
        cls.paste(cls.replica_set, "## The least privileges")

    def properties(self, user: str = "shardtail", **more: str) -> dict[str, str]:
        return {**connector(self.replica_set.hosts, database_include_list="shop", **more),
                "mongodb.user": user, "mongodb.password": "change me"}

    def user_without(self, name: str, left_out: dict[str, Any],
                     *more: dict[str, Any]) -> str:
        """A user with the document's role, without the privilege on this resource."""
        [(_, role), _] = commands("## The least privileges")
        privileges = [privilege for privilege in role["privileges"]
                      if privilege["resource"] != left_out]
        self.assertEqual(len(privileges), len(role["privileges"]) - 1)
        with self.replica_set.client() as client:
            client.admin.command("createRole", name, privileges=[*privileges, *more], roles=[])
            client.admin.command("createUser", name, pwd="change me", roles=[name])
        return name

    def check(self, properties: dict[str, str]) -> Result:
        path = write_properties(self.scratch() / "check.properties", properties)
        return run("check", path, directory=self.scratch())

    def assert_both_name(self, properties: dict[str, str], privilege: str) -> None:
        checked = self.check(properties)
        self.assertEqual(checked.status, 1)
        self.assertRegex(checked.stdout, rf"FAIL .*{re.escape(privilege)}")
        ran = run("run", self.scratch() / "check.properties", directory=self.scratch())
        self.assertEqual((ran.status, ran.stdout), (1, ""), ran.stderr)
        self.assertIn(privilege, ran.stderr)

    def test_the_documents_commands_are_enough(self) -> None:
        checked = self.check(self.properties())
        self.assertEqual(checked.status, 0, checked.stdout + checked.stderr)
        self.assertIn("no privilege is missing", checked.stdout)
        self.assertNotIn("warn", checked.stdout)
        capture = FileCapture(self.scratch() / "capture", self.replica_set, self.properties())
        capture.shardtail.start()
        capture.wait_for_snapshot()
        with self.replica_set.client() as client, client.start_session() as session:
            # Of several entries, which are read back along their chain.
            with session.start_transaction():
                for number in range(3, 6):
                    client["shop"]["orders"].insert_one({"_id": number, "x": "x" * 7_000_000},
                                                        session=session)
            client["stock"]["parts"].insert_one({"_id": 1})
            client["shop"]["new"].insert_one({"_id": 6})
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assertEqual([json.loads(event["key"]["id"]) for event in capture.events()],
                         list(range(7)))

    def test_without_the_oplog(self) -> None:
        user = self.user_without("no_oplog", {"db": "local", "collection": "oplog.rs"})
        self.assert_both_name(self.properties(user), "find on local.oplog.rs")

    def test_without_the_captured_database(self) -> None:
        user = self.user_without("no_shop", {"db": "shop", "collection": ""})
        self.assert_both_name(self.properties(user), "find on the database shop")

    def test_without_a_captured_collection(self) -> None:
        user = self.user_without(
            "no_orders", {"db": "shop", "collection": ""},
            {"resource": {"db": "shop", "collection": ""}, "actions": ["listCollections"]})
        self.assert_both_name(self.properties(user), "find on shop.orders")

    def test_without_the_list_of_collections(self) -> None:
        user = self.user_without(
            "no_names", {"db": "shop", "collection": ""},
            {"resource": {"db": "shop", "collection": ""}, "actions": ["find"]})
        self.assert_both_name(self.properties(user), "listCollections on the database shop")
        checked = self.check(self.properties(user, snapshot_mode="never"))
        self.assertEqual(checked.status, 0, checked.stdout + checked.stderr)

    def test_without_the_list_of_databases(self) -> None:
        user = self.user_without("no_list", {"cluster": True})
        checked = self.check(self.properties(user))
        self.assertEqual(checked.status, 0, checked.stdout + checked.stderr)
        self.assertRegex(checked.stdout, "warn .*listDatabases")
        self.assertIn("shop.orders", checked.stdout)

    def test_all_databases_are_meant_and_one_may_not_be_read(self) -> None:
        properties = self.properties()
        del properties["database.include.list"]
        self.assert_both_name(properties, "find on the database stock")
        # What is not meant is not missed.
        checked = self.check({**properties, "collection.include.list": r"shop\..*"})
        self.assertEqual(checked.status, 0, checked.stdout + checked.stderr)


class PrivilegesOf42(Privileges):
    VERSION = "4.2"


class PrivilegesOf50(Privileges):
    VERSION = "5.0"


class PrivilegesOf60(Privileges):
    VERSION = "6.0"


if __name__ == "__main__":
    unittest.main()
