"""Very many collections, most of them with a document or none.

    SHARDTAIL_COLLECTIONS   how many (1000)
"""

from __future__ import annotations

import json
import os
import unittest
from concurrent.futures import ThreadPoolExecutor

from integration.harness.case import IntegrationTest
from integration.harness.file_capture import FileCapture
from integration.harness.mongo import FEW_FILES
from integration.harness.replay import payload

COLLECTIONS = int(os.environ.get("SHARDTAIL_COLLECTIONS", "1000"))


class ManyCollections(IntegrationTest):
    def test_each_is_copied_and_streams(self) -> None:
        replica_set = self.start_replica_set("6.0", members=1, cache_gb=1.0, options=FEW_FILES)
        with replica_set.client(w=1) as client, ThreadPoolExecutor(8) as pool:
            database = client["many"]

            def make(number: int) -> None:
                if number % 10 == 0:
                    database.create_collection(f"c{number}")
                else:
                    database[f"c{number}"].insert_one({"_id": number})

            for _ in pool.map(make, range(COLLECTIONS)):
                pass
            capture = FileCapture(self.scratch(), replica_set, {
                "database.include.list": "many", "initial.sync.max.threads": "4"})
            capture.shardtail.start()
            capture.wait_for_snapshot(seconds=60 + COLLECTIONS / 50)
            for number in range(0, COLLECTIONS, 10):
                database[f"c{number}"].insert_one({"_id": number})
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        events = [event for event in map(payload, capture.records()) if event]
        found = sorted((json.loads(event["after"])["_id"], event["op"],
                        event["source"]["collection"]) for event in events)
        self.assertEqual(found, [(number, "r" if number % 10 else "c", f"c{number}")
                                 for number in range(COLLECTIONS)])


if __name__ == "__main__":
    unittest.main()
