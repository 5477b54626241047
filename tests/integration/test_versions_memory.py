"""Memory does not grow with the size of a transaction, nor of a collection that cannot be cut.

SHARDTAIL_TRANSACTION_MB is the size of each; the bound is the same for all.
"""

from __future__ import annotations

import os
import re
import unittest
from pathlib import Path

from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest

MEGABYTES = int(os.environ.get("SHARDTAIL_TRANSACTION_MB") or 300)
DOCUMENT = 16_000  # bytes
# One entry of 16 MB and the reply ahead of it, Kafka's queue of 32 MB and its copies, the program.
BOUND_MB = 200


class Memory(IntegrationTest):
    def test_a_large_transaction(self) -> None:
        # The server refuses what does not fit into its cache, unwritten, with the oplog's entries.
        replica_set = self.start_replica_set(
            "6.0", members=1, cache_gb=MEGABYTES * 6 / 1024, oplog_mb=MEGABYTES * 3,
            options=["--wiredTigerEngineConfigString",
                     "eviction_dirty_trigger=80,eviction_dirty_target=70"])
        capture = Capture(self.scratch(), replica_set, self.start_broker(), schemas=False,
                          properties={"database.include.list": "large"})
        with replica_set.client() as client:
            collection = client["large"].create_collection("c")
            capture.shardtail.start()
            capture.wait_for_snapshot()
            before = peak_mb(capture.shardtail.pid)
            documents = MEGABYTES * 1_000_000 // DOCUMENT
            with client.start_session() as session:
                session.with_transaction(lambda session: [collection.insert_many(
                    [{"_id": number, "text": "x" * DOCUMENT}
                     for number in range(first, min(first + 1000, documents))], session=session)
                    for first in range(0, documents, 1000)])
        capture.wait_until_caught_up(seconds=600)
        self.assertEqual(capture.record_count(), documents)
        peak = peak_mb(capture.shardtail.pid)
        capture.shardtail.stop()
        print(f"{MEGABYTES} MB in one transaction: {peak} MB at the most, {before} MB before it",
              flush=True)
        self.assertLess(peak, BOUND_MB)

    def test_a_copy_that_cannot_be_cut(self) -> None:
        """Strings under a collation: no part of the copy can end at one."""
        replica_set = self.start_replica_set("6.0", members=1, name="uncut")
        documents = MEGABYTES * 1_000_000 // DOCUMENT
        with replica_set.client() as client:
            collection = client["large"].create_collection(
                "c", collation={"locale": "en", "strength": 2})
            for first in range(0, documents, 1000):
                collection.insert_many([{"_id": f"{number}x", "text": "x" * DOCUMENT}
                                        for number in range(first, min(first + 1000, documents))])
        capture = Capture(self.scratch(), replica_set, self.start_broker(name="uncut-kafka"),
                          schemas=False, properties={"database.include.list": "large"})
        capture.shardtail.start()
        capture.wait_for_snapshot()
        self.assertEqual(capture.record_count(), documents)
        peak = peak_mb(capture.shardtail.pid)
        capture.shardtail.stop()
        print(f"a copy of {MEGABYTES} MB: {peak} MB at the most", flush=True)
        self.assertLess(peak, BOUND_MB)


def peak_mb(pid: int) -> int:
    """The most that the process has had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024


if __name__ == "__main__":
    unittest.main()
