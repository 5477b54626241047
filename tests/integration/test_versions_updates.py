"""The events of random updates lead from each document to the next, on every server version.

SHARDTAIL_UPDATES is their number on each version, SHARDTAIL_SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import unittest
from typing import Any

import bson
import pymongo
from bson import json_util
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from integration.harness.case import IntegrationTest
from integration.harness.file_capture import FileCapture
from integration.harness.random_updates import RandomUpdates, Update

UPDATES = int(os.environ.get("SHARDTAIL_UPDATES") or 2000)
SEED = int(os.environ.get("SHARDTAIL_SEED") or random.randrange(1 << 31))
DOCUMENTS = 40
RAW = CodecOptions(document_class=RawBSONDocument)
READABLE = CodecOptions(document_class=dict, datetime_conversion=DatetimeConversion.DATETIME_MS)
EXTENDED_JSON = json_util.JSONOptions(
    json_mode=json_util.JSONMode.LEGACY, document_class=dict,
    datetime_conversion=DatetimeConversion.DATETIME_MS)


class Step:
    """An update that changed a document: what was before, and after."""

    def __init__(self, update: Update, before: bytes, after: bytes) -> None:
        self.update, self.before, self.after = update, before, after

    def __str__(self) -> str:
        return (f"update  {self.update.change}\n  before {readable(self.before)}\n"
                f"  after  {readable(self.after)}")


class Updates(IntegrationTest):
    def test_4_2(self) -> None:
        self.check("4.2")

    def test_4_4(self) -> None:
        self.check("4.4")

    def test_5_0(self) -> None:
        self.check("5.0")

    def test_6_0(self) -> None:
        self.check("6.0")

    def check(self, version: str) -> None:
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        replica_set = self.start_replica_set(version, name=f"rs{version[0]}{version[2]}",
                                             members=1)
        self.addCleanup(replica_set.stop)
        capture = FileCapture(self.scratch(), replica_set, {"database.include.list": "random",
                                                            "snapshot.mode": "never"})
        logs_diffs = version >= "5.0"
        with replica_set.client(w=1) as client:
            capture.shardtail.start()
            capture.wait_until_caught_up()
            steps = self.make_updates(client, RandomUpdates(SEED, dollars=logs_diffs))
            capture.wait_until_caught_up()
            capture.shardtail.stop()
            patches = [json.loads(event["value"]["patch"], object_pairs_hook=from_json)
                       for event in capture.events() if event["value"]["op"] == "u"]
            self.assertEqual(len(patches), len(steps))
            with_order_lost = 0
            for step, patch in zip(steps, patches, strict=True):
                with self.subTest(version=version, seed=SEED):
                    after = applied(client["scratch"]["c"], step.before, patch)
                    if after == step.after:
                        continue
                    # Decision 10: only a diff's modifiers, and only of a pipeline.
                    if logs_diffs and step.update.is_pipeline and "_id" not in patch and (
                            without_order(after) == without_order(step.after)):
                        with_order_lost += 1
                        continue
                    self.fail(f"{step}\n  patch  {patch}\n  gives  {readable(after)}")
        replacements = sum("_id" in patch for patch in patches)
        print(f"{version}: {len(steps)} updates, {replacements} as documents, "
              f"{with_order_lost} in another order of fields", flush=True)
        self.assertGreater(replacements, len(steps) // 50)
        self.assertGreater(len(steps) - replacements, len(steps) // 5)

    def make_updates(self, client: pymongo.MongoClient, chooser: RandomUpdates) -> list[Step]:
        """Goes on until the server has made as many changes as there shall be."""
        collection = client["random"]["c"]
        raw = collection.with_options(RAW)
        which = random.Random(SEED)
        insert_command = {"insert": "c", "documents": [
            {"_id": number, **chooser.document()} for number in range(DOCUMENTS)]}
        client["random"].command(insert_command)
        documents = {document["_id"]: document.raw for document in raw.find()}
        self.assertEqual(len(documents), DOCUMENTS)
        steps: list[Step] = []
        while len(steps) < UPDATES:
            number = which.randrange(DOCUMENTS)
            update = chooser.update(readable(documents[number]))
            # What the server refuses (a path through a number, a conflict) changes nothing.
            reply = client["random"].command({"update": "c", "updates": [
                {"q": {"_id": number}, "u": update.change, **update.options}]})
            if reply["nModified"] == 0:
                continue
            after = raw.find_one({"_id": number}).raw
            steps.append(Step(update, documents[number], after))
            documents[number] = after
        return steps


def applied(collection: Collection, before: bytes, patch: dict[str, Any]) -> bytes:
    """What a sink makes of it: a replacement is the document; a real server runs modifiers."""
    if "_id" in patch:
        return bson.encode(patch)
    collection.delete_many({})
    collection.insert_one(RawBSONDocument(before))
    modifiers = {name: value for name, value in patch.items() if name != "$v"}
    reply = collection.database.command({"update": collection.name, "updates": [
        {"q": {}, "u": modifiers}]})
    if "writeErrors" in reply:
        raise ValueError(f"the server refuses {modifiers}: {reply['writeErrors']}")
    return collection.with_options(RAW).find_one({}).raw


def from_json(pairs: list[tuple[str, Any]]) -> Any:
    return json_util.object_pairs_hook(pairs, EXTENDED_JSON)


def readable(document: bytes) -> dict[str, Any]:
    return bson.decode(document, READABLE)


def without_order(document: bytes) -> bytes:
    """The same for two documents that differ only in the order of their fields."""
    return bson.encode(ordered(readable(document)))


def ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [ordered(element) for element in value]
    return value


if __name__ == "__main__":
    unittest.main()
