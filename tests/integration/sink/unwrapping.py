"""What Debezium's transform to the plain document makes of records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from golden.deviations import key_id
from golden.records import Record
from integration.harness.replay import payload
from integration.harness.topics import read_topics
from integration.harness.waiting import wait_for
from integration.sink.connectors import DEAD_LETTERS

BEGIN_OF_DOCUMENT = re.compile(r"^Struct\{", re.MULTILINE)
# Java shows bytes by where they lie.
ADDRESS = re.compile(r"\[B@[0-9a-f]+")


@dataclass(frozen=True)
class Refusal:
    """An event that the transform did not take."""

    topic: str
    key_id: str
    operation: str
    reason: str


@dataclass(frozen=True)
class Unwrapped:
    """Documents as text, and refusals, each with how often."""

    documents: Counter[str]
    refusals: Counter[Refusal]


def wait_until_unwrapped(bootstrap: str, name: str, file: Path, records: list[Record],
                         prefix: str) -> Unwrapped:
    """What the sink `name` (connectors.unwrapping_file_sink) made of these records, once of all.

    `prefix` is what the topics begin with, and is taken off.
    """
    events = sum(record.value is not None for record in records)

    def all_of_them() -> Unwrapped | None:
        documents = _documents(file)
        refusals = Counter(_refusals(bootstrap, name, prefix))
        if documents.total() + refusals.total() < events:
            return None
        return Unwrapped(documents, refusals)

    return wait_for(f"what {name} makes of {events} events", all_of_them, seconds=120)


def _documents(file: Path) -> Counter[str]:
    # A string in a document may hold line breaks.
    text = file.read_text() if file.exists() else ""
    begins = [match.start() for match in BEGIN_OF_DOCUMENT.finditer(text)]
    return Counter(ADDRESS.sub("BYTES", text[begin:end].rstrip("\n"))
                   for begin, end in zip(begins, [*begins[1:], len(text)]))


def _refusals(bootstrap: str, name: str, prefix: str) -> Iterator[Refusal]:
    for record in read_topics(bootstrap, DEAD_LETTERS + name):
        context = {key.removeprefix("__connect.errors."): value.decode()
                   for key, value in record.headers if value is not None}
        if context["stage"] != "TRANSFORMATION":
            raise AssertionError(f"{context}: {record}")
        event = payload(record)
        assert event is not None
        yield Refusal(context["topic"].removeprefix(prefix), key_id(record), event["op"],
                      context["exception.message"])
