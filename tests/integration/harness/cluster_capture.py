"""A sharded cluster captured into a broker, by way of its config server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from golden.records import Record
from integration.harness.cluster import ShardedCluster
from integration.harness.kafka import KafkaBroker
from integration.harness.offsets import OffsetTopic, Position, wait_until_stored
from integration.harness.shardtail import Shardtail, connector, worker
from integration.harness.topics import read_topics
from integration.harness.waiting import wait_for


class ClusterCapture:
    """Knows how far the program has come in each shard by what it stored, as Capture does."""

    def __init__(self, directory: Path, cluster: ShardedCluster, broker: KafkaBroker,
                 properties: Mapping[str, str] | None = None, *, name: str = "cluster") -> None:
        """Captures of one broker have each a `name` of their own, the logical name of the topics."""
        self._cluster = cluster
        self._broker = broker
        self._name = name
        self.offsets = OffsetTopic(broker.bootstrap, f"offsets-{name}", logical_name=name)
        self.shardtail = Shardtail(directory, {
            **worker(broker.bootstrap, schemas=False),
            **connector(cluster.hosts),
            "mongodb.name": name,
            "mongodb.poll.interval.ms": "500",  # new shards are found that often
            "offset.storage.topic": self.offsets.topic,
            **(properties or {}),
        })

    def records(self) -> list[Record]:
        return read_topics(self._broker.bootstrap, f"{self._name}.")

    def wait_for_snapshot(self, *shards: str, seconds: float = 60) -> None:
        """Of these shards, or of all that the cluster has now."""
        names = shards or tuple(self._cluster.shards)
        wait_for(f"a complete snapshot of {names}", lambda: self.alive() and all(
            self.offsets.position(name) is not None for name in names), seconds=seconds)

    def wait_until_caught_up(self, *shards: str, seconds: float = 120) -> None:
        """Returns when each stored offset has come to where that shard's oplog ends now."""
        for name in shards or tuple(self._cluster.shards):
            wait_until_stored(self._cluster.shards[name], self.shardtail,
                              partial(self.offsets.position, name), seconds)

    def positions(self) -> dict[str, Position]:
        """Of the shards whose snapshot is complete."""
        found = {name: self.offsets.position(name) for name in self._cluster.shards}
        return {name: position for name, position in found.items() if position is not None}

    def alive(self) -> bool:
        self.shardtail.check_running()
        return True
