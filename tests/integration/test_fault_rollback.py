"""Real rollbacks: what a majority never had is never published, and a position that went is told.

    SHARDTAIL_ROLLBACKS   how many (5)
"""

from __future__ import annotations

import contextlib
import os
import unittest
from typing import Any

from bson import Timestamp
from pymongo import WriteConcern
from pymongo.errors import PyMongoError

from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.delivery import lost_documents, out_of_order, source_documents
from integration.harness.mongo import MongoNode, ReplicaSet
from integration.harness.offsets import debezium_offset
from integration.harness.waiting import wait_for

ROLLBACKS = int(os.environ.get("SHARDTAIL_ROLLBACKS", "5"))
DOCUMENTS = 50  # in each round: real ones, and as many that roll back
NAMESPACE = ("rollback", "c")


class Rollback(IntegrationTest):
    def test_what_rolls_back_is_never_published_and_a_position_in_it_is_told(self) -> None:
        replica_set = self.start_replica_set("4.4")
        capture = Capture(self.scratch(), replica_set, self.start_broker(), schemas=False)
        capture.shardtail.start()
        capture.wait_for_snapshot()

        gone = [self.roll_back(replica_set, capture, number) for number in range(ROLLBACKS)]
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        records = capture.records()
        self.assert_nothing((record for record in records if record.value is not None
                             and b"phantom" in record.value), "events of what rolled back")
        self.assert_nothing(out_of_order(records), "breaks of the order per key")
        self.assert_matches_the_source(replica_set, capture)

        # As a reader of what is not majority-committed would have stored it.
        position = gone[-1]
        capture.offsets.store(replica_set.name, debezium_offset(position.time, position.inc))
        never = Capture(self.scratch() / "never", replica_set, capture.broker, schemas=False,
                        properties={"snapshot.mode": "never"})
        never.shardtail.start()
        self.assertNotEqual(never.shardtail.wait(), 0)
        for words in ("FAILED", "rolled that write back", f"({position.time}, {position.inc})",
                      "snapshot.mode=never"):
            self.assertIn(words, never.shardtail.log)

        copied = sum(record.is_snapshot for record in records)
        capture.shardtail.start()
        wait_for("a second snapshot", lambda: capture.alive() and
                 capture.shardtail.log.count("snapshot complete") == 2)
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assertIn("position lost, copying again", capture.shardtail.log)
        self.assertEqual(sum(record.is_snapshot for record in capture.records()),
                         copied + ROLLBACKS * DOCUMENTS)
        self.assert_matches_the_source(replica_set, capture)

    def roll_back(self, replica_set: ReplicaSet, capture: Capture, number: int) -> Timestamp:
        """Writes what the primary alone has, and makes another one primary; where it was."""
        with replica_set.client() as client:
            client["rollback"]["c"].insert_many(
                [{"_id": f"{number}-{i}", "n": 0} for i in range(DOCUMENTS)])
        capture.wait_until_caught_up()  # it reads from the primary that is to lose its writes
        old = replica_set.primary()
        others = [node for node in replica_set.nodes if node is not old]
        for node in others:
            node.kill()
        with old.client() as client:
            alone = client["rollback"].get_collection("c", write_concern=WriteConcern(1, j=True))
            alone.insert_many([{"_id": f"phantom-{number}-{i}"} for i in range(DOCUMENTS)])
            alone.update_many({"n": 0}, {"$set": {"n": "phantom"}})
            [last] = client["local"]["oplog.rs"].find({"op": "u"}).sort("$natural", -1).limit(1)
            wait_for("the end of its term", lambda: not hello(old).get("ismaster"))
        old.kill()
        for node in others:
            node.start()
        replica_set.primary()
        with replica_set.client() as client:
            client["rollback"]["c"].update_many({"n": 0}, {"$set": {"n": 1}})
        old.start()
        wait_for(f"{old.address} without what it wrote alone", lambda: hello(old).get(
            "secondary") and not self.has(old, last["ts"]))
        return last["ts"]

    @staticmethod
    def has(node: MongoNode, position: Timestamp) -> bool:
        with node.client(readPreference="secondaryPreferred") as client, contextlib.suppress(
                PyMongoError):
            return client["local"]["oplog.rs"].find_one({"ts": position}) is not None
        return True

    def assert_matches_the_source(self, replica_set: ReplicaSet, capture: Capture) -> None:
        self.assert_nothing(
            lost_documents(source_documents(replica_set, [NAMESPACE]), capture.records()),
            "documents lost, stale or left over")


def hello(node: MongoNode) -> dict[str, Any]:
    with contextlib.suppress(PyMongoError), node.client(serverSelectionTimeoutMS=1000) as client:
        return client.admin.command("isMaster")
    return {}


if __name__ == "__main__":
    unittest.main()
