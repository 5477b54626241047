"""Stored offsets in Kafka Connect's forms: a compacted topic, or a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bson import Timestamp
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from integration.harness import java_offsets
from integration.harness.mongo import ReplicaSet
from integration.harness.shardtail import Shardtail
from integration.harness.topics import read_topics
from integration.harness.waiting import wait_for


@dataclass(frozen=True, order=True)
class Position:
    """An optime, and the number of the operation within its transaction (0: all of it)."""

    sec: int
    ord: int
    tord: int = 0


@dataclass(frozen=True)
class OffsetTopic:
    """The topic `offset.storage.topic` of one connector."""

    bootstrap: str
    topic: str
    connector: str = "mongo-src"
    logical_name: str = "dbserver1"

    def key(self, replica_set: str) -> bytes:
        """As Connect writes it, and looks it up: by bytes."""
        return (f'["{self.connector}",{{"rs":"{replica_set}",'
                f'"server_id":"{self.logical_name}"}}]').encode()

    def latest(self) -> dict[bytes, bytes | None]:
        """The last value of each key; not of what was recorded of a copy and is deleted, nor the
        record of what is captured."""
        found = {record.key: record.value for record in read_topics(self.bootstrap, self.topic)
                 if record.topic == self.topic}
        return {key: value for key, value in found.items()
                if not is_progress(key) or
                (value is not None and json.loads(key)[1]["collection"] != "filters")}

    def value(self, replica_set: str) -> bytes | None:
        return self.latest().get(self.key(replica_set))

    def position(self, replica_set: str) -> Position | None:
        """Where the stream stands; None before the snapshot is complete."""
        value = self.value(replica_set)
        return None if value is None else position_of(json.loads(value))

    def create(self, partitions: int = 25) -> None:
        """As Connect makes it."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        topic = NewTopic(self.topic, partitions, 1, config={"cleanup.policy": "compact"})
        admin.create_topics([topic])[self.topic].result()

    def store(self, replica_set: str, value: object) -> None:
        """Writes an offset as Debezium would have stored it; None deletes it."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "acks": "all", "log_level": 3,
                             # Java's: Connect and shardtail must find what we write where they do.
                             "partitioner": "murmur2_random"})
        producer.produce(self.topic, key=self.key(replica_set),
                         value=None if value is None else json.dumps(
                             value, separators=(",", ":")))
        if producer.flush(10):
            raise RuntimeError("the broker did not take an offset within 10 s")


@dataclass(frozen=True)
class OffsetFile:
    """The file of one replica set's offset; of others too, where its key is given."""

    path: Path
    key: bytes | None = None

    def stored(self) -> java_offsets.Offsets:
        return java_offsets.decode(self.path.read_bytes()) if self.path.exists() else {}

    @property
    def offset(self) -> dict | None:
        """The fields of the stored offset."""
        [value] = [value for key, value in self.stored().items()
                   if (not is_progress(key) if self.key is None else key == self.key)] or [None]
        return None if value is None else json.loads(value)

    @property
    def position(self) -> Position | None:
        """None before the snapshot is complete."""
        offset = self.offset
        return None if offset is None else position_of(offset)

    def wait_until_caught_up(self, replica_set: ReplicaSet, shardtail: Shardtail,
                             seconds: float = 120) -> None:
        """Returns when the program has stored where the oplog ends now."""
        wait_until_stored(replica_set, shardtail, lambda: self.position, seconds)


def wait_until_stored(replica_set: ReplicaSet, shardtail: Shardtail,
                      position: Callable[[], Position | None], seconds: float) -> Timestamp:
    """Returns when the stored position has come to where the oplog ends now, and that place."""
    end = replica_set.last_optime()
    goal = Position(end.time, end.inc)

    def there() -> bool:
        shardtail.check_running()
        stored = position()
        return stored is not None and stored >= goal

    wait_for(f"the stored offset of {replica_set.name} at {goal}", there, seconds=seconds)
    return end


def is_progress(key: bytes) -> bool:
    """Of what is recorded, beside the offset, of a copy that is not complete."""
    return "collection" in json.loads(key)[1]


def position_of(offset: dict) -> Position | None:
    if offset.get("initsync"):
        return None
    return Position(offset["sec"], offset["ord"], offset.get("tord", 0))


def debezium_offset(sec: int, ord: int, tord: int = 0, stxnid: str | None = None) -> dict:
    """The fields of an offset of 1.3.1, in its order."""
    offset = {"sec": sec, "ord": ord, "transaction_id": None, "h": None, "stxnid": stxnid}
    return {**offset, "tord": tord} if tord else offset
