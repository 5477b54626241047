"""Compares our records with the golden ones on their raw bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable

from golden.masks import masked
from golden.records import Record

Group = dict[Hashable, list[tuple[bytes | None, ...]]]


def differences(expected: list[Record], actual: list[Record]) -> list[str]:
    """What a reader would notice; empty when there is nothing.

    Compared are, with only masks.MASKS made alike: all records of each key, in order; all streamed
    records of each topic, in order, tombstones included; headers; partitions. The order in which a
    snapshot copies the documents of a collection is free.
    """
    found = _compare("in order per key", _by_key(expected), _by_key(actual))
    # Only then: the same difference twice helps nobody.
    return found or _compare("in the order of the stream", _by_topic(expected),
                             _by_topic(actual))


def _by_key(records: list[Record]) -> Group:
    groups: Group = defaultdict(list)
    for record in records:
        groups[record.topic, record.key].append(_bytes_of(record))
    return groups


def _by_topic(records: list[Record]) -> Group:
    groups: Group = defaultdict(list)
    for record in records:
        if not record.is_snapshot:
            groups[record.topic].append((record.key, *_bytes_of(record)))
    return groups


def _bytes_of(record: Record) -> tuple[bytes | None, ...]:
    headers = repr(record.headers).encode()
    return masked(record.value), b"partition %d" % record.partition, headers


def _compare(what: str, expected: Group, actual: Group) -> list[str]:
    found = []
    for group in sorted(set(expected) | set(actual), key=repr):
        ours, golden = actual.get(group, []), expected.get(group, [])
        if ours != golden:
            found.append(f"{group} {what}: {_first_difference(golden, ours)}")
    return found


def _first_difference(golden: list[tuple], ours: list[tuple]) -> str:
    for number, (expected, actual) in enumerate(zip(golden, ours)):
        for left, right in zip(expected, actual):
            if left != right:
                return f"record {number}: {_excerpts(left, right)}"
    return f"{len(golden)} golden records, {len(ours)} of ours"


def _excerpts(left: bytes | None, right: bytes | None) -> str:
    if left is None or right is None:
        return f"golden {left!r}, ours {right!r}"
    at = next((index for index, (x, y) in enumerate(zip(left, right)) if x != y),
              min(len(left), len(right)))
    begin = max(at - 80, 0)
    return (f"byte {at}:\n    golden ...{left[begin:at + 120]!r}"
            f"\n    ours   ...{right[begin:at + 120]!r}")
