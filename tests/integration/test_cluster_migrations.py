"""Chunks move between shards under load: no copy comes out, and each document's events stay in order.

Two threads of the program read two shards, and neither may overtake the other.

    SHARDTAIL_MIGRATIONS  how many; 50
    SHARDTAIL_SEED        of the run to repeat; it is printed
"""

from __future__ import annotations

import itertools
import json
import os
import random
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from golden.records import Record
from integration.harness.case import SEED, ClusterTest
from integration.harness.counting_load import count_breaks
from integration.harness.delivery import lost_documents
from integration.harness.replay import payload, strict
from integration.harness.waiting import wait_for

MIGRATIONS = int(os.environ.get("SHARDTAIL_MIGRATIONS", "50"))
KILLS = max(4, MIGRATIONS // 20)
DOCUMENTS = 40
CHUNKS = 4
# One shard has much more to read than the other, which would overtake it if it could.
BURDEN = 20_000


class Migrations:
    """The tests; a class below for each server version."""

    def setUp(self) -> None:
        """Each test has a database of its own, with chunks on both shards."""
        self.database = self.own_database
        self.namespace = f"{self.database}.orders"
        self.cluster.create_sharded(
            self.namespace, *range(DOCUMENTS // CHUNKS, DOCUMENTS, DOCUMENTS // CHUNKS))
        self.load = self.filled(self.namespace, DOCUMENTS)
        self.capture = self.new_capture(self.database)

    def migrate(self, times: int, first: int = 0) -> None:
        """Moves one chunk after the other to the shard where it is not, with changes between."""
        for number in range(first, first + times):
            self.cluster.move_chunk(self.namespace, number % CHUNKS * DOCUMENTS // CHUNKS)
            self.load.wait(DOCUMENTS // 4)

    def kill_and_start(self, changes: int) -> None:
        """After so many changes more; returns when it has read on."""
        self.load.wait(changes)
        self.capture.shardtail.kill()
        self.capture.shardtail.start()
        # Else it might be killed before it has read anything, each time.
        seen = self.capture.positions()
        wait_for("newer offsets", lambda: self.capture.alive() and all(
            self.capture.positions()[shard] > seen[shard] for shard in seen))

    def migrate_until(self, stop: threading.Event) -> int:
        """How many migrations it made."""
        for number in itertools.count():
            if stop.is_set():
                return number
            self.migrate(1, number)

    def burden(self, shard: str) -> None:
        """Writes to the one shard, of the captured database, that take long to read."""
        with self.cluster.shards[shard].client() as client:
            client[self.database][f"of_{shard}"].insert_many(
                {"_id": number, "text": "x" * 500} for number in range(BURDEN))

    def orders(self) -> list[Record]:
        return [record for record in self.capture.records()
                if record.topic == f"{self.database}.{self.namespace}"]

    def assert_all_in_order(self) -> None:
        records = self.orders()
        self.assert_nothing(count_breaks(records, self.load.counts), "documents out of order")
        self.assert_same_documents(records)
        # Each `n` came once, so no copy came out; the deletes of one could still have.
        deletes = sum(event["op"] == "d" for event in map(payload, records) if event)
        inserts = sum(event["op"] == "c" for event in map(payload, records) if event)
        self.assertEqual(deletes, inserts)

    def assert_same_documents(self, records: list[Record]) -> None:
        """The topic's events leave what the shards hold."""
        with self.cluster.collection(self.namespace) as collection:
            documents = [strict(document) for document in collection.find()]
        self.assertEqual(len(documents), DOCUMENTS)
        self.assert_nothing(lost_documents({records[0].topic: documents}, records),
                            "documents differ")

    def assert_copied_both_ways(self) -> None:
        """The oplogs hold what must not come out."""
        for shard in ("shA", "shB"):
            with self.cluster.shards[shard].client() as client:
                copied = client["local"]["oplog.rs"].distinct(
                    "op", {"ns": self.namespace, "fromMigrate": True})
            self.assertGreaterEqual(set(copied), {"i", "d"}, shard)

    def test_while_they_are_read(self) -> None:
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()
        with self.load:
            self.migrate(MIGRATIONS)
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.assert_copied_both_ways()
        self.assert_all_in_order()

    def test_while_nobody_reads(self) -> None:
        """What two shards have kept for it, the program reads at once, one faster than the other."""
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()
        self.capture.shardtail.stop()
        for shard in ("shA", "shB"):
            self.burden(shard)
            with self.load:
                self.migrate(2 * CHUNKS)
        self.capture.shardtail.start()
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        self.assert_copied_both_ways()
        self.assert_all_in_order()

    def test_through_kills(self) -> None:
        """What comes again after a kill comes in such an order that the last event is the last.

        So the documents are replayed with all that comes again, as a plain consumer does it.
        """
        chooser = random.Random(SEED)
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()
        stop = threading.Event()
        with self.load, ThreadPoolExecutor(1) as pool:
            migrations = pool.submit(self.migrate_until, stop)
            try:
                for _ in range(KILLS):
                    self.kill_and_start(chooser.randrange(2 * DOCUMENTS))
            finally:
                stop.set()
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        print(f"{KILLS} kills, {migrations.result()} migrations, {self.load.operations} changes",
              flush=True)
        records = self.orders()
        self.assert_nothing(count_breaks(records, self.load.counts), "documents out of order")
        self.assert_same_documents(records)

    def test_a_shard_that_repeats_makes_the_others_repeat_what_followed(self) -> None:
        """A kill may leave one shard's offset far behind another one's that had waited for it."""
        for behind in ("shA", "shB"):
            self.capture.shardtail.start()
            self.capture.wait_for_snapshot()
            with self.load:
                self.migrate(2)
            self.capture.wait_until_caught_up()
            offset = json.loads(self.capture.offsets.value(behind))
            with self.load:
                self.migrate(CHUNKS + 1)
            self.capture.wait_until_caught_up()
            self.capture.shardtail.kill()
            self.capture.offsets.store(behind, offset)
            count = len(self.orders())
            self.capture.shardtail.start()
            self.capture.wait_until_caught_up()
            self.capture.shardtail.stop()
            records = self.orders()
            self.assertGreater(len(records), count)
            self.assert_same_documents(records)

    def test_a_changed_shard_key_deletes_before_it_inserts(self) -> None:
        """By a transaction of two shards; while nobody reads, and one has much more to read."""
        self.cluster.move_chunk(self.namespace, DOCUMENTS, "shB")
        self.capture.shardtail.start()
        self.capture.wait_for_snapshot()
        self.capture.shardtail.stop()
        id, places = DOCUMENTS, {"shA": -1, "shB": DOCUMENTS}
        with self.cluster.collection(self.namespace) as collection:
            collection.insert({"_id": id, "k": places["shA"], "n": 0})
        rounds = 10
        for n in range(1, rounds + 1):
            old, new = ("shA", "shB") if n % 2 else ("shB", "shA")
            if n in (1, 2):
                self.burden(old)
            with self.cluster.transaction(old) as transaction:
                transaction.delete(old, self.namespace, {"_id": id, "k": places[old]})
                transaction.insert(new, self.namespace, {"_id": id, "k": places[new], "n": n})
                transaction.commit()
        wait_for("the last commit on both shards", lambda: self.owners(id) == ["shA"])
        self.capture.shardtail.start()
        self.capture.wait_until_caught_up()
        self.capture.shardtail.stop()
        events = [payload(record) for record in self.orders()
                  if record.key == f'{{"id":"{id}"}}'.encode()]
        seen = ["tombstone" if event is None else "d" if event["op"] == "d" else
                json.loads(event["after"])["n"] for event in events]
        expected = [[n, "d", "tombstone"] for n in range(rounds)]
        self.assertEqual(seen, [*sum(expected, []), rounds])
        # The order may be right by chance.
        self.assertNotIn("is not kept", self.capture.shardtail.log)

    def owners(self, id: int) -> list[str]:
        def holds(shard: str) -> bool:
            with self.cluster.shards[shard].client() as client:
                return client[self.database]["orders"].find_one({"_id": id}) is not None
        return [shard for shard in self.cluster.shards if holds(shard)]


class MigrationsOf42(Migrations, ClusterTest):
    version = "4.2"


class MigrationsOf44(Migrations, ClusterTest):
    version = "4.4"


class MigrationsOf50(Migrations, ClusterTest):
    version = "5.0"


class MigrationsOf60(Migrations, ClusterTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
