"""A replica set captured into a broker by one configuration of the program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bson import Timestamp

from golden.records import Record
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import OffsetTopic, Position, wait_until_stored
from integration.harness.shardtail import Shardtail, connector, worker
from integration.harness.topics import RecordCounter, read_topics
from integration.harness.waiting import wait_for


class Capture:
    """Knows how far the program has come by what it stored, not by what it says in its log."""

    def __init__(self, directory: Path, replica_set: ReplicaSet, broker: KafkaBroker, *,
                 schemas: bool = True, properties: Mapping[str, str] | None = None,
                 database: str | None = None, hosts: str | None = None) -> None:
        """With `database`: that one alone, and with an offset topic of its own.

        `hosts` instead of the replica set's own: a proxy's.
        """
        self.replica_set = replica_set
        self.broker = broker
        offset_topic, self._prefix, filters = "offsets", "dbserver1.", {}
        if database:
            offset_topic = f"offsets-{database}"
            self._prefix = f"dbserver1.{database}."
            filters = {"database.include.list": database}
        self.offsets = OffsetTopic(broker.bootstrap, offset_topic)
        self.shardtail = Shardtail(directory, {
            **worker(broker.bootstrap, schemas=schemas),
            **connector(replica_set.hosts),
            "offset.storage.topic": offset_topic,
            **filters,
            **(properties or {}),
            "mongodb.hosts": hosts or replica_set.hosts,
        })
        self._counter = RecordCounter(broker.bootstrap, self._prefix)

    @property
    def position(self) -> Position | None:
        """What it has stored; None before the snapshot is complete."""
        return self.offsets.position(self.replica_set.name)

    def records(self) -> list[Record]:
        """All that it has written."""
        return read_topics(self.broker.bootstrap, self._prefix)

    def record_count(self) -> int:
        return self._counter.count()

    def wait_for_snapshot(self, seconds: float = 120) -> None:
        """Returns when the stored offset says that all is copied."""
        wait_for("a complete snapshot", lambda: self.alive() and self.position is not None,
                 seconds=seconds)

    def wait_until_caught_up(self, seconds: float = 120) -> Timestamp:
        """Returns when the stored offset has come to where the oplog ends now, and that place."""
        return wait_until_stored(self.replica_set, self.shardtail, lambda: self.position, seconds)

    def alive(self) -> bool:
        self.shardtail.check_running()
        return True
