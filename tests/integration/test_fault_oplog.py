"""The position falls off the oplog, while the program is stopped and while it runs."""

from __future__ import annotations

import os
import signal
import unittest

from bson import Timestamp

from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.delivery import lost_documents, source_documents
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.oplog import oldest, roll_over
from integration.harness.waiting import wait_for

NAMESPACE = ("rolling", "c")
DOCUMENTS = 100


class Oplog(IntegrationTest):
    replica_set: ReplicaSet
    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_short_oplog()
        cls.broker = cls.start_broker()
        with cls.replica_set.client() as client:
            client["rolling"]["c"].insert_many([{"_id": i, "n": 0} for i in range(DOCUMENTS)])

    def capture(self, name: str, mode: str = "initial") -> Capture:
        return Capture(self.scratch() / name, self.replica_set, self.broker, schemas=False,
                       properties={"snapshot.mode": mode})

    def test_a_position_that_is_gone_at_the_start(self) -> None:
        first = self.capture("first")
        first.shardtail.start()
        first.wait_for_snapshot()
        first.shardtail.stop()
        stored = first.position
        assert stored is not None
        self.change_everything()
        roll_over(self.replica_set, Timestamp(stored.sec, stored.ord))

        never = self.capture("never", "never")
        never.shardtail.start()
        self.assertNotEqual(never.shardtail.wait(), 0)
        with self.replica_set.client() as client:
            self.assertGreater(oldest(client), Timestamp(stored.sec, stored.ord))
        self.assertRegex(
            never.shardtail.log,
            rf"FAILED: the position \({stored.sec}, {stored.ord}\), \d{{4}}-\d\d-\d\d [\d:]* UTC is "
            rf"no longer in the oplog of .*, which begins at \(\d+, \d+\), \d{{4}}-\d\d-\d\d .*"
            rf"snapshot\.mode=never")
        self.assertEqual(never.position, stored, "the offset is left as it was")

        second = self.capture("second")
        second.shardtail.start()
        wait_for("another snapshot", lambda: second.alive() and
                 "snapshot complete" in second.shardtail.log)
        second.wait_until_caught_up()
        second.shardtail.stop()
        self.assertIn("position lost, copying again", second.shardtail.log)
        self.assert_matches_the_source(second)

    def test_a_position_that_goes_while_it_is_being_read(self) -> None:
        capture = self.capture("running")
        capture.shardtail.start()
        capture.wait_for_snapshot()
        capture.wait_until_caught_up()
        snapshots = capture.shardtail.log.count("snapshot complete")
        position = self.replica_set.last_optime()
        os.kill(capture.shardtail.pid, signal.SIGSTOP)
        try:
            self.change_everything()
            roll_over(self.replica_set, position)
        finally:
            os.kill(capture.shardtail.pid, signal.SIGCONT)
        wait_for("another snapshot", lambda: capture.alive() and
                 capture.shardtail.log.count("snapshot complete") > snapshots)
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assertIn("position lost, copying again", capture.shardtail.log)
        self.assert_matches_the_source(capture)

    def change_everything(self) -> None:
        with self.replica_set.client() as client:
            client["rolling"]["c"].update_many({}, {"$inc": {"n": 1}})

    def assert_matches_the_source(self, capture: Capture) -> None:
        self.assert_nothing(
            lost_documents(source_documents(self.replica_set, [NAMESPACE]), capture.records()),
            "documents lost, stale or left over")


if __name__ == "__main__":
    unittest.main()
