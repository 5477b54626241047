"""Where we differ from Debezium 1.3.1 on purpose, each with the reason.

docs/debezium-compatibility.md is the same list for users. The comparison rewrites the golden
records by this table first, and demands that every row is needed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from golden.records import Record

# Topics that we do not write.
NOT_CAPTURED: list[tuple[str, str]] = [
    (r"dbserver1\.config\..*", "the server's own bookkeeping, captured only when named"),
    (r"dbserver1\.[^.]+\.system\..*", "the server's own collections, captured only when named"),
    (r"dbserver1\.[^.]+\.tmp\.agg_out\..*", "$out's temporary collection"),
    (r"dbserver1\.wl\.orders_view", "a view; its documents are those of its collection"),
]


@dataclass(frozen=True)
class Rewritten:
    """In the records of a key in a topic, a text of the golden is another one in ours.

    `part` is the string field (`id` of the key; `after`, `patch` or `filter` of the value) and the
    texts are as a reader sees them, with the outer JSON's escapes undone.
    """

    topic: str
    key_id: str  # the golden's
    part: str
    golden: str
    ours: str
    reason: str


NAN = "bare NaN and Infinity are no JSON: extended JSON's form"
UUIDS = "1.3.1 reverses UUIDs and makes subtype 4 a 3: the bytes as stored"
TWICE = "of a field name that occurs twice 1.3.1 drops the first value: both, in order"
CONTROL = "1.3.1 drops control characters from keys: two documents, one key"
SCOPE = "1.3.1 drops the scope of a code in keys: as in values"

UUID_ID = '{ "$uuid" : "00112233-4455-6677-8899-aabbccddeeff"}'
GOLDEN_UUID = '{"$binary": "d2ZVRDMiEQD/7t3Mu6qZiA==","$type": "03"}'
OUR_UUID = '{"$binary": "ABEiM0RVZneImaq7zN3u/w==","$type": "04"}'


def _of_ids(key_id: str, golden: str, ours: str, reason: str) -> list[Rewritten]:
    """A deviation in an _id as a value: where it is copied, inserted, updated and deleted."""
    return [Rewritten("dbserver1.wl.pre_ids", key_id, "after", golden, ours, reason),
            Rewritten("dbserver1.wl.ids", key_id, "after", golden, ours, reason),
            Rewritten("dbserver1.wl.ids", key_id, "filter", golden, ours, reason)]


def _of_keys(golden: str, ours: str, reason: str) -> list[Rewritten]:
    return [Rewritten(topic, golden, "id", golden, ours, reason)
            for topic in ("dbserver1.wl.pre_ids", "dbserver1.wl.ids")]


REWRITTEN: list[Rewritten] = [
    Rewritten("dbserver1.wl.pre_types", "8", "after",
              '"v": NaN', '"v": {"$numberDouble": "NaN"}', NAN),
    Rewritten("dbserver1.wl.types", "8", "after",
              '"v": NaN', '"v": {"$numberDouble": "NaN"}', NAN),
    Rewritten("dbserver1.wl.types", "9", "after",
              '"v": Infinity', '"v": {"$numberDouble": "Infinity"}', NAN),
    Rewritten("dbserver1.wl.types", "10", "after",
              '"v": -Infinity', '"v": {"$numberDouble": "-Infinity"}', NAN),
    Rewritten("dbserver1.wl.upd", "21", "patch",
              '"nan": NaN', '"nan": {"$numberDouble": "NaN"}', NAN),
    *_of_ids("NaN", '{"_id": NaN', '{"_id": {"$numberDouble": "NaN"}', NAN),
    *_of_ids("Infinity", '{"_id": Infinity', '{"_id": {"$numberDouble": "Infinity"}', NAN),
    Rewritten("dbserver1.wl.types", "75", "after",
              '{"$binary": "BwYFBAMCAQAPDg0MCwoJCA==","$type": "03"}',
              '{"$binary": "AAECAwQFBgcICQoLDA0ODw==","$type": "04"}', UUIDS),
    Rewritten("dbserver1.wl.upd", "21", "patch",
              '{"$binary": "AAAAAAAAAAAFAAAAAAAAAA==","$type": "03"}',
              '{"$binary": "AAAAAAAAAAAAAAAAAAAABQ==","$type": "04"}', UUIDS),
    *_of_ids(UUID_ID, GOLDEN_UUID, OUR_UUID, UUIDS),
    Rewritten("dbserver1.wl.types", "123", "after", '"v": 2', '"v": 1,"v": 2', TWICE),
    *_of_keys(r'"a\n\t"', r'"a\n\t\u0001"', CONTROL),
    *_of_keys('{ "$code" : "g()"}', '{"$code": "g()","$scope": {"a": 1}}', SCOPE),
]


def expected_of_us(golden: list[Record]) -> list[Record]:
    """What we must write where 1.3.1 wrote `golden`."""
    return [_rewritten(record) for record in golden if not is_left_out(record.topic)]


def is_left_out(topic: str) -> bool:
    return any(re.fullmatch(pattern, topic) for pattern, _ in NOT_CAPTURED)


def rows_without_use(golden: list[Record]) -> list[object]:
    """Rows of the tables that change nothing: there must be none."""
    topics = {record.topic for record in golden}
    unused: list[object] = [row for row in NOT_CAPTURED
                            if not any(re.fullmatch(row[0], topic) for topic in topics)]
    unused += [row for row in REWRITTEN
               if all(_apply(row, record) == record for record in golden)]
    return unused


def _rewritten(record: Record) -> Record:
    # The key last: the other rows name it as the golden has it.
    for row in sorted(REWRITTEN, key=lambda row: row.part == "id"):
        record = _apply(row, record)
    return record


def _apply(row: Rewritten, record: Record) -> Record:
    if row.topic != record.topic or row.key_id != key_id(record):
        return record
    golden, ours = _escaped(row.golden), _escaped(row.ours)
    if row.part == "id":
        return replace(record, key=record.key.replace(b'"id":"' + golden, b'"id":"' + ours))
    if record.value is None:
        return record
    # From the field's name to the next one: the string cannot hold an unescaped quote.
    pattern = rb'("' + row.part.encode() + rb'":"(?:[^"\\]|\\.)*?)' + re.escape(golden)
    return replace(record, value=re.sub(pattern, lambda found: found[1] + ours, record.value))


def key_id(record: Record) -> str:
    key = json.loads(record.key)
    return key.get("payload", key)["id"]


def _escaped(text: str) -> bytes:
    """As inside a string of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()
