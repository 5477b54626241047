"""Judges what was delivered: nothing lost, and each key's records in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from golden.masks import masked
from golden.records import Record
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import Position
from integration.harness.oplog import Change, position, published_change
from integration.harness.replay import Document, payload, replay, strict


def source_documents(replica_set: ReplicaSet, namespaces: Iterable[tuple[str, str]],
                     logical_name: str = "dbserver1") -> dict[str, list[Document]]:
    """What the collections hold, by topic, in the form that replay() returns."""
    with replica_set.client() as client:
        return {f"{logical_name}.{database}.{collection}": sorted(
            (strict(document) for document in client[database][collection].find()),
            key=lambda document: repr(document["_id"]))
            for database, collection in namespaces}


def lost_documents(source: dict[str, list[Document]], records: list[Record]) -> list[str]:
    """Where the replayed topics differ from the source."""
    replayed = replay(records)
    found = []
    for topic, documents in source.items():
        wanted = {repr(document["_id"]): document for document in documents}
        got = {repr(document["_id"]): document for document in replayed.get(topic, [])}
        for key in sorted(set(wanted) | set(got)):
            if wanted.get(key) != got.get(key):
                found.append(f"{topic} {key}: source {wanted.get(key)}, topic {got.get(key)}")
    return found


def out_of_order(records: list[Record]) -> list[str]:
    """Breaks of the order per key.

    The positions of a key's records rise. A record of an earlier position must be one that was
    delivered before, with the same bytes, and then all that came after it before must come again:
    that is what a restart does. Another copy of the document has in it what does not come again;
    one that no longer found the document leaves only the deletes of what came before the copy.
    A delete is followed by its tombstone, but where a restart comes between.
    """
    by_key: dict[tuple[str, bytes | None], list[Record]] = defaultdict(list)
    copied_until: dict[str, Position] = {}
    for record in records:
        by_key[record.topic, record.key].append(record)
        event = payload(record)
        if event is not None and event["op"] == "r":
            copied_until[record.topic] = max(copied_until.get(record.topic, Position(0, 0)),
                                             position(event))
    found = []
    for (topic, key), sequence in by_key.items():
        found += [f"{topic} {key!r}: {problem}"
                  for problem in _problems_of_key(sequence, copied_until.get(topic))]
    return found


def _problems_of_key(records: list[Record], copied_until: Position | None) -> list[str]:
    problems = []
    if len({record.partition for record in records}) > 1:
        problems.append("in several partitions")
    delivered: dict[tuple[Change, bytes | None], int] = {}  # with their number, in order
    newest: Change | None = None
    following = 0  # the number of what must come next, if that was delivered before
    tombstone_due = False
    for record in records:
        if record.value is None:
            if not tombstone_due:
                problems.append("a tombstone without a delete before it")
            tombstone_due = False
            continue
        change = published_change(record)
        restarted = change is None  # a record of another snapshot
        if change is None:
            following = len(delivered)
        else:
            event = change, masked(record.value)
            is_new = event not in delivered
            number = delivered.setdefault(event, len(delivered))
            was_copied = (copied_until is not None and change.op == "d"
                          and change.position <= copied_until)
            if was_copied:
                pass  # a run that copied the document had left this out, or what is before it
            elif number > following:
                problems.append(f"{change} without what was delivered before it the last time")
            elif is_new and newest is not None and change.position <= newest.position:
                problems.append(f"{change} after {newest}")
            restarted = number < following
            following = number + 1
            newest = change if is_new and not was_copied else newest
        if tombstone_due and not restarted:
            problems.append(f"a delete without a tombstone before {change}")
        tombstone_due = change is not None and change.op == "d"
    if tombstone_due:
        problems.append("a delete without a tombstone at the end")
    return problems
