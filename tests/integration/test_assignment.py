"""Two processes share a cluster's shards: each is captured once, and a new one moves no other."""

from __future__ import annotations

import unittest

from golden.records import Record
from integration.harness.case import ClusterTest
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.counting_load import count_breaks
from integration.harness.http import Scrape, ask
from integration.harness.replay import payload
from integration.harness.waiting import wait_for

DOCUMENTS = 30
PROCESSES = 2


class AssignmentTest(ClusterTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster.create_sharded("shop.orders", DOCUMENTS // 3, DOCUMENTS * 2 // 3)
        cls.cluster.move_chunk("shop.orders", DOCUMENTS, "shB")
        cls.load = cls.filled("shop.orders", DOCUMENTS)
        cls.processes = [
            ClusterCapture(cls.directory / f"process-{index}", cls.cluster, cls.broker, {
                "database.include.list": "shop",
                "shard.assignment.count": str(PROCESSES),
                "shard.assignment.index": str(index),
            }) for index in range(PROCESSES)]
        for process in cls.processes:
            process.shardtail.start()
            cls.addClassCleanup(process.shardtail.stop)

    def held(self) -> list[set[str]]:
        """The replica sets of each process."""
        statuses = [ask(f"{process.shardtail.url}/status").json() for process in self.processes]
        return [{each["name"] for each in status["replica_sets"]} for status in statuses]

    def known(self) -> set[str]:
        """The replica sets that every process knows of."""
        return set.intersection(*(
            held | set(ask(f"{process.shardtail.url}/status").json()["assignment"]["elsewhere"])
            for held, process in zip(self.held(), self.processes)))

    def ready(self) -> bool:
        return all(process.alive() and ask(f"{process.shardtail.url}/health/ready").status == 200
                   for process in self.processes)

    def test_each_shard_is_captured_once_and_a_new_one_moves_no_other(self) -> None:
        first = self.processes[0]
        first.wait_for_snapshot()
        wait_for("both shards in what both know", lambda: self.known() == set(self.cluster.shards))
        with self.load:
            self.load.wait(DOCUMENTS)
        first.wait_until_caught_up()
        before = self.held()
        self.assert_shared(before)
        records = first.records()
        self.assert_nothing(count_breaks(records, self.load.counts),
                            "documents lost or out of order")
        self.assert_nothing(twice(records), "events twice")
        # The documents that the new shard gets stay there: nothing moves between processes after.
        self.cluster.add_shard("shC")
        wait_for("the new shard in what both know", lambda: self.known() == set(self.cluster.shards))
        after = self.held()
        for index in range(PROCESSES):
            self.assertEqual(after[index] - {"shC"}, before[index])
        self.assert_shared(after)
        self.cluster.move_chunk("shop.orders", 0, "shC")
        with self.load:
            self.load.wait(DOCUMENTS)
        first.wait_until_caught_up()
        self.assert_nothing(twice(first.records()), "events twice")
        wait_for("all are ready", self.ready)

    def assert_shared(self, held: list[set[str]]) -> None:
        """Each shard is in one process, which says where the others are."""
        shards = set(self.cluster.shards)
        self.assertEqual(sorted(name for each in held for name in each), sorted(shards))
        for index, process in enumerate(self.processes):
            url = process.shardtail.url
            self.assertEqual(ask(f"{url}/status").json()["assignment"], {
                "count": PROCESSES, "index": index, "elsewhere": sorted(shards - held[index])})
            metrics = Scrape(url)
            self.assertEqual(metrics.value("shardtail_assignment_index"), index)
            self.assertEqual(metrics.value("shardtail_replica_sets"), len(held[index]))
            self.assertEqual(metrics.value("shardtail_replica_sets_elsewhere"),
                             len(shards - held[index]))
            self.assertIn("keep no order when its chunk moves", process.shardtail.log)


def twice(records: list[Record]) -> list[str]:
    """Changes that are in a topic more than once; a copy may come again."""
    seen: set[tuple[object, ...]] = set()
    found = []
    for record in records:
        event = payload(record)
        if event is None or event["op"] == "r":
            continue
        source = event["source"]
        place = (source["rs"], source["ts_ms"], source["ord"], source["tord"], record.key)
        if place in seen:
            found.append(str(place))
        seen.add(place)
    return found


if __name__ == "__main__":
    unittest.main()
