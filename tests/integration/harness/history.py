"""Judges the documents' histories: each begins with its base, and goes through states it had."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from golden.records import Record
from integration.harness.copy_load import next_m
from integration.harness.replay import apply_event, payload


@dataclass
class _History:
    """Of one key: what a reader of the topic knows of it."""

    documents: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    n: int = -1  # of the last state; -1: none yet
    copied: int = -1  # of the last copy's state
    was_announced: bool = False
    owes_delete: bool = False  # updated before it was announced


def history_breaks(records: Iterable[Record], *, restarted: bool = False,
                   again: bool = False, ahead: Collection[str] = ()) -> list[str]:
    """Documents of a CopyLoad whose events are not a history that they had.

    In the order of the records: a delete may come first; then a base, a copy's `r` or a `c`; then
    each change of `n` by 1, with the `m` that belongs to it. With `restarted` events that came
    before are passed over, and a copy may come again, with what was left out of the stream in it.
    With `again` a document may be copied at any time, as it is then. In the topics `ahead` a copy
    may have in it what some changes that follow it did, the insert among them; and the delete, so
    that an update before that delete has no base.
    """
    values = _Values()
    found: list[str] = []
    histories: dict[tuple[str, bytes | None], _History] = {}
    delivered: set[tuple[object, ...]] = set()
    for record in records:
        event = payload(record)
        if event is None:
            continue
        source, op = event["source"], event["op"]
        place = (record.topic, record.key, source["ts_ms"], source["ord"], source["tord"], op)
        if restarted and op != "r":
            if place in delivered:
                continue
            delivered.add(place)
        history = histories.setdefault((record.topic, record.key), _History())
        problem = _step(history, record.key, event, values, restarted=restarted,
                        again=again, ahead=record.topic in ahead)
        if problem:
            found.append(f"{record.topic} {record.key!r}: {problem}: op {op} at "
                         f"({source['ts_ms'] // 1000}, {source['ord']}, {source['tord']})")
    return found + [f"{topic} {key!r}: an update without its base, and no delete after it"
                    for (topic, key), history in histories.items() if history.owes_delete]


def _step(history: _History, key: bytes | None, event: dict[str, Any], values: _Values, *,
          restarted: bool, again: bool, ahead: bool) -> str | None:
    op, before = event["op"], history.n
    exists = key in history.documents
    if op == "d":
        apply_event(history.documents, key, event)
        history.owes_delete = False
        if not exists and history.was_announced and not restarted:
            return "a delete of what is deleted"
        return None
    if op == "u" and not exists and ahead and not history.was_announced:
        history.owes_delete = True
        return None
    if op == "u" and not exists:
        return "an update without its base"
    if history.owes_delete:
        return "announced after an update, and not deleted between"
    if op == "c" and exists and not (
            ahead and json.loads(event["after"])["n"] <= history.copied):
        return "an insert of what is there"
    if op == "r" and history.was_announced and not restarted and not (again and exists):
        return "copied, and announced before"
    apply_event(history.documents, key, event)
    document = history.documents[key]
    history.n, history.was_announced = document["n"], True
    if document["m"] != values.of(document["n"]):
        return f"a state that never was: {document}"
    if op == "r" and again and not restarted and exists and history.n != before:
        return f"copied with n={history.n}, when it was {before}"
    if ahead and op in ("c", "u") and history.n <= history.copied:
        history.n = before
        return None
    if op == "r":
        history.copied = history.n
        return f"back from n={before} to {history.n}" if history.n < before else None
    # It was deleted when the copy came again, which so had its last changes in it.
    if restarted and op == "c" and history.n > before:
        return None
    if before >= 0 and history.n != before + 1:
        return f"n={before} is followed by {history.n}"
    return None


class _Values:
    """m by n."""

    def __init__(self) -> None:
        self._values = [1]

    def of(self, n: int) -> int:
        while len(self._values) <= n:
            self._values.append(next_m(self._values[-1], len(self._values)))
        return self._values[n]


def copies(records: Iterable[Record]) -> Counter[tuple[str, bytes | None]]:
    """How often each document was copied."""
    return Counter((record.topic, record.key) for record in records if record.is_snapshot)


def last_marks(records: list[Record]) -> list[int]:
    """Which of the `r` events, counted from 0 in the order of `records`, say that they are last."""
    events = [event for event in map(payload, records) if event and event["op"] == "r"]
    return [number for number, event in enumerate(events) if event["source"]["snapshot"] == "last"]
