"""More of what is left out, more collections, more replica sets."""

from __future__ import annotations

from bson import Timestamp

from comparison import load
from comparison.bench import PARTITIONS, Bench, alternate, capture
from comparison.measuring import Metrics, TopicEnd
from comparison.parts.common import (DATABASE, STORED_OFTEN, Recorder, check_count, offsets_at,
                                     raw_oplog_read, until_stored, until_warm)
from comparison.systems import Shardtail, Task
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import FEW_FILES, ReplicaSet


def filtered(bench: Bench) -> None:
    """An oplog of which one entry in a hundred is captured, beside reading it alone."""
    recorder = Recorder(bench, "filtered")
    entries = bench.scaled(2_000_000)
    case = "one entry in a hundred captured, MongoDB 6.0"
    with bench.replica_set("6.0") as replica_set, bench.broker() as broker:
        before = {replica_set.name: replica_set.last_optime()}
        captured = load.insert_sparsely(replica_set, DATABASE, "wanted", "unwanted", entries,
                                        load.customer)
        last = replica_set.last_optime()
        task = Task(replica_set, broker, DATABASE, "wanted", properties=STORED_OFTEN)
        primed = offsets_at(bench, task, before)
        end = TopicEnd(broker.bootstrap, task.topic(Shardtail(bench.shardtail)), PARTITIONS)

        def run(_: int) -> None:
            recorder.add(case, "raw read", raw_oplog_read(bench, replica_set))
            base = end.count()
            metrics = until_stored(bench, task, primed, last, entries)
            check_count("shardtail", end.count() - base, captured)
            recorder.add(case, "shardtail", metrics)

        alternate(bench.runs, run)
        end.close()


def collections(bench: Bench) -> None:
    """The same number of inserts into ever more collections, written to a file: the topics of a
    broker would be measured otherwise."""
    recorder = Recorder(bench, "collections")
    events = bench.scaled(600_000)
    for number in (1, 100, 1000, 10_000):
        case = f"{number:,} collection{'s' if number > 1 else ''}"
        with bench.replica_set("6.0", options=FEW_FILES) as replica_set, bench.broker(1) as broker:
            load.insert_round_robin(replica_set, DATABASE, number, number, load.customer)
            before = {replica_set.name: replica_set.last_optime()}
            load.insert_round_robin(replica_set, DATABASE, number, events, load.customer)
            last = replica_set.last_optime()

            def run(_: int) -> None:
                file = bench.scratch("file") / "events.jsonl"
                task = Task(replica_set, broker, DATABASE, properties={
                    **STORED_OFTEN, "sink.type": "file", "sink.file.path": str(file)})
                primed = offsets_at(bench, task, before)
                metrics = until_stored(bench, task, primed, last, events)
                with file.open("rb") as lines:
                    check_count("shardtail", sum(1 for _ in lines), events)
                file.unlink()
                recorder.add(case, "shardtail", metrics)

            alternate(bench.runs, run)


def replica_sets(bench: Bench) -> None:
    """One process and ever more replica sets, of the same oplog each."""
    recorder = Recorder(bench, "replica_sets")
    changes = bench.scaled(250_000)
    with bench.broker() as broker:
        every = [ReplicaSet("6.0", bench.scratch(f"mongod-{number}"), name=f"rs{number}",
                            members=1, oplog_mb=256, cache_gb=0.25) for number in range(8)]
        try:
            for replica_set in every:
                replica_set.launch()
            before = {}
            for replica_set in every:
                replica_set.initiate()
                before[replica_set.name] = replica_set.last_optime()
                load.insert(replica_set, DATABASE, "many", changes, load.customer)

            def run(_: int) -> None:
                for number in (1, 2, 4, 8):
                    recorder.add(f"{number} replica set{'s' if number > 1 else ''}", "shardtail",
                                 _capture_several(bench, broker, every[:number], before, changes))

            until_warm(lambda: _capture_several(bench, broker, every, before, changes))
            alternate(bench.runs, run)
        finally:
            for replica_set in every:
                replica_set.stop()


def _capture_several(bench: Bench, broker: KafkaBroker, some: list[ReplicaSet],
                     before: dict[str, Timestamp], changes: int) -> Metrics:
    task = Task(some[0], broker, DATABASE, "many", properties={
        "mongodb.hosts": ";".join(each.hosts for each in some)})
    primed = offsets_at(bench, task, {each.name: before[each.name] for each in some})
    servers = {"broker": broker.pid, **{f"mongod{number}": each.primary().pid
                                        for number, each in enumerate(some)}}
    metrics = capture(bench, Shardtail(bench.shardtail), task, changes * len(some), primed,
                      servers=servers)
    metrics["mongod_cpu_per_million"] = sum(
        metrics.pop(f"mongod{number}_cpu_per_million") for number in range(len(some)))
    return metrics
