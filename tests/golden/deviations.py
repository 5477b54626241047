"""Where we differ from Debezium 1.3.1 on purpose, each with the reason.

docs/debezium-compatibility.md is the same list for users. The comparison rewrites the golden
records by this table first, and demands that every row is needed.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

from golden.records import Record, golden_records

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


@dataclass(frozen=True)
class Rule:
    """What a configuration, or a server version, changes in more than single records."""

    apply: Callable[[list[Record]], list[Record]]
    reason: str


def with_patches_of_4_4(golden: list[Record]) -> list[Record]:
    """For 5.0: the same updates of the same documents, with 4.4's patches.

    But for those in OTHER_PATCHES_OF_5_0.
    """
    patches = defaultdict(list)
    for record in golden_records("4.4", "default"):
        if is_update(record):
            patches[record.topic, record.key].append(_patch(record))
    rewritten = []
    for record in golden:
        if is_update(record) and b'"patch":"{\\"$v\\": 2,' in record.value and (
                not is_left_out(record.topic)):
            patch = patches[record.topic, record.key].pop(0)
            if (record.topic, key_id(record)) in OTHER_PATCHES_OF_5_0:
                text, _ = OTHER_PATCHES_OF_5_0[record.topic, key_id(record)]
                patch = _escaped(text)
            record = replace(record, value=PATCH.sub(lambda found: found[1] + patch, record.value))
        elif is_update(record) and not is_left_out(record.topic):
            if patches[record.topic, record.key].pop(0) != _patch(record):
                raise ValueError(f"not the update of 4.4: {record}")
        rewritten.append(record)
    return rewritten


# Where a diff, and so its modifiers, tells the same change in another way than 4.4.
OTHER_PATCHES_OF_5_0: dict[tuple[str, str], tuple[str, str]] = {
    ("dbserver1.wl.upd", "24"): (
        '{"$v": 1,"$set": {"a": 2,"b.c": "pipe"},"$unset": {"s": true}}',
        "a pipeline update, of which 4.4 logs the document"),
    ("dbserver1.wl.upd", "2"): (
        '{"$v": 1,"$set": {"b.c": 5,"b.d.e": "y","b.new": {"deep": 1}}}',
        "a diff holds a new sub-document as a value, 4.4 the path in it"),
    **{("dbserver1.wl.upd", key): (
        '{"$v": 1,"$set": {"m": 1},"$unset": {"arr": true}}',
        "4.4 begins with the modifier of the first field") for key in ("26", "27", "28")},
}


def with_what_the_driver_refused(golden: list[Record]) -> list[Record]:
    """For 4.2: 4.4's record of a document that the golden run's driver could not write."""
    of_4_4 = [record for record in golden_records("4.4", "default")
              if record.topic == "dbserver1.wl.types"]
    number = next(number for number, record in enumerate(of_4_4) if key_id(record) == "79")
    missing = replace(of_4_4[number], value=of_4_4[number].value.replace(
        b',"h":null,"tord":', b',"h":0,"tord":').replace(b'"rs":"rs28000"', b'"rs":"rs28020"'))
    before = golden.index(next(record for record in golden
                               if record.key == of_4_4[number - 1].key))
    return [*golden[:before + 1], missing, *golden[before + 1:]]


def without_skipped(operation: str) -> Callable[[list[Record]], list[Record]]:
    """Without the events of an operation, and without the tombstones of its deletes."""
    def apply(golden: list[Record]) -> list[Record]:
        kept: list[Record] = []
        skipped_before = False
        for record in golden:
            is_skipped = (f'}},"op":"{operation}",'.encode() in record.value
                          if record.value is not None else skipped_before)
            if not is_skipped:
                kept.append(record)
            skipped_before = is_skipped
        return kept
    return apply


def numbered_over_whole_transactions(golden: list[Record]) -> list[Record]:
    """For transactions of one collection, in which its topic has their operations in order."""
    numbered = []
    counts: dict[bytes, int] = defaultdict(int)
    for record in golden:
        found = record.topic == "dbserver1.wl.big" and TORD.search(record.value)
        if found:
            counts[found[3]] += 1
            value = (record.value[:found.start(2)] + b"%d" % counts[found[3]] +
                     record.value[found.end(2):])
            record = replace(record, value=value)
        numbered.append(record)
    return numbered


PATCH = re.compile(rb'("patch":")((?:[^"\\]|\\.)*)')
TORD = re.compile(rb'(,"tord":)(\d+),"stxnid":"([^"]+)"\},"op":"')

# By server and configuration; they come before the rewriting of single records.
RULES: dict[tuple[str, str], Rule] = {
    ("5.0", "default"): Rule(
        with_patches_of_4_4,
        "1.3.1 passes on 5.0's `$v: 2` diffs, which sinks refuse: the modifiers of 4.4"),
    ("4.2", "default"): Rule(
        with_what_the_driver_refused,
        "the golden run's driver could not write a binary of subtype 255"),
    ("4.4", "skipped_d"): Rule(
        without_skipped("d"), "1.3.1 skips nothing inside transactions and applyOps"),
    ("4.4", "skipped_u"): Rule(
        without_skipped("u"), "1.3.1 skips nothing inside transactions and applyOps"),
    ("4.4", "bigtxn"): Rule(
        numbered_over_whole_transactions,
        "1.3.1 begins `tord` again in each oplog entry of a transaction: positions repeat"),
}


def expected_records(server: str, configuration: str) -> list[Record]:
    """What we must write where 1.3.1 wrote the golden of this run."""
    golden = golden_records(server, configuration)
    rule = RULES.get((server, configuration))
    if rule:
        changed = rule.apply(golden)
        if changed == golden:
            raise ValueError(f"the rule for {server} {configuration} changes nothing")
        golden = changed
    return expected_of_us(golden, RENAMED.get((server, configuration), {}))


# By server and configuration, by topic: the name that a field of REWRITTEN's texts has there.
RENAMED: dict[tuple[str, str], dict[str, tuple[str, str]]] = {
    ("4.4", "rename"): {"dbserver1.wl.types": ('"v": ', '"value": ')},
}


def expected_of_us(golden: list[Record],
                   renamed: dict[str, tuple[str, str]] | None = None) -> list[Record]:
    """What we must write where 1.3.1 wrote `golden`."""
    rows = [_with_names_of(row, (renamed or {}).get(row.topic)) for row in REWRITTEN]
    return [_rewritten(record, rows) for record in golden if not is_left_out(record.topic)]


def is_update(record: Record) -> bool:
    return record.value is not None and b'},"op":"u",' in record.value


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


def _patch(record: Record) -> bytes:
    """As it stands in the value: with the escapes of a string of JSON."""
    found = PATCH.search(record.value)
    assert found, record
    return found[2]


def _with_names_of(row: Rewritten, names: tuple[str, str] | None) -> Rewritten:
    if names is None:
        return row
    return replace(row, golden=row.golden.replace(*names), ours=row.ours.replace(*names))


def _rewritten(record: Record, rows: list[Rewritten]) -> Record:
    # The key last: the other rows name it as the golden has it.
    for row in sorted(rows, key=lambda row: row.part == "id"):
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
