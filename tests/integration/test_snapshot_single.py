"""Collections that come under a captured name while the stream goes on, and their copies."""

from __future__ import annotations

import unittest

from integration.harness.copy_load import next_m
from integration.harness.delivery import lost_documents, source_documents
from integration.harness.file_capture import FileCapture
from integration.harness.history import copies
from integration.harness.single_case import DATABASE, DOCUMENTS, SingleCopyTest
from integration.harness.waiting import wait_for

PAD = 3000  # bytes of a document


class Single:
    """The tests; a class below for each server version."""

    properties = {"snapshot.streaming": "concurrent",
                  "collection.exclude.list": f"{DATABASE}[.](hidden|source)"}

    def capture(self, **properties: str) -> FileCapture:
        """Has passed the beginning, with one document."""
        self.fill("other", 1)
        return super().capture(**properties)

    def kept(self, capture: FileCapture) -> list[str]:
        """Of copies that are not complete."""
        return [key for key in super().kept(capture) if key.startswith("single/")]

    def wait_until_copied(self, capture: FileCapture, count: int) -> None:
        wait_for(f"{count} copied documents, and the end of the copy", lambda: capture.alive() and
                 len(copies(capture.records())) >= count and not self.kept(capture))

    def test_renamed_under_load(self) -> None:
        self.fill("hidden", DOCUMENTS, PAD)
        capture = self.capture(initial_sync_max_threads="2")
        with self.load("hidden") as load:
            load.wait(20)
            load.rename("seen")
            wait_for("the first copied document", lambda: capture.alive() and
                     len(copies(capture.records())) > 1)
            load.wait(50)
            self.wait_for_no_copy(capture)
            load.wait(50)
        self.end(capture)
        self.assert_same(capture, "seen")

    def test_renamed_and_killed(self) -> None:
        """After the restart the copy goes on where it was recorded."""
        self.fill("hidden", DOCUMENTS, PAD)
        capture = self.capture(snapshot_max_documents_per_second="600", snapshot_fetch_size="300")
        with self.load("hidden") as load:
            load.rename("seen")
            for count in (1, DOCUMENTS // 3):  # a read brings less than a third
                wait_for(f"{count} copied documents", lambda count=count: capture.alive() and
                         len(copies(capture.records())) > count)
                capture.shardtail.kill()
                self.assertTrue(self.kept(capture))
                capture.shardtail.start()
                load.wait(10)
            self.wait_for_no_copy(capture)
            load.wait(20)
        self.end(capture)
        self.assert_same(capture, "seen", restarted=True)

    def test_out(self) -> None:
        """$out fills a collection under another name, and renames it over what was there."""
        self.fill("source", 20, PAD)
        capture = self.capture()
        self.database["source"].aggregate([{"$out": "target"}])
        self.wait_until_copied(capture, 21)
        self.database["target"].update_one({"_id": 3}, {"$set": {"n": 1, "m": next_m(1, 1)}})
        self.database["source"].insert_one({"_id": 20, "n": 0, "m": 1})
        self.database["source"].update_many({}, {"$set": {"n": 2, "m": next_m(next_m(1, 1), 2)}})
        self.database["source"].aggregate([{"$out": "target"}])
        self.wait_until_copied(capture, 22)
        self.end(capture)
        self.assert_nothing(lost_documents(source_documents(
            self.replica_set, [(DATABASE, "target")]), capture.records()),
            "documents lost, stale or left over")

    def test_renamed_on_and_dropped(self) -> None:
        """A copy ends with its collection, or with its captured name."""
        for name in ("a", "b"):
            self.fill("hidden", 2000, PAD)
            self.database["hidden"].rename(f"source.{name}")
        capture = self.capture(
            collection_exclude_list=f"{DATABASE}[.](hidden|source.*)",
            snapshot_max_documents_per_second="500")
        for name in ("a", "b"):
            self.database[f"source.{name}"].rename(name)
        wait_for("the copies", lambda: capture.alive() and len(self.kept(capture)) == 2)
        self.database["a"].drop()
        self.database["b"].rename("hidden")
        self.wait_for_no_copy(capture)
        self.end(capture)


class SingleOf44(Single, SingleCopyTest):
    version = "4.4"


class SingleOf60(Single, SingleCopyTest):
    version = "6.0"


if __name__ == "__main__":
    unittest.main()
