"""A stream that goes on and on."""

from __future__ import annotations

import threading
import time

from comparison.bench import PARTITIONS, Bench, alternate
from comparison.measuring import Metrics, TopicEnd, cpu_seconds, peak_mb, resident_mb
from comparison.parts.common import DATABASE, Recorder, Writing
from comparison.systems import Shardtail, Task
from integration.harness.waiting import wait_for

SECONDS = 3600
RATE = 5000
SAMPLES = (1 / 60, *(sixth / 6 for sixth in range(1, 7)))  # of that time


def steady(bench: Bench) -> None:
    """Whether memory stays as it is while nothing else changes."""
    recorder = Recorder(bench, "steady")
    with bench.replica_set("6.0", oplog_mb=512) as replica_set, bench.broker() as broker:
        def run(number: int) -> None:
            task = Task(replica_set, broker, DATABASE, f"steady-{number}")
            recorder.add(f"{RATE:,} inserts a second, MongoDB 6.0", "shardtail",
                         _stream(bench, task, SECONDS * bench.scale))

        alternate(bench.runs, run)


def _stream(bench: Bench, task: Task, seconds: float) -> Metrics:
    """The time is what is measured here, so it passes."""
    system = Shardtail(bench.shardtail)
    end = TopicEnd(task.broker.bootstrap, task.topic(system), PARTITIONS)
    process = system.launch(task, bench.scratch("steady"))
    resident = {}
    try:
        with Writing(task.replica_set, task.collection, RATE, batch=50) as writing:
            begun = time.monotonic()
            for part in SAMPLES:
                threading.Event().wait(begun + part * seconds - time.monotonic())
                process.check_running()
                resident[f"{part * seconds / 60:.0f}"] = resident_mb(process.pid)
            took = time.monotonic() - begun
        wait_for("all that was inserted", lambda: end.count() >= writing.inserted)
        if end.count() != writing.inserted:
            raise RuntimeError(f"{end.count()} records of {writing.inserted} inserts")
        return {"resident_mb": resident, "peak_mb": peak_mb(process.pid),
                "rate": writing.inserted / took,
                "cpu_share": cpu_seconds(process.pid) / took}
    finally:
        process.terminate(60)
        end.close()
