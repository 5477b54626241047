"""A replica set captured into a file: no broker, and each event as it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from golden.records import Record
from integration.harness import java_offsets
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import OffsetFile, Position
from integration.harness.shardtail import Shardtail, connector
from integration.harness.waiting import wait_for


class FileCapture:
    """Knows how far the program has come by what it stored, as Capture does."""

    def __init__(self, directory: Path, replica_set: ReplicaSet,
                 properties: Mapping[str, str] | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._replica_set = replica_set
        self.events_path = directory / "events.jsonl"
        name = (properties or {}).get("offset.storage.file.filename")
        self.offsets_path = Path(name) if name else directory / "offsets"
        self._offsets = OffsetFile(self.offsets_path)
        self.shardtail = Shardtail(directory, {
            **connector(replica_set.hosts),
            "key.converter.schemas.enable": "false",
            "value.converter.schemas.enable": "false",
            "sink.type": "file",
            "sink.file.path": str(self.events_path),
            "offset.storage.file.filename": str(self.offsets_path),
            "offset.flush.interval.ms": "200",
            **(properties or {}),
        })

    @property
    def position(self) -> Position | None:
        """What it has stored; None before the snapshot is complete."""
        return self._offsets.position

    @property
    def offset(self) -> dict | None:
        """The fields of the stored offset."""
        return self._offsets.offset

    def stored(self) -> java_offsets.Offsets:
        """All that is in the file of offsets."""
        return self._offsets.stored()

    def records(self) -> list[Record]:
        """All that was written, in its order, as records of topics."""
        return [Record(event["topic"], json.dumps(event["key"]).encode(),
                       None if event["value"] is None else
                       json.dumps(event["value"], separators=(",", ":")).encode())
                for event in self.events()]

    def wait_for_snapshot(self, seconds: float = 60) -> None:
        wait_for("a complete snapshot", lambda: self.alive() and self.position is not None,
                 seconds=seconds)

    def wait_until_caught_up(self, seconds: float = 120) -> None:
        """Returns when the stored offset has come to where the oplog ends now."""
        self._offsets.wait_until_caught_up(self._replica_set, self.shardtail, seconds)

    def alive(self) -> bool:
        self.shardtail.check_running()
        return True

    def events(self) -> list[dict]:
        """Topic, key and value of all that was written; the value of a tombstone is None.

        A line that is being written is left out.
        """
        with self.events_path.open() as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]
