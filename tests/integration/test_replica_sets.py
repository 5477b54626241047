"""Several replica sets in one process: mongodb.hosts=rs0/…;rs1/…"""

from __future__ import annotations

import unittest

from integration.harness.case import IntegrationTest
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import OffsetTopic, Position
from integration.harness.replay import payload
from integration.harness.shardtail import Shardtail, connector, worker
from integration.harness.topics import read_topics
from integration.harness.waiting import wait_for

TOPIC = "dbserver1.shop.orders"


class SeveralReplicaSets(IntegrationTest):
    replica_sets: dict[str, ReplicaSet]
    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_sets = {name: cls.start_replica_set(name=name, members=1)
                            for name in ("rs0", "rs1")}
        cls.broker = cls.start_broker()

    def setUp(self) -> None:
        self.offsets = OffsetTopic(self.broker.bootstrap, "offsets")
        self.shardtail = Shardtail(self.scratch(), {
            **worker(self.broker.bootstrap, schemas=False),
            **connector(";".join(each.hosts for each in self.replica_sets.values())),
            # As the log has it after some seconds, not after half an hour.
            "mongodb.server.selection.timeout.ms": "500",
            "connect.backoff.initial.delay.ms": "100",
            "connect.backoff.max.delay.ms": "200",
            "connect.max.attempts": "3",
        })

    def insert(self, *ids: int, into: str) -> None:
        with self.replica_sets[into].client() as client:
            client["shop"]["orders"].insert_many({"_id": id} for id in ids)

    def wait_until_caught_up(self, *names: str) -> None:
        for name in names:
            end = self.replica_sets[name].last_optime()
            goal = Position(end.time, end.inc)

            def there() -> bool:
                self.shardtail.check_running()
                position = self.offsets.position(name)
                return position is not None and position >= goal

            wait_for(f"the stored offset of {name} at {goal}", there)

    def delivered(self) -> dict[str, list[bytes]]:
        """The keys of each replica set's events, in their order."""
        keys: dict[str, list[bytes]] = {name: [] for name in self.replica_sets}
        for record in read_topics(self.broker.bootstrap, TOPIC):
            keys[payload(record)["source"]["rs"]].append(record.key)
        return keys

    def test_one_that_is_gone_fails_and_the_other_goes_on(self) -> None:
        self.insert(0, 1, into="rs0")
        self.insert(100, 101, into="rs1")
        self.shardtail.start()
        self.wait_until_caught_up("rs0", "rs1")

        self.replica_sets["rs1"].nodes[0].kill()
        wait_for("rs1 in the log as FAILED", lambda: self.gave_up("rs1"))
        self.assertRegex(self.shardtail.log, r"(?m)^.*capture of rs1 FAILED after 3 attempts")
        self.insert(2, 3, into="rs0")
        self.wait_until_caught_up("rs0")
        self.assertFalse(self.gave_up("rs0"))
        self.shardtail.stop()
        self.assertEqual(self.delivered(), {"rs0": keys(0, 1, 2, 3), "rs1": keys(100, 101)})

        # One that is still away does not keep the other from its start.
        self.shardtail.start()
        self.insert(4, into="rs0")
        self.wait_until_caught_up("rs0")
        self.shardtail.stop()

        self.replica_sets["rs1"].nodes[0].start().wait_until_up()
        self.replica_sets["rs1"].primary()
        self.insert(102, into="rs1")
        self.shardtail.start()
        self.insert(5, into="rs0")
        self.wait_until_caught_up("rs0", "rs1")
        self.shardtail.stop()
        self.assertEqual(self.delivered(), {"rs0": keys(0, 1, 2, 3, 4, 5),
                                            "rs1": keys(100, 101, 102)})

    def gave_up(self, name: str) -> bool:
        self.shardtail.check_running()
        return f"capture of {name} FAILED" in self.shardtail.log


def keys(*ids: int) -> list[bytes]:
    return [f'{{"id":"{id}"}}'.encode() for id in ids]


if __name__ == "__main__":
    unittest.main()
