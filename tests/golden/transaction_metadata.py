"""The records of `<name>.transaction` in a form in which two runs can be compared."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace

from golden.deviations import is_left_out
from golden.masks import UUID
from golden.records import Record

SESSION = re.compile(rb'"payload":\{(?:"status":"[A-Z]+",)?"id":"(' + UUID + rb'):(\d+)"')
COUNTS = re.compile(rb'"data_collections":\[(.*)\]\}\}$')


def comparable(records: list[Record]) -> list[tuple[bytes, bytes]]:
    """Keys and values. Sessions by the order in which they appear; collections sorted."""
    sessions: dict[bytes, bytes] = {}

    def masked(text: bytes) -> bytes:
        found = SESSION.search(text)
        if not found:
            return text
        name = sessions.setdefault(found[1], b"session %d" % len(sessions))
        return text[:found.start(1)] + name + text[found.end(1):]

    return [(masked(record.key), _with_sorted_counts(masked(record.value))) for record in records]


def expected_metadata(golden: list[Record]) -> list[tuple[bytes, bytes]]:
    """What we must write where Debezium 1.3.1 wrote `golden`.

    Each transaction gets its END: 1.3.1 forgets that of one that is followed by an entry without a
    session, or by a restart. Events that we do not capture are not counted, and what has no others
    is no transaction.
    """
    counts = _events_by_transaction(golden)
    metadata = [record for record in golden if record.topic.endswith(".transaction")]
    ends = [record for record in metadata if b'"status":"END"' in record.value]
    expected: list[Record] = []
    for begin in metadata:
        payload = json.loads(begin.value)["payload"]
        if payload["status"] != "BEGIN" or payload["id"] not in counts:
            continue
        expected += [begin, _end_of(payload["id"], counts[payload["id"]], begin, ends[0])]
    return comparable(expected)


def _events_by_transaction(golden: list[Record]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for record in golden:
        if record.value is None or record.topic.endswith(".transaction") or (
                is_left_out(record.topic)):
            continue
        payload = json.loads(record.value)["payload"]
        if payload["transaction"]:
            source = payload["source"]
            collection = f"{source['rs']}.{source['db']}.{source['collection']}"
            counts.setdefault(payload["transaction"]["id"], Counter())[collection] += 1
    return counts


def _end_of(transaction: str, counts: Counter[str], begin: Record, any_end: Record) -> Record:
    payload = {
        "status": "END", "id": transaction, "event_count": counts.total(),
        "data_collections": [{"data_collection": name, "event_count": count}
                             for name, count in counts.items()]}
    schema = any_end.value[:any_end.value.index(b'"payload":')]
    value = schema + b'"payload":' + _json(payload) + b"}"
    return replace(begin, value=value)


def _with_sorted_counts(value: bytes) -> bytes:
    found = COUNTS.search(value)
    if not found:
        return value
    counts = sorted(json.loads(b"[" + found[1] + b"]"),
                    key=lambda count: count["data_collection"])
    return value[:found.start()] + b'"data_collections":' + _json(counts) + b"}}"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
