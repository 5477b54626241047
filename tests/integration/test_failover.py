"""The primary changes under a running capture: it follows, and nothing is lost or written twice."""

from __future__ import annotations

import unittest

from pymongo import WriteConcern
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, DuplicateKeyError

from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.mongo import MongoNode, ReplicaSet
from integration.harness.waiting import wait_for

DOCUMENTS = 200  # between two changes of the primary


class Failover(IntegrationTest):
    def test_the_capture_follows_a_killed_primary_and_one_that_steps_down(self) -> None:
        replica_set = self.start_replica_set("4.4")
        capture = Capture(self.scratch(), replica_set, self.start_broker(), schemas=False)
        capture.shardtail.start()
        capture.wait_for_snapshot()
        pid = capture.shardtail.pid

        with replica_set.client() as client:
            collection = client["failover"].get_collection(
                "c", write_concern=WriteConcern("majority"))
            written = 0

            def write() -> None:
                nonlocal written
                for number in range(written, written + DOCUMENTS):
                    wait_for(f"document {number} to be stored",
                             lambda: self.is_stored(collection, {"_id": number}))
                written += DOCUMENTS

            write()
            first = replica_set.primary()
            first.kill()
            self.wait_for_another_primary(replica_set, first)
            write()
            capture.wait_until_caught_up()
            first.start()
            wait_for(f"{first.address} as a member again", lambda: self.is_member(first))

            second = replica_set.primary()
            with second.client() as direct:
                direct.admin.command("replSetStepDown", 30, secondaryCatchUpPeriodSecs=20)
            self.wait_for_another_primary(replica_set, second)
            write()
        capture.wait_until_caught_up()

        self.assertEqual(capture.shardtail.pid, pid, "the same process all along")
        capture.shardtail.stop()
        keys = [record.key for record in capture.records() if record.topic.endswith("failover.c")]
        self.assertEqual(keys, [f'{{"id":"{number}"}}'.encode() for number in range(written)])

    def wait_for_another_primary(self, replica_set: ReplicaSet, old: MongoNode) -> None:
        wait_for("another primary", lambda: replica_set.primary() is not old)

    @staticmethod
    def is_stored(collection: Collection, document: dict[str, int]) -> bool:
        """Inserts it. The driver tries twice, and an election may take longer than that."""
        try:
            collection.insert_one(document)
        except DuplicateKeyError:  # by an attempt of which no answer came
            return True
        except AutoReconnect:
            return False
        return True

    @staticmethod
    def is_member(node: MongoNode) -> bool:
        with node.client() as client:
            hello = client.admin.command("isMaster")
            return bool(hello["ismaster"] or hello.get("secondary"))


if __name__ == "__main__":
    unittest.main()
