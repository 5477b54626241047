"""A sharded cluster with access control: the commands of docs/permissions.md are enough, and needed.

Its servers sign the cluster times that one shard is asked to wait for on behalf of another.
"""

from __future__ import annotations

import unittest
from typing import Any

from integration.harness.case import ClusterTest
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.counting_load import count_breaks
from integration.harness.mongo import ReplicaSet
from integration.harness.shardtail import Result, run
from integration.harness.waiting import wait_for
from integration.test_privileges import commands

MIGRATIONS = 8
DOCUMENTS = 20
CONFIG_SERVER = "#### On the config server's primary"
SHARD = "#### On each shard's primary"
NAMESPACE = "shop.orders"  # of the document's commands


class ClusterPrivileges:
    """The tests; a class below for each server version."""

    cluster_options = {"key": "c2hhcmR0YWlsIHRlc3Rz"}

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster.create_sharded(NAMESPACE, DOCUMENTS // 2)
        cls.cluster.move_chunk(NAMESPACE, DOCUMENTS // 2, "shB")
        cls.load = cls.filled(NAMESPACE, DOCUMENTS)
        for heading, replica_set in cls.places():
            with replica_set.client() as client:
                for database, command in commands(heading):
                    client[database].command(command)

    @classmethod
    def places(cls) -> list[tuple[str, ReplicaSet]]:
        """Where the document wants a user, with the heading of the commands."""
        return [(CONFIG_SERVER, cls.cluster.config),
                *((SHARD, shard) for shard in cls.cluster.shards.values())]

    def capture(self, user: str) -> ClusterCapture:
        return self.new_capture(
            "shop", {"mongodb.user": user, "mongodb.password": "change me"}, name=user)

    def check(self, capture: ClusterCapture) -> Result:
        return run("check", capture.shardtail.properties_path, directory=self.scratch())

    def user_without(self, name: str, place: ReplicaSet, resource: dict[str, Any]) -> str:
        """Has the document's roles everywhere, but not this privilege at this place."""
        for heading, replica_set in self.places():
            [(_, role), _] = commands(heading)
            privileges = [privilege for privilege in role["privileges"]
                          if replica_set is not place or privilege["resource"] != resource]
            self.assertEqual(len(role["privileges"]) - len(privileges), replica_set is place)
            with replica_set.client() as client:
                client.admin.command("createRole", name, privileges=privileges, roles=[])
                client.admin.command("createUser", name, pwd="change me", roles=[name])
        return name

    def assert_check_names(self, capture: ClusterCapture, privilege: str) -> None:
        checked = self.check(capture)
        self.assertEqual(checked.status, 1)
        self.assertRegex(checked.stdout, rf"FAIL .*missing privilege: find on {privilege}")

    def test_the_documents_commands_are_enough(self) -> None:
        capture = self.capture("shardtail")
        checked = self.check(capture)
        self.assertEqual(checked.status, 0, checked.stdout + checked.stderr)
        self.assertNotIn("warn", checked.stdout)
        for _, replica_set in self.places():
            self.assertRegex(checked.stdout, rf"{replica_set.primary().address} .*{self.version}")
        self.assertEqual(checked.stdout.count("the oplog holds"), 2)
        self.assertEqual(checked.stdout.count(f"{NAMESPACE} → topic shardtail.{NAMESPACE}"), 2)

        capture.shardtail.start()
        capture.wait_for_snapshot()
        with self.load:
            self.change_a_shard_key()
            for number in range(MIGRATIONS):
                self.cluster.move_chunk(NAMESPACE, number // 2 % 2 * DOCUMENTS // 2)
                self.load.wait(DOCUMENTS)
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assert_nothing(count_breaks(capture.records(), self.load.counts),
                            "documents lost or out of order")

    def change_a_shard_key(self) -> None:
        """By a transaction of both shards: what the one has of it, the other must ask for."""
        id = DOCUMENTS
        with self.cluster.collection(NAMESPACE) as collection:
            collection.insert({"_id": id, "k": -1, "n": 0})
        with self.cluster.transaction("shA") as transaction:
            transaction.delete("shA", NAMESPACE, {"_id": id, "k": -1})
            transaction.insert("shB", NAMESPACE, {"_id": id, "k": id, "n": 1})
            transaction.commit()

    def test_without_the_list_of_shards(self) -> None:
        capture = self.capture(self.user_without(
            "no_shards", self.cluster.config, {"db": "config", "collection": "shards"}))
        self.assert_check_names(capture, "config.shards")
        ran = run("run", capture.shardtail.properties_path, directory=self.scratch())
        self.assertEqual(ran.status, 1)
        self.assertIn("find on config.shards", ran.stderr)

    def test_without_the_transactions_of_a_shard(self) -> None:
        self.assert_check_names(self.capture(self.user_without(
            "no_transactions", self.cluster.shards["shA"],
            {"db": "config", "collection": "transactions"})), "config.transactions")

    def test_without_the_migrations_of_one_shard_the_other_is_captured(self) -> None:
        capture = self.capture(self.user_without(
            "no_ranges", self.cluster.shards["shB"],
            {"db": "config", "collection": "rangeDeletions"}))
        self.assert_check_names(capture, "config.rangeDeletions")
        capture.shardtail.start()
        wait_for("the missing privilege in the log", lambda: capture.alive() and
                 "find on config.rangeDeletions" in capture.shardtail.log)
        capture.wait_until_caught_up("shA")
        capture.shardtail.stop()
        self.assertEqual(set(capture.offsets.latest()), {capture.offsets.key("shA")})


class ClusterPrivilegesOf42(ClusterPrivileges, ClusterTest):
    version = "4.2"


class ClusterPrivilegesOf44(ClusterPrivileges, ClusterTest):
    version = "4.4"


class ClusterPrivilegesOf50(ClusterPrivileges, ClusterTest):
    version = "5.0"


class ClusterPrivilegesOf60(ClusterPrivileges, ClusterTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
