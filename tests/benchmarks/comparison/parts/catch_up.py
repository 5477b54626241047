"""Catch-up from a stored offset."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

from comparison import load
from comparison.bench import Bench, alternate, capture, prime
from comparison.measuring import Metrics
from comparison.parts.common import (DATABASE, PEER_EVENTS, Recorder, raw_oplog_read, raw_produce,
                                     warm_up)
from comparison.systems import Shardtail, Task


def streaming(bench: Bench) -> None:
    """Catch-up from a stored offset: 250-byte inserts, with schemas."""
    recorder = Recorder(bench, "streaming")
    for mongod in bench.versions():
        _catch_up(bench, recorder, mongod, f"inserts of 250 bytes, MongoDB {mongod}",
                  load.customer, schemas=True, raw=True)


def conduit(bench: Bench) -> None:
    """The public Conduit benchmark's documents, without schemas: inserts, and all changes mixed."""
    recorder = Recorder(bench, "conduit")
    for mongod in bench.versions():
        for mixed in (False, True):
            what = "inserts, updates, deletes (5 : 3 : 2)" if mixed else "inserts"
            _catch_up(bench, recorder, mongod, f"{what} of 1.1 KB, MongoDB {mongod}", load.user,
                      schemas=False, raw=False, mixed=mixed)


def _catch_up(bench: Bench, recorder: Recorder, mongod: str, case: str,
              make: Callable[[int], load.Document], *, schemas: bool, raw: bool,
              mixed: bool = False) -> None:
    """The peers capture a smaller collection than shardtail does, in the same oplog."""
    with bench.replica_set(mongod) as replica_set, bench.broker() as broker:
        plans = []
        for systems, collection, changes in (
                (bench.peers_for(mongod), "few", bench.scaled(PEER_EVENTS)),
                ([Shardtail(bench.shardtail)], "many", bench.scaled(1_000_000))):
            task = Task(replica_set, broker, DATABASE, collection, schemas)
            if not systems:
                continue
            primed = prime(bench, systems, task)
            deletes = 0
            if mixed:
                deletes = load.mix(replica_set, DATABASE, collection, changes, make)
                changes = changes // 10 * 10
            else:
                load.insert(replica_set, DATABASE, collection, changes, make)
            plans += [(system, task, offsets, changes, deletes if system.tombstone() else 0)
                      for system, offsets in zip(systems, primed, strict=True)]

        def run(number: int) -> None:
            if raw:
                recorder.add(case, "raw read", raw_oplog_read(bench, replica_set))
                recorder.add(case, "raw encode", raw_encode(bench, schemas))
            for system, task, offsets, changes, tombstones in plans:
                metrics = capture(bench, system, task, changes + tombstones, offsets,
                                  with_samples=number == 0)
                # A tombstone belongs to its delete: what counts is changes.
                scale = changes / (changes + tombstones)
                for name in ("rate", "rate_from_launch"):
                    metrics[name] *= scale
                for name in [name for name in metrics if name.endswith("per_million")]:
                    metrics[name] /= scale
                recorder.add(case, system.name, metrics)
                if raw and system.name == "shardtail":
                    recorder.add(case, "raw produce",
                                 raw_produce(bench, broker, task.topic(system), changes))

        warm_up(bench, plans[-1][1], plans[-1][3] + plans[-1][4], plans[-1][2])
        alternate(bench.runs, run)


def raw_encode(bench: Bench, schemas: bool) -> Metrics:
    """The encoder alone, on one core; the document is of the same size."""
    done = subprocess.run(
        [bench.program("encoding_benchmark"), "--benchmark_format=json",
         f"--benchmark_filter=^Encode/document:250/schema:{int(schemas)}$"],
        check=True, capture_output=True, text=True)
    [found] = json.loads(done.stdout)["benchmarks"]
    return {"rate": found["items_per_second"]}
