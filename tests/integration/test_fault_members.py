"""Members come, go and change under a running capture, which reads a secondary where asked to."""

from __future__ import annotations

import contextlib
import unittest
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from integration.harness.case import SEED
from integration.harness.fault_case import DOCUMENTS, FaultTest
from integration.harness.file_capture import FileCapture
from integration.harness.load import WriteLoad, mark_end
from integration.harness.mongo import MongoNode, ReplicaSet
from integration.harness.waiting import wait_for


class Members(FaultTest):
    def test_a_new_member_takes_the_place_of_the_primary(self) -> None:
        replica_set = self.start_replica_set("4.4")
        capture, before = self.start_capture(replica_set)
        with WriteLoad(replica_set, DOCUMENTS, SEED, threads=1, through_faults=True) as load:
            new = MongoNode("4.4", self.directory / "new", ["--replSet", replica_set.name])
            new.start()
            self.addCleanup(new.kill)
            new.wait_until_up()
            replica_set.nodes.append(new)
            self.reconfigure(replica_set, lambda members: members.append(
                {"_id": 9, "host": new.address, "priority": 9}))
            wait_for("the new member, synchronised, as the primary",
                     lambda: replica_set.primary() is new)
            self.wait_for_more(capture, 100)
            old = replica_set.nodes[0]
            self.reconfigure(replica_set, lambda members: members.remove(
                next(member for member in members if member["host"] == old.address)))
            old.kill()
            replica_set.nodes.remove(old)
            for node in replica_set.nodes:
                with node.client() as client:
                    client.admin.command("replSetResizeOplog", 1, size=1000.0)
            with new.client() as client:
                for version in ("4.2", "4.4"):
                    client.admin.command("setFeatureCompatibilityVersion", version)
            self.wait_for_more(capture, 100)
            load.stop()
        mark_end(replica_set)
        end = capture.wait_until_caught_up()
        capture.shardtail.stop()
        # The new member's oplog begins where it was synchronised.
        self.assert_delivered(capture, before, end, replica_set.nodes[0])

    @staticmethod
    def reconfigure(replica_set: ReplicaSet, change: Any) -> None:
        def once() -> bool:
            with contextlib.suppress(PyMongoError), replica_set.primary().client() as client:
                configuration = client.admin.command("replSetGetConfig")["config"]
                configuration["version"] += 1
                change(configuration["members"])
                client.admin.command("replSetReconfig", configuration)
                return True
            return False  # another election, or the one before it is not known to all yet

        wait_for("a new configuration", once)

    def test_a_secondary_is_read_until_it_is_the_primary(self) -> None:
        replica_set = self.start_replica_set("4.4", name="rs1")
        addresses = ",".join(node.address for node in replica_set.nodes)
        capture = FileCapture(self.scratch(), replica_set)
        properties = capture.shardtail.properties_path
        lines = [line for line in properties.read_text().splitlines()
                 if not line.startswith("mongodb.hosts=")]
        properties.write_text("\n".join([
            *lines, f"mongodb.connection.string=mongodb://{addresses}/?replicaSet=rs1"
                    "&readPreference=secondary"]) + "\n")
        capture.shardtail.start()
        capture.wait_for_snapshot()
        read = self.member_read(capture)
        self.assertNotEqual(read, replica_set.primary().address)
        with replica_set.client() as client:
            client["members"]["c"].insert_one({"_id": 1})
        capture.wait_until_caught_up()
        [node] = [node for node in replica_set.nodes if node.address == read]
        self.reconfigure(replica_set, lambda members: next(
            member for member in members if member["host"] == read).update(priority=9))
        wait_for(f"{read} as the primary", lambda: replica_set.primary() is node)
        wait_for("another member", lambda: self.member_read(capture) != read)
        with replica_set.client() as client:
            client["members"]["c"].insert_one({"_id": 2})
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        keys = [event["key"] for event in capture.events()]
        self.assertEqual(keys, [{"id": "1"}, {"id": "2"}])

    @staticmethod
    def member_read(capture: FileCapture) -> str:
        [*_, last] = [line for line in capture.shardtail.log.splitlines()
                      if "streaming from " in line]
        return last.split("streaming from ")[1].split()[0]

    def test_credentials_that_are_changed_end_it_and_new_ones_go_on(self) -> None:
        key_file = self.directory / "key"
        key_file.write_text("c2hhcmR0YWlsIHRlc3Rz")
        key_file.chmod(0o600)
        replica_set = self.start_replica_set("4.4", members=1, name="rs2", key_file=key_file,
                                             user=("root", "sesame"))
        with replica_set.client() as client:
            self.make_user(client, "tail", "first")
            capture = FileCapture(self.scratch(), replica_set, {
                "mongodb.user": "tail", "mongodb.password": "first"})
            capture.shardtail.start()
            capture.wait_for_snapshot()
            capture.wait_until_caught_up()
            client.admin.command("dropUser", "tail")
            self.assertNotEqual(capture.shardtail.wait(30), 0)
            self.assertIn("FAILED", capture.shardtail.log)
            self.make_user(client, "tail", "second")
            client["members"]["c"].insert_one({"_id": 1})
            capture.shardtail.start()
            self.assertNotEqual(capture.shardtail.wait(30), 0)
            self.assertIn("mongodb.password", capture.shardtail.log)
            again = FileCapture(self.scratch(), replica_set, {
                "mongodb.user": "tail", "mongodb.password": "second"})
            again.shardtail.start()
            again.wait_until_caught_up()
            again.shardtail.stop()
        self.assertEqual([event["key"] for event in again.events()], [{"id": "1"}])

    @staticmethod
    def make_user(client: pymongo.MongoClient, name: str, password: str) -> None:
        client.admin.command("createUser", name, pwd=password,
                             roles=["readAnyDatabase", {"role": "read", "db": "local"}])


if __name__ == "__main__":
    unittest.main()
