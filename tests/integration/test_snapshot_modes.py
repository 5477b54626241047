"""When collections are copied: the modes, stored offsets, and collections that come later."""

from __future__ import annotations

import json
import unittest

from integration.harness import java_offsets
from integration.harness.case import IntegrationTest
from integration.harness.file_capture import FileCapture
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import OffsetTopic, debezium_offset
from integration.harness.replay import payload
from integration.harness.shardtail import dotted, write_properties
from integration.harness.waiting import wait_for

Event = tuple[str, str, int]  # operation, collection, _id


class Modes(IntegrationTest):
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set(members=1)
        cls.client = cls.replica_set.client()
        cls.addClassCleanup(cls.client.close)

    def setUp(self) -> None:
        """Each test has a database of its own, with documents 1 and 2 in the collection c."""
        self.database = self.client[self.own_database]
        self.database["c"].insert_many([{"_id": 1}, {"_id": 2}])

    def capture(self, **properties: str) -> FileCapture:
        return FileCapture(self.scratch(), self.replica_set, {
            "database.include.list": self.database.name,
            "snapshot.streaming": "concurrent",
            **dotted(properties)})

    def change(self, capture: FileCapture, **properties: str) -> None:
        """Gives it other properties, for its next start."""
        path = capture.shardtail.properties_path
        kept = dict(line.split("=", 1) for line in path.read_text().splitlines())
        write_properties(path, {**kept, **dotted(properties)})

    def run_to_the_end(self, capture: FileCapture) -> list[Event]:
        """Starts it, waits until it has caught up, stops it; returns what it wrote since."""
        before = len(self.events(capture))
        capture.shardtail.start()
        capture.wait_for_snapshot()
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        return self.events(capture)[before:]

    @staticmethod
    def events(capture: FileCapture) -> list[Event]:
        if not capture.events_path.exists():
            return []
        return [(event["op"], event["source"]["collection"],
                 json.loads(event["after"] or event["filter"])["_id"])
                for event in map(payload, capture.records()) if event]

    def test_initial(self) -> None:
        capture = self.capture()
        self.assertEqual(self.run_to_the_end(capture), [("r", "c", 1), ("r", "c", 2)])
        self.database["c"].insert_one({"_id": 3})
        self.assertEqual(self.run_to_the_end(capture), [("c", "c", 3)])

    def test_never(self) -> None:
        capture = self.capture(snapshot_mode="never")
        capture.shardtail.start()
        wait_for("a stored offset", lambda: capture.alive() and capture.position is not None)
        self.database["c"].insert_one({"_id": 3})
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assertEqual(self.events(capture), [("c", "c", 3)])

    def test_always(self) -> None:
        capture = self.capture(snapshot_mode="always")
        self.assertEqual(self.run_to_the_end(capture), [("r", "c", 1), ("r", "c", 2)])
        self.database["c"].delete_one({"_id": 1})
        capture.shardtail.start()
        wait_for("another copy", lambda: capture.alive() and ("r", "c", 2) in
                 self.events(capture)[2:])
        capture.wait_for_snapshot()
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assertEqual(self.events(capture)[2:], [("d", "c", 1), ("r", "c", 2)])

    def test_initial_only(self) -> None:
        capture = self.capture(snapshot_mode="initial_only")
        capture.shardtail.start()
        self.assertEqual(capture.shardtail.wait(), 0)
        self.assertEqual(self.events(capture), [("r", "c", 1), ("r", "c", 2)])
        self.assertIsNotNone(capture.position)
        self.database["c"].insert_one({"_id": 3})
        self.change(capture, snapshot_mode="initial")
        self.assertEqual(self.run_to_the_end(capture), [("c", "c", 3)])

    def test_when_needed(self) -> None:
        capture = self.capture(snapshot_mode="when_needed")
        self.assertEqual(self.run_to_the_end(capture), [("r", "c", 1), ("r", "c", 2)])
        self.database["c"].insert_one({"_id": 3})
        self.assertEqual(self.run_to_the_end(capture), [("c", "c", 3)])
        self.store(capture, debezium_offset(1_500_000_000, 1))  # long gone
        capture.shardtail.start()
        wait_for("another copy", lambda: capture.alive() and len(self.events(capture)) >= 6)
        capture.wait_for_snapshot()
        capture.shardtail.stop()
        self.assertEqual(self.events(capture)[3:], [("r", "c", 1), ("r", "c", 2), ("r", "c", 3)])

    def test_an_offset_within_a_snapshot_of_debezium(self) -> None:
        capture = self.capture()
        now = self.replica_set.last_optime()
        self.store(capture, {**debezium_offset(now.time, now.inc), "initsync": True})
        self.assertEqual(self.run_to_the_end(capture), [("r", "c", 1), ("r", "c", 2)])

    def test_an_unfinished_copy_says_so_to_debezium(self) -> None:
        """Which takes the whole anew then; we go on from our own record."""
        self.database["c"].insert_many([{"_id": number, "pad": "x" * 10_000}
                                        for number in range(3, 3000)])
        capture = self.capture(snapshot_max_documents_per_second="1500")
        capture.shardtail.start()
        wait_for("a range that is recorded", lambda: capture.alive() and self.records_of(capture))
        self.assertIsNotNone(capture.offset)
        self.assertTrue(capture.offset["initsync"])
        capture.shardtail.stop()
        self.assertTrue(capture.offset["initsync"])
        first = self.events(capture)
        self.assertLess(len(first), 2999)
        again = self.run_to_the_end(capture)
        self.assertEqual({id for _, _, id in first} | {id for _, _, id in again},
                         {*range(1, 3000)})
        self.assertLess(len(again), 2999)
        self.assertNotIn("initsync", capture.offset)

    def test_of_what_a_query_leaves_out_all_changes_come(self) -> None:
        """Also those made before its collection's turn: what is read then will not contain them."""
        name = f"{self.database.name}.c"
        self.database["b"].insert_many([{"_id": number} for number in range(20)])
        capture = FileCapture(self.scratch(), self.replica_set, {
            "database.include.list": self.database.name,
            "snapshot.max.documents.per.second": "5",
            "snapshot.collection.filter.overrides": name,
            f"snapshot.collection.filter.overrides.{name}": '{"_id": {"$gt": 1}, "left": null}'})
        capture.shardtail.start()
        wait_for("the first documents of b", lambda: len(self.events(capture)) >= 3)
        changed = self.database["c"]
        changed.update_one({"_id": 1}, {"$set": {"x": 1}})
        changed.insert_one({"_id": 3, "left": True})
        changed.insert_one({"_id": 4})
        changed.update_one({"_id": 4}, {"$set": {"left": True}})
        capture.wait_for_snapshot()
        changed.update_one({"_id": 3}, {"$set": {"x": 1}})
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        of_c = [(op, number) for op, collection, number in self.events(capture)
                if collection == "c"]
        self.assertEqual(of_c, [("u", 1), ("c", 3), ("c", 4), ("u", 4), ("r", 2), ("u", 3)])

    def test_a_collection_that_is_included_later(self) -> None:
        """It is copied; the others are not again."""
        self.database["later"].insert_many([{"_id": 1}, {"_id": 2}])
        capture = self.capture(collection_include_list=f"{self.database.name}[.]c")
        self.assertEqual(self.run_to_the_end(capture), [("r", "c", 1), ("r", "c", 2)])
        self.database["later"].insert_one({"_id": 3})
        self.database["c"].insert_one({"_id": 3})
        self.change(capture, collection_include_list=f"{self.database.name}[.].*")
        capture.shardtail.start()
        wait_for("the copy", lambda: capture.alive() and len(self.events(capture)) >= 6)
        capture.wait_for_snapshot()
        self.database["later"].insert_one({"_id": 4})
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        events = self.events(capture)[2:]
        self.assertEqual([event for event in events if event[1] == "c"], [("c", "c", 3)])
        self.assertEqual([event for event in events if event[1] == "later"],
                         [("r", "later", 1), ("r", "later", 2), ("r", "later", 3),
                          ("c", "later", 4)])

    def test_a_rename_into_a_captured_name(self) -> None:
        self.database["hidden"].insert_many([{"_id": 11}, {"_id": 12}])
        capture = self.capture(collection_exclude_list=f"{self.database.name}[.]hidden")
        capture.shardtail.start()
        capture.wait_for_snapshot()
        self.database["hidden"].rename("seen")
        wait_for("the copy", lambda: capture.alive() and len(self.events(capture)) >= 4)
        self.database["seen"].update_one({"_id": 11}, {"$set": {"x": 1}})
        capture.wait_until_caught_up()
        capture.shardtail.stop()
        self.assertEqual(self.events(capture)[2:], [
            ("r", "seen", 11), ("r", "seen", 12), ("u", "seen", 11)])

    def store(self, capture: FileCapture, offset: dict) -> None:
        capture.offsets_path.write_bytes(java_offsets.encode({
            OffsetTopic("", "").key("rs0"): json.dumps(offset).encode()}))

    @staticmethod
    def records_of(capture: FileCapture) -> list[dict]:
        """What is recorded of copied ranges."""
        values = [json.loads(value) for value in capture.stored().values() if value]
        return [value["copied"] for value in values
                if isinstance(value, dict) and value.get("copied")]


if __name__ == "__main__":
    unittest.main()
