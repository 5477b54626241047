"""A replica set captured into a file: no broker, and each event as it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from golden.records import Record
from integration.harness import java_offsets
from integration.harness.mongo import ReplicaSet
from integration.harness.offsets import Position, is_progress, position_of
from integration.harness.shardtail import Shardtail, connector
from integration.harness.waiting import wait_for


class FileCapture:
    """Knows how far the program has come by what it stored, as Capture does."""

    def __init__(self, directory: Path, replica_set: ReplicaSet,
                 properties: Mapping[str, str] | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._replica_set = replica_set
        self.events_path = directory / "events.jsonl"
        self.offsets_path = directory / "offsets"
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
        offset = self.offset
        return None if offset is None else position_of(offset)

    @property
    def offset(self) -> dict | None:
        """The fields of the stored offset."""
        [value] = [value for key, value in self.stored().items()
                   if not is_progress(key)] or [None]
        return None if value is None else json.loads(value)

    def stored(self) -> java_offsets.Offsets:
        """All that is in the file of offsets."""
        if not self.offsets_path.exists():
            return {}
        return java_offsets.decode(self.offsets_path.read_bytes())

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
        end = self._replica_set.last_optime()
        goal = Position(end.time, end.inc)

        def there() -> bool:
            position = self.position
            return self.alive() and position is not None and position >= goal

        wait_for(f"the stored offset at {goal}", there, seconds=seconds)

    def alive(self) -> bool:
        self.shardtail.check_running()
        return True

    def events(self) -> list[dict]:
        """Topic, key and value of all that was written; the value of a tombstone is None.

        A line that is being written is left out.
        """
        with self.events_path.open() as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]
