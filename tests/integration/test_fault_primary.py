"""The primary dies and steps down under load, and all members at once: nothing lost or twice.

    SHARDTAIL_FAILOVERS   how often (10)
    SHARDTAIL_SEED        of the run to repeat; it is printed
"""

from __future__ import annotations

import contextlib
import os
import unittest

from pymongo.errors import PyMongoError

from integration.harness.case import SEED
from integration.harness.fault_case import DOCUMENTS, FaultTest
from integration.harness.load import WriteLoad, mark_end
from integration.harness.mongo import MongoNode, ReplicaSet
from integration.harness.waiting import wait_for

FAILOVERS = int(os.environ.get("SHARDTAIL_FAILOVERS", "10"))


class Primary(FaultTest):
    def test_every_change_comes_once_whoever_is_primary(self) -> None:
        replica_set = self.start_replica_set("4.4")
        capture, before = self.start_capture(replica_set)
        pid = capture.shardtail.pid

        with WriteLoad(replica_set, DOCUMENTS, SEED, threads=2, through_faults=True) as load:
            for number in range(FAILOVERS):
                self.wait_for_more(capture, 100)
                self.change_primary(replica_set, kill=number % 5 != 4)
            self.wait_for_more(capture, 100)
            for node in replica_set.nodes:
                node.kill()
            for node in replica_set.nodes:
                node.start()
            replica_set.primary()
            self.wait_for_more(capture, 100)
            load.stop()
            print(f"{FAILOVERS} fail-overs, {load.operations} operations", flush=True)
        mark_end(replica_set)
        end = capture.wait_until_caught_up()

        self.assertEqual(capture.shardtail.pid, pid, "the same process all along")
        capture.shardtail.stop()
        self.assert_delivered(capture, before, end)

    def change_primary(self, replica_set: ReplicaSet, *, kill: bool) -> None:
        old = replica_set.primary()
        if kill:
            old.kill()
        else:
            # It closes the connection that asks on some versions.
            with old.client() as client, contextlib.suppress(PyMongoError):
                client.admin.command("replSetStepDown", 5, force=True)
        wait_for("another primary", lambda: replica_set.primary() is not old)
        if kill:
            old.start()
            wait_for(f"{old.address} as a member again", lambda: self.is_member(old))

    @staticmethod
    def is_member(node: MongoNode) -> bool:
        with contextlib.suppress(PyMongoError), node.client(
                serverSelectionTimeoutMS=1000) as client:
            hello = client.admin.command("isMaster")
            return bool(hello["ismaster"] or hello.get("secondary"))
        return False


if __name__ == "__main__":
    unittest.main()
