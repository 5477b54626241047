"""What several parts have in common: raw limits, results, where a capture begins and ends."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bson import Timestamp

from comparison import load
from comparison.bench import PARTITIONS, Bench, capture, say
from comparison.measuring import Metrics, TopicEnd, cpu_seconds, peak_mb, run_program
from comparison.results import Results
from comparison.systems import Shardtail, Task, copy_offsets
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.waiting import wait_for

DATABASE = "shop"
PEER_EVENTS = 300_000  # of which a peer has enough to do
MOST_WARM_UPS = 8
STORED_OFTEN = {"offset.flush.interval.ms": "100"}  # where the clock stops at a stored offset


class Recorder:
    """Adds runs to the results and says them."""

    def __init__(self, bench: Bench, part: str) -> None:
        self._bench = bench
        self.results: Results = bench.open_results(part)
        self._begun: set[tuple[str, str]] = set()

    def add(self, case: str, system: str, metrics: Metrics) -> None:
        if (case, system) not in self._begun:
            self._begun.add((case, system))
            self.results.begin(case, system, self._bench.stamp)
        self.results.add(case, system, metrics)
        say(case, system, metrics)


class Writing:
    """Inserts in a thread of its own, for as long as it is entered, and counts what it inserted."""

    def __init__(self, replica_set: ReplicaSet, collection: str, rate: float,
                 batch: int = 1) -> None:
        self.inserted = 0
        self._replica_set = replica_set
        self._collection = collection
        self._batch = batch
        self._interval = batch / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        with self._replica_set.client(w=1) as client:
            collection = client[DATABASE][self._collection]
            due = time.monotonic()
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                collection.insert_many([load.customer(self.inserted + n)
                                        for n in range(self._batch)])
                self.inserted += self._batch
                due += self._interval


def uri(replica_set: ReplicaSet) -> str:
    return f"mongodb://{replica_set.primary().address}/?directConnection=true"


def raw_oplog_read(bench: Bench, replica_set: ReplicaSet) -> Metrics:
    cpu = cpu_seconds(replica_set.primary().pid)
    read = run_program(bench.program("raw_oplog_read"), uri(replica_set))
    cpu = cpu_seconds(replica_set.primary().pid) - cpu
    return {"rate": read["entries"] / read["seconds"],
            "mb_per_second": read["bytes"] / read["seconds"] / 1e6,
            "mongod_cpu_per_million": cpu * 1e6 / read["entries"]}


def raw_produce(bench: Bench, broker: KafkaBroker, source: str, count: int) -> Metrics:
    """Into a topic of its own, with as many partitions."""
    target = TopicEnd(broker.bootstrap, "raw-produce", PARTITIONS)
    cpu = cpu_seconds(broker.pid)
    base = target.count()
    wrote = run_program(bench.program("raw_produce"), broker.bootstrap, source, target.topic,
                        str(count))
    records = target.count() - base
    target.close()
    if records != count:
        raise RuntimeError(f"raw_produce wrote {records} records where {count} were due")
    return {"rate": wrote["records"] / wrote["seconds"],
            "mb_per_second": wrote["bytes"] / wrote["seconds"] / 1e6,
            "broker_cpu_per_million": (cpu_seconds(broker.pid) - cpu) * 1e6 / count}


def warm_up(bench: Bench, task: Task, expected: int, primed: Path | None = None) -> None:
    until_warm(lambda: capture(bench, Shardtail(bench.shardtail), task, expected, primed))


def until_warm(run: Callable[[], Metrics]) -> None:
    """Runs until the broker's records cost it no less from one run to the next.

    One that has just started needs several times the CPU of a warm one: its virtual machine compiles
    for some ten seconds, beside what is measured.
    """
    before = float("inf")
    for _ in range(MOST_WARM_UPS):
        cost = run()["broker_cpu_per_million"]
        if cost > 0.9 * before:
            return
        before = cost


def check_count(system: str, records: int, expected: int) -> None:
    if records != expected:
        raise RuntimeError(f"{system} wrote {records} records where {expected} were due: "
                           "this measures nothing")


def offsets_at(bench: Bench, task: Task, places: dict[str, Timestamp]) -> Path:
    """A directory with shardtail's offsets at these places of the replica sets."""
    directory = bench.scratch("offsets")
    system = Shardtail(bench.shardtail)
    configuration = system.configure(task, directory)
    for name, place in places.items():
        subprocess.run([bench.shardtail, "offsets", "set", "--replica-set", name, "--sec",
                        str(place.time), "--ord", str(place.inc), configuration], check=True,
                       capture_output=True)
    return directory


def until_stored(bench: Bench, task: Task, primed: Path, last: Timestamp,
                 entries: int) -> Metrics:
    """From the launch until the offset of the last entry is stored: all before it is safe."""
    directory = bench.scratch("shardtail")
    system = Shardtail(bench.shardtail)
    copy_offsets(system, primed, directory)
    mongod = task.replica_set.primary().pid
    cpu = cpu_seconds(mongod)
    begun = time.monotonic()
    process = system.launch(task, directory)
    try:
        def stored() -> bool:
            process.check_running()
            # The offset's text stands in Java's file as it is.
            found = re.search(rb'"sec":(\d+),"ord":(\d+)', system.offsets(directory).read_bytes())
            return found is not None and Timestamp(int(found[1]), int(found[2])) >= last

        wait_for("the last offset", stored, seconds=600, interval=0.01)
        took = time.monotonic() - begun
        return {"seconds": took, "rate": entries / took, "peak_mb": peak_mb(process.pid),
                "cpu_per_million": cpu_seconds(process.pid) * 1e6 / entries,
                "mongod_cpu_per_million": (cpu_seconds(mongod) - cpu) * 1e6 / entries}
    finally:
        process.terminate(60)
