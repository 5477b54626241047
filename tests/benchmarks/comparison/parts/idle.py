"""Replica sets at rest."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from comparison.bench import Bench, alternate
from comparison.measuring import Metrics, cpu_seconds, peak_mb, resident_mb
from comparison.parts.common import DATABASE, Recorder
from comparison.systems import Shardtail, Task
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.processes import Child
from integration.harness.waiting import wait_for

RESTING = 30  # replica sets


def idle(bench: Bench) -> None:
    """What replica sets at rest cost in one process, after all have come to their oplog's end."""
    recorder = Recorder(bench, "idle")
    with bench.broker() as broker:
        every = [ReplicaSet("6.0", bench.scratch(f"idle-{number}"), name=f"rs{number}",
                            members=1, oplog_mb=16) for number in range(RESTING)]
        try:
            for replica_set in every:
                replica_set.launch()
            with ThreadPoolExecutor(4) as several:
                list(several.map(ReplicaSet.initiate, every))

            def run(_: int) -> None:
                for some in (every[:1], every):
                    recorder.add(f"{len(some)} replica set{'s' if len(some) > 1 else ''}",
                                 "shardtail", _rest(bench, broker, some))

            alternate(bench.runs, run)
        finally:
            for replica_set in every:
                replica_set.stop()


def _rest(bench: Bench, broker: KafkaBroker, some: list[ReplicaSet]) -> Metrics:
    directory = bench.scratch("idle")
    system = Shardtail(bench.shardtail)
    task = Task(some[0], broker, DATABASE, properties={
        "mongodb.hosts": ";".join(each.hosts for each in some)})
    process = system.launch(task, directory)
    try:
        stored = system.offsets(directory)

        def all_stored() -> bool:
            process.check_running()
            return stored.exists() and all(
                f'"rs":"{each.name}"'.encode() in stored.read_bytes() for each in some)

        wait_for("an offset of every replica set", all_stored)
        return _at_rest(process, some, max(5, 30 * bench.scale))
    finally:
        process.terminate(60)


def _at_rest(process: Child, some: list[ReplicaSet], seconds: float) -> Metrics:
    """The time is what is measured here, so it passes."""
    status = Path(f"/proc/{process.pid}")
    cpu, asked, begun = cpu_seconds(process.pid), _get_mores(some), time.monotonic()
    threading.Event().wait(seconds)
    took = time.monotonic() - begun
    return {"resident_mb": resident_mb(process.pid), "peak_mb": peak_mb(process.pid),
            "cpu_ms_per_second": (cpu_seconds(process.pid) - cpu) * 1000 / took,
            "get_mores_per_second": (_get_mores(some) - asked) / took,
            "threads": len(list((status / "task").iterdir())),
            "files": len(list((status / "fd").iterdir()))}


def _get_mores(some: list[ReplicaSet]) -> int:
    """By the servers' own account."""
    asked = 0
    for replica_set in some:
        with replica_set.nodes[0].client() as client:
            asked += client["admin"].command("serverStatus")["opcounters"]["getmore"]
    return asked
