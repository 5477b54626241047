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
from integration.harness.waiting import wait_for

NAMESPACE = ("rolling", "c")
DOCUMENTS = 100


class Oplog(IntegrationTest):
    replica_set: ReplicaSet
    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # An oplog of 1 MB, which is cut each second.
        cls.replica_set = cls.start_replica_set("4.4", members=1, oplog_mb=1,
                                                options=["--syncdelay", "1"])
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
        self.roll_over(Timestamp(stored.sec, stored.ord))

        never = self.capture("never", "never")
        never.shardtail.start()
        self.assertNotEqual(never.shardtail.wait(), 0)
        oldest = self.oldest()
        self.assertRegex(
            never.shardtail.log,
            rf"FAILED: the position \({stored.sec}, {stored.ord}\), \d{{4}}-\d\d-\d\d [\d:]* UTC is "
            rf"no longer in the oplog of .*, which begins at \(\d+, \d+\), \d{{4}}-\d\d-\d\d .*"
            rf"snapshot\.mode=never")
        self.assertGreater(oldest, Timestamp(stored.sec, stored.ord))
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
            self.roll_over(position)
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

    def roll_over(self, position: Timestamp) -> None:
        """Writes until the oplog begins after `position`."""
        with self.replica_set.client() as client:
            def write() -> bool:
                client["rolling"]["other"].insert_many([{"text": "x" * 50_000} for _ in range(20)])
                client["rolling"]["other"].drop()
                return self.oldest() > position

            wait_for(f"an oplog that begins after {position}", write, interval=0.2)

    def oldest(self) -> Timestamp:
        with self.replica_set.client() as client:
            [first] = client["local"]["oplog.rs"].find().sort("$natural", 1).limit(1)
            return first["ts"]

    def assert_matches_the_source(self, capture: Capture) -> None:
        self.assert_nothing(
            lost_documents(source_documents(self.replica_set, [NAMESPACE]), capture.records()),
            "documents lost, stale or left over")


if __name__ == "__main__":
    unittest.main()
