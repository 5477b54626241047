"""What the oplog says happened, the measure for what was published; and how it is filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pymongo
from bson import Timestamp

from golden.records import Record
from integration.harness.mongo import MongoNode, ReplicaSet
from integration.harness.offsets import Position
from integration.harness.replay import payload
from integration.harness.waiting import wait_for

OPERATIONS = {"i": "c", "u": "u", "d": "d"}


@dataclass(frozen=True, order=True)
class Change:
    """One event's identity: where it stands, what it is. `tord` is 0 outside transactions."""

    position: Position
    namespace: str
    op: str


def changes(replica_set: ReplicaSet, after: Timestamp, until: Timestamp,
            databases: set[str], member: MongoNode | None = None) -> list[Change]:
    """All changes of documents of these databases, in the oplog's order: the primary's, or that of
    `member`, once it has come as far.

    For transactions of one oplog entry; raises ValueError for larger and prepared ones.
    """
    with (member or replica_set.primary()).client() as client:
        wait_for(f"an oplog up to {until}", lambda: client["local"]["oplog.rs"].find_one(
            {"ts": {"$gte": until}}) is not None)
        entries = client["local"]["oplog.rs"].find(
            {"ts": {"$gt": after, "$lte": until}, "fromMigrate": {"$exists": False}})
        return [change for entry in entries.sort("$natural", 1)
                for change in _changes_of(entry) if change.namespace.split(".")[0] in databases]


def _changes_of(entry: dict[str, Any]) -> Iterator[Change]:
    sec, ord = entry["ts"].time, entry["ts"].inc
    if entry["op"] in OPERATIONS:
        yield Change(Position(sec, ord), entry["ns"], OPERATIONS[entry["op"]])
    elif entry["op"] == "c" and "applyOps" in entry["o"]:
        if "partialTxn" in entry["o"] or "prepare" in entry["o"]:
            raise ValueError(f"a transaction of several entries at {entry['ts']}")
        for tord, operation in enumerate(entry["o"]["applyOps"], start=1):
            yield Change(Position(sec, ord, tord), operation["ns"], OPERATIONS[operation["op"]])


def oldest(client: pymongo.MongoClient) -> Timestamp:
    """Where the oplog begins."""
    return client["local"]["oplog.rs"].find_one(sort=[("$natural", 1)])["ts"]


def write_filler(client: pymongo.MongoClient, size: int) -> None:
    """Adds about so many bytes to the oplog, by a collection `filler.c` that is dropped again."""
    filler = client["filler"]["c"]
    filler.insert_many([{"text": "x" * 20_000} for _ in range(size // 20_000)])
    filler.drop()


def roll_over(replica_set: ReplicaSet, position: Timestamp, *, step: int = 1_000_000,
              after_each: Callable[[], object] = lambda: None) -> None:
    """Writes until the oplog begins after `position`, `step` bytes at a time."""
    with replica_set.client() as client:
        def write() -> bool:
            write_filler(client, step)
            after_each()
            return oldest(client) > position

        wait_for(f"an oplog that begins after {position}", write)


def published_change(record: Record) -> Change | None:
    """The same identity of a record; None for snapshot records and tombstones."""
    event = payload(record)
    if event is None or event["op"] == "r":
        return None
    source = event["source"]
    return Change(position(event), f"{source['db']}.{source['collection']}", event["op"])


def position(event: dict[str, Any]) -> Position:
    """Where it stands in the oplog; of a copied document, when it was read."""
    source = event["source"]
    return Position(source["ts_ms"] // 1000, source["ord"], source["tord"] or 0)
