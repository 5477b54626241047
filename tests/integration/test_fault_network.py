"""The network between the program and a member fails in every way: it recovers, nothing is lost."""

from __future__ import annotations

import unittest

from integration.harness.case import SEED
from integration.harness.fault_case import DOCUMENTS, FaultTest
from integration.harness.load import WriteLoad, mark_end
from integration.harness.mongo import ReplicaSet
from integration.harness.proxy import FaultProxy
from integration.harness.waiting import wait_for

HALF_OPEN_SECONDS = 30  # within which a connection that says nothing any more is given up


class Network(FaultTest):
    def test_every_change_comes_once_through_all_of_it(self) -> None:
        replica_set = self.start_replica_set("4.4", members=1)
        proxy = self.start_proxy(replica_set)
        capture, before = self.start_capture(
            replica_set, hosts=proxy.address, properties={"mongodb.members.auto.discover": "false"})

        with WriteLoad(replica_set, DOCUMENTS, SEED, threads=1) as load:
            proxy.delay(0.2)
            self.wait_for_more(capture, 200)
            proxy.limit(100_000)
            self.wait_for_more(capture, 200)
            proxy.pass_on()
            proxy.reset_randomly(0.01)
            self.wait_for_more(capture, 1000)
            proxy.cut()
            wait_for("an attempt that failed", lambda: "attempt 2 of" in capture.shardtail.log)
            proxy.pass_on()
            self.wait_for_more(capture, 100)
            tries = capture.shardtail.log.count("interrupted")
            proxy.black_hole()
            wait_for("a half-open connection given up", seconds=HALF_OPEN_SECONDS,
                     condition=lambda: capture.shardtail.log.count("interrupted") > tries)
            proxy.pass_on()
            load.stop()
        mark_end(replica_set)
        end = capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assert_delivered(capture, before, end)

    def start_proxy(self, replica_set: ReplicaSet) -> FaultProxy:
        proxy = FaultProxy(replica_set.nodes[0].port, SEED)
        self.addCleanup(proxy.stop)
        return proxy


if __name__ == "__main__":
    unittest.main()
