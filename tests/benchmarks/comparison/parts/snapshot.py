"""The first copy of a collection."""

from __future__ import annotations

from collections.abc import Callable

from comparison import load
from comparison.bench import Bench, alternate, capture
from comparison.measuring import cpu_seconds, run_program
from comparison.parts.common import DATABASE, PEER_EVENTS, Recorder, raw_produce, uri, warm_up
from comparison.systems import Shardtail, Task

SNAPSHOTS = {"217 bytes": (1_000_000, load.small), "2 KB": (400_000, load.large)}


def snapshot(bench: Bench) -> None:
    """The first copy of a collection, with one, two and four threads."""
    recorder = Recorder(bench, "snapshot")
    for mongod in bench.versions():
        for what, (documents, make) in SNAPSHOTS.items():
            _copy(bench, recorder, mongod, f"documents of {what}, MongoDB {mongod}",
                  bench.scaled(documents), make)


def _copy(bench: Bench, recorder: Recorder, mongod: str, case: str, documents: int,
          make: Callable[[int], load.Document]) -> None:
    with bench.replica_set(mongod, cache_gb=3) as replica_set, bench.broker() as broker:
        few = min(documents, bench.scaled(PEER_EVENTS))
        load.insert(replica_set, DATABASE, "many", documents, make)
        if bench.peers_for(mongod):
            load.insert(replica_set, DATABASE, "few", few, make)

        def run(number: int) -> None:
            for threads in (1, 2, 4):
                with_threads = f"{threads} thread{'s' if threads > 1 else ''}"
                cpu = cpu_seconds(replica_set.primary().pid)
                read = run_program(bench.program("raw_collection_read"), uri(replica_set), DATABASE,
                                   "many", str(threads))
                if read["documents"] != documents:
                    raise RuntimeError(f"raw_collection_read saw {read['documents']} documents")
                recorder.add(case, f"raw read, {with_threads}", {
                    "rate": documents / read["seconds"],
                    "mb_per_second": read["bytes"] / read["seconds"] / 1e6,
                    "mongod_cpu_per_million":
                        (cpu_seconds(replica_set.primary().pid) - cpu) * 1e6 / documents})
                system = Shardtail(bench.shardtail)
                task = Task(replica_set, broker, DATABASE, "many", threads=threads)
                metrics = capture(bench, system, task, documents,
                                  with_samples=number == 0)
                metrics["mb_per_second"] = (read["bytes"] / documents) * metrics["rate"] / 1e6
                recorder.add(case, f"shardtail, {with_threads}", metrics)
            recorder.add(case, "raw produce", raw_produce(
                bench, broker, task.topic(system), documents))
            for peer in bench.peers_for(mongod):
                task = Task(replica_set, broker, DATABASE, "few")
                metrics = capture(bench, peer, task, few, with_samples=number == 0)
                metrics["mb_per_second"] = (read["bytes"] / documents) * metrics["rate"] / 1e6
                recorder.add(case, f"{peer.name}, 1 thread", metrics)

        warm_up(bench, Task(replica_set, broker, DATABASE, "many"), documents)
        alternate(bench.runs, run)
