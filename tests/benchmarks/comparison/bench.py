"""What every part of the benchmark has: servers, systems, options, and a place for results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from comparison.measuring import Metrics, Run, TopicEnd
from comparison.results import Results, Stamp
from comparison.systems import System, Task, copy_offsets
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.processes import Child
from integration.harness.waiting import wait_for

# As it is installed, not as the tests start it.
BROKER_JAVA = ["java", "-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
PARTITIONS = 4


@dataclass
class Bench:
    """One call of the benchmark. Sizes are those of `--size full` times `scale`."""

    directory: Path  # of this call alone
    build: Path
    shardtail: Path
    peers: list[System]
    runs: int
    scale: float
    results: Path
    stamp: Stamp
    _made: int = 0

    def scaled(self, number: int) -> int:
        return max(1000, int(number * self.scale))

    def program(self, name: str) -> Path:
        return self.build / "tests" / "benchmarks" / name

    def scratch(self, name: str) -> Path:
        """A new directory."""
        self._made += 1
        directory = self.directory / f"{self._made}-{name}"
        directory.mkdir()
        return directory

    def open_results(self, part: str) -> Results:
        return Results(self.results, part)

    def peers_for(self, mongod: str) -> list[System]:
        return [peer for peer in self.peers if peer.mongod == mongod]

    def versions(self) -> list[str]:
        """The servers of the peers; the newest one where there are none."""
        return sorted({peer.mongod for peer in self.peers} or {"6.0"}, reverse=True)

    @contextmanager
    def replica_set(self, mongod: str, *, members: int = 1, name: str = "rs0",
                    oplog_mb: int = 4096, cache_gb: float = 1.5,
                    options: Sequence[str] = ()) -> Iterator[ReplicaSet]:
        replica_set = ReplicaSet(mongod, self.scratch(f"mongod-{mongod}"), name=name,
                                 members=members, oplog_mb=oplog_mb, cache_gb=cache_gb,
                                 options=options)
        try:
            yield replica_set.start()
        finally:
            replica_set.stop()

    @contextmanager
    def broker(self, partitions: int = PARTITIONS) -> Iterator[KafkaBroker]:
        broker = KafkaBroker(self.scratch("kafka") / "broker", partitions, java=BROKER_JAVA)
        try:
            yield broker.start()
        finally:
            broker.stop()


def server_pids(replica_set: ReplicaSet, broker: KafkaBroker) -> dict[str, int]:
    return {"mongod": replica_set.primary().pid, "broker": broker.pid}


def prime(bench: Bench, systems: list[System], task: Task) -> list[Path]:
    """Lets them come to the end of the oplog, and returns the directories with their offsets.

    From there a run captures what is written to MongoDB afterwards.
    """
    directories = [bench.scratch(f"prime-{system.name}") for system in systems]
    ends = [TopicEnd(task.broker.bootstrap, task.topic(system), PARTITIONS) for system in systems]
    processes: list[Child] = []

    def wait_for_records(records: int) -> None:
        def there() -> bool:
            for process in processes:
                process.check_running()
            return all(end.count() >= records for end in ends)

        wait_for(f"{records} records of each of them", there, seconds=120)

    with task.replica_set.client() as client:
        collection = client[task.database][task.collection]
        collection.insert_one({"_id": "copied"})
        try:
            for system, directory in zip(systems, directories, strict=True):
                processes.append(system.launch(task, directory))
            wait_for_records(1)
            collection.insert_one({"_id": "streamed"})
            wait_for_records(2)
        finally:
            for process in processes:
                process.terminate(60)
            for end in ends:
                end.close()
    return directories


def capture(bench: Bench, system: System, task: Task, expected: int, primed: Path | None = None,
            *, with_samples: bool = False, servers: dict[str, int] | None = None) -> Metrics:
    """One run of a capture until `expected` records are there, and not one more."""
    directory = bench.scratch(system.name)
    if primed:
        copy_offsets(system, primed, directory)
    end = TopicEnd(task.broker.bootstrap, task.topic(system), PARTITIONS)
    base = end.count()
    processes = []

    def launch() -> int:
        processes.append(system.launch(task, directory))
        return processes[0].pid

    run = Run(servers or server_pids(task.replica_set, task.broker), end.count,
              interval=0.02 if system.name == "shardtail" else 0.1)
    try:
        metrics = run.measure(launch, expected, lambda: processes[0].check_running())
    finally:
        if processes:
            processes[0].terminate(60)
    records = end.count() - base
    end.close()
    if records != expected:
        raise RuntimeError(f"{system.name} wrote {records} records where {expected} were due: "
                           "this measures nothing")
    if with_samples:
        metrics["samples"] = run.thinned()
    return metrics


def alternate(runs: int, *each: Callable[[int], None]) -> None:
    """All of them once, then all again: what disturbs the machine disturbs them alike."""
    for number in range(runs):
        for one in each:
            one(number)


def say(case: str, system: str, metrics: Metrics) -> None:
    """A line for whoever watches."""
    shown = ", ".join(
        f"{name} {value:,.0f}" if abs(value) >= 1000 else f"{name} {value:.3g}"
        for name, value in metrics.items() if isinstance(value, (int, float)))
    for name in ("received", "answered"):
        if name in metrics:
            shown += f", {name} p50/p90/p99 " + "/".join(
                f"{metrics[name][p]:.2f}" for p in ("p50", "p90", "p99"))
    print(f"{case}: {system}: {shown}", flush=True)


def cores() -> int:
    return os.cpu_count() or 1
