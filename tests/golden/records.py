"""A record as it lies in Kafka, and the golden ones."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path

GOLDEN = Path(__file__).parent / "debezium-1.3.1"


@dataclass(frozen=True)
class Record:
    """Key and value are the raw bytes; the value of a tombstone is None."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    partition: int = 0
    offset: int = field(default=0, compare=False)

    @property
    def is_snapshot(self) -> bool:
        return self.value is not None and b'},"op":"r","ts_ms":' in self.value


def golden_records(server_version: str, configuration: str) -> list[Record]:
    """All records of one run, topic by topic, in the order of each partition."""
    path = GOLDEN / server_version / f"{configuration}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [_record(json.loads(line)) for line in lines]


def golden_properties(server_version: str, configuration: str) -> dict[str, str]:
    """The connector's configuration of that run; the worker's is the default, or `noschema`'s."""
    lines = (GOLDEN / server_version / f"{configuration}.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def golden_offset(server_version: str, configuration: str) -> tuple[bytes, bytes]:
    """Key and value of the offset that was stored at the end of that run."""
    path = GOLDEN / server_version / f"{configuration}.offsets-2.txt"
    key, value = path.read_bytes().splitlines()[-1].split(b"\t")
    return key, value


def golden_replica_set(server_version: str, configuration: str) -> str:
    """The name of the replica set in that run's records."""
    key, _ = golden_offset(server_version, configuration)
    return json.loads(key)[1]["rs"]


def _record(line: dict) -> Record:
    return Record(topic=line["topic"], key=_bytes(line["key"]), value=_bytes(line["value"]),
                  headers=tuple((name, _bytes(value)) for name, value in line["headers"]),
                  partition=line["partition"], offset=line["offset"])


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
