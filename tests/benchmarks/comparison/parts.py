"""The parts of the benchmark: each starts its servers, measures in alternation, keeps results."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bson import Timestamp
from confluent_kafka import Consumer, TopicPartition

from comparison import load
from comparison.bench import PARTITIONS, Bench, alternate, capture, prime, say, server_pids
from comparison.measuring import (Metrics, TopicEnd, cpu_seconds, peak_mb, resident_mb,
                                  run_program)
from comparison.results import Results
from comparison.systems import Shardtail, System, Task, copy_offsets
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.processes import Child
from integration.harness.waiting import wait_for

DATABASE = "shop"
PEER_EVENTS = 300_000  # of which a peer has enough to do
RESTING = 30  # replica sets
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


def uri(replica_set: ReplicaSet) -> str:
    return f"mongodb://{replica_set.primary().address}/?directConnection=true"


def raw_oplog_read(bench: Bench, replica_set: ReplicaSet) -> Metrics:
    cpu = cpu_seconds(replica_set.primary().pid)
    read = run_program(bench.program("raw_oplog_read"), uri(replica_set))
    cpu = cpu_seconds(replica_set.primary().pid) - cpu
    return {"rate": read["entries"] / read["seconds"],
            "mb_per_second": read["bytes"] / read["seconds"] / 1e6,
            "mongod_cpu_per_million": cpu * 1e6 / read["entries"]}


def raw_encode(bench: Bench, schemas: bool) -> Metrics:
    """The encoder alone, on one core; the document is of the same size."""
    done = subprocess.run(
        [bench.program("encoding_benchmark"), "--benchmark_format=json",
         f"--benchmark_filter=^Encode/document:250/schema:{int(schemas)}$"],
        check=True, capture_output=True, text=True)
    [found] = json.loads(done.stdout)["benchmarks"]
    return {"rate": found["items_per_second"]}


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

        _warm_up(bench, plans[-1][1], plans[-1][3] + plans[-1][4], plans[-1][2])
        alternate(bench.runs, run)


def _warm_up(bench: Bench, task: Task, expected: int, primed: Path | None = None) -> None:
    """A broker that has just started is slow: its virtual machine has compiled nothing yet."""
    capture(bench, Shardtail(bench.shardtail), task, expected, primed)


SNAPSHOTS = {"217 bytes": (1_000_000, load.small), "2 KB": (200_000, load.large)}


def snapshot(bench: Bench) -> None:
    """The first copy of a collection, with one, two and four threads."""
    recorder = Recorder(bench, "snapshot")
    for mongod in bench.versions():
        for what, (documents, make) in SNAPSHOTS.items():
            _copy(bench, recorder, mongod, f"documents of {what}, MongoDB {mongod}",
                  bench.scaled(documents), make)


def _copy(bench: Bench, recorder: Recorder, mongod: str, case: str, documents: int,
          make: Callable[[int], load.Document]) -> None:
    with bench.replica_set(mongod) as replica_set, bench.broker() as broker:
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

        _warm_up(bench, Task(replica_set, broker, DATABASE, "many"), documents)
        alternate(bench.runs, run)


WARM_UPS = 2
# Rate, documents in one insert, connections of the writer, members; whether the peers can follow.
LATENCIES = {
    "1,000 a second, one member": (1000, 1, 8, 1, True),
    "1,000 a second, three members": (1000, 1, 16, 3, False),
    "20,000 a second, one member": (20_000, 20, 16, 1, False),
}


def latency(bench: Bench) -> None:
    """From just before the client's write, with majority write concern, to a consumer's receipt."""
    recorder = Recorder(bench, "latency")
    for mongod in bench.versions():
        for what, (rate, batch, writers, members, peers) in LATENCIES.items():
            systems: list[System] = [Shardtail(bench.shardtail)]
            if peers:
                systems += bench.peers_for(mongod)
            elif mongod != "6.0":
                continue
            case = f"{what}, MongoDB {mongod}"
            with bench.replica_set(mongod, members=members,
                                   cache_gb=0.5) as replica_set, bench.broker() as broker:
                def probe(system: System, number: int) -> Metrics:
                    task = Task(replica_set, broker, f"{system.name}-{number}".replace(".", "_"))
                    return _probe(bench, system, task, rate, batch, writers)

                def run(number: int) -> None:
                    for system in systems:
                        recorder.add(case, system.name, probe(system, number))

                # Servers that have just started are slow: a broker takes ten times as long until its
                # virtual machine has compiled what a request passes through.
                for number in range(WARM_UPS):
                    _probe(bench, systems[0], Task(replica_set, broker, f"warm-up-{number}"),
                           20_000, 20, 16)
                alternate(bench.runs, run)


def _probe(bench: Bench, system: System, task: Task, rate: int, batch: int,
           writers: int) -> Metrics:
    directory = bench.scratch(f"latency-{system.name}")
    process = system.launch(task, directory)
    ready = TopicEnd(task.broker.bootstrap, task.topic(system, "ready"), 1)
    events = TopicEnd(task.broker.bootstrap, task.topic(system, "events"), 1)
    try:
        with task.replica_set.client() as client:
            def streams() -> bool:
                process.check_running()
                client[task.database]["ready"].insert_one({})
                return ready.count() > 10

            wait_for(f"a stream of {system.name}", streams, seconds=120)
        servers = {"": process.pid, **{f"{name}_": pid for name, pid in server_pids(
            task.replica_set, task.broker).items()}}
        before = {name: cpu_seconds(pid) for name, pid in servers.items()}
        seconds = max(2, round(10 * bench.scale))
        metrics = run_program(
            bench.program("latency_probe"), uri(task.replica_set), task.database, "events",
            task.broker.bootstrap, events.topic, str(rate), str(seconds), str(writers), str(batch))
        if (written := events.count()) != metrics["documents"]:
            raise RuntimeError(f"{system.name} wrote {written} records where "
                               f"{metrics['documents']} were due")
        metrics["rate"] = metrics["documents"] / metrics["seconds"]
        metrics["peak_mb"] = peak_mb(process.pid)
        for name, pid in servers.items():
            metrics[f"{name}cpu_share"] = (cpu_seconds(pid) - before[name]) / metrics["seconds"]
        return metrics
    finally:
        process.terminate(60)
        ready.close()
        events.close()


def start(bench: Bench) -> None:
    """From launch to the first event, of a stream into which others write all the time."""
    recorder = Recorder(bench, "start")
    for mongod in bench.versions():
        case = f"500 inserts a second, MongoDB {mongod}"
        with bench.replica_set(mongod) as replica_set, bench.broker() as broker:
            systems: list[System] = [Shardtail(bench.shardtail), *bench.peers_for(mongod)]
            task = Task(replica_set, broker, DATABASE, "events")
            primed = prime(bench, systems, task)
            with _writing(replica_set, 500):
                def run(_: int) -> None:
                    for system, offsets in zip(systems, primed, strict=True):
                        for _ in range(5 if system.name == "shardtail" else 1):
                            recorder.add(case, system.name, {
                                "first_seconds": _first_event(bench, system, task, offsets)})

                alternate(bench.runs, run)


class _writing:
    """Inserts in a thread of its own, for as long as it is entered."""

    def __init__(self, replica_set: ReplicaSet, rate: float) -> None:
        self._replica_set = replica_set
        self._interval = 1 / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        with self._replica_set.client(w=1) as client:
            number = 0
            while not self._stop.wait(self._interval):
                client[DATABASE]["events"].insert_one(load.customer(number))
                number += 1


def _first_event(bench: Bench, system: System, task: Task, primed: Path) -> float:
    """Seconds until a consumer that waits at the topic's end has something.

    Where it stopped is kept, so the next start goes on there.
    """
    directory = bench.scratch(f"start-{system.name}")
    copy_offsets(system, primed, directory)
    consumer = Consumer({"bootstrap.servers": task.broker.bootstrap, "group.id": "start"})
    topic = task.topic(system)
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place, timeout=10)[1]
    consumer.assign(places)
    begun = time.monotonic()
    process = system.launch(task, directory)
    try:
        while consumer.poll(1) is None:
            process.check_running()
        return time.monotonic() - begun
    finally:
        consumer.close()
        process.terminate(60)
        copy_offsets(system, directory, primed)


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


def filtered(bench: Bench) -> None:
    """An oplog of which one entry in a hundred is captured, beside reading it alone."""
    recorder = Recorder(bench, "filtered")
    entries = bench.scaled(1_000_000)
    case = "one entry in a hundred captured, MongoDB 6.0"
    with bench.replica_set("6.0") as replica_set, bench.broker() as broker:
        before = {replica_set.name: replica_set.last_optime()}
        captured = load.insert_sparsely(replica_set, DATABASE, "wanted", "unwanted", entries,
                                        load.customer)
        last = replica_set.last_optime()
        task = Task(replica_set, broker, DATABASE, "wanted", properties=STORED_OFTEN)
        primed = _offsets_at(bench, task, before)
        end = TopicEnd(broker.bootstrap, task.topic(Shardtail(bench.shardtail)), PARTITIONS)

        def run(_: int) -> None:
            recorder.add(case, "raw read", raw_oplog_read(bench, replica_set))
            base = end.count()
            metrics = _until_stored(bench, task, primed, last, entries)
            _check_count("shardtail", end.count() - base, captured)
            recorder.add(case, "shardtail", metrics)

        alternate(bench.runs, run)
        end.close()


def collections(bench: Bench) -> None:
    """The same number of inserts into ever more collections, written to a file: the topics of a
    broker would be measured otherwise."""
    recorder = Recorder(bench, "collections")
    events = bench.scaled(200_000)
    for number in (1, 100, 1000, 10_000):
        case = f"{number:,} collection{'s' if number > 1 else ''}"
        # As many files as that a new server can open.
        with bench.replica_set("6.0") as replica_set, bench.broker(1) as broker:
            load.insert_round_robin(replica_set, DATABASE, number, number, load.customer)
            before = {replica_set.name: replica_set.last_optime()}
            load.insert_round_robin(replica_set, DATABASE, number, events, load.customer)
            last = replica_set.last_optime()

            def run(_: int) -> None:
                file = bench.scratch("file") / "events.jsonl"
                task = Task(replica_set, broker, DATABASE, properties={
                    **STORED_OFTEN, "sink.type": "file", "sink.file.path": str(file)})
                primed = _offsets_at(bench, task, before)
                metrics = _until_stored(bench, task, primed, last, events)
                with file.open("rb") as lines:
                    _check_count("shardtail", sum(1 for _ in lines), events)
                file.unlink()
                recorder.add(case, "shardtail", metrics)

            alternate(bench.runs, run)


def replica_sets(bench: Bench) -> None:
    """One process and ever more replica sets, of the same oplog each."""
    recorder = Recorder(bench, "replica_sets")
    changes = bench.scaled(125_000)
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

            _capture_several(bench, broker, every, before, changes)  # the broker warms up
            alternate(bench.runs, run)
        finally:
            for replica_set in every:
                replica_set.stop()


def _capture_several(bench: Bench, broker: KafkaBroker, some: list[ReplicaSet],
                     before: dict[str, Timestamp], changes: int) -> Metrics:
    task = Task(some[0], broker, DATABASE, "many", properties={
        "mongodb.hosts": ";".join(each.hosts for each in some)})
    primed = _offsets_at(bench, task, {each.name: before[each.name] for each in some})
    servers = {"broker": broker.pid, **{f"mongod{number}": each.primary().pid
                                        for number, each in enumerate(some)}}
    metrics = capture(bench, Shardtail(bench.shardtail), task, changes * len(some), primed,
                      servers=servers)
    metrics["mongod_cpu_per_million"] = sum(
        metrics.pop(f"mongod{number}_cpu_per_million") for number in range(len(some)))
    return metrics


def _check_count(system: str, records: int, expected: int) -> None:
    if records != expected:
        raise RuntimeError(f"{system} wrote {records} records where {expected} were due: "
                           "this measures nothing")


def _offsets_at(bench: Bench, task: Task, places: dict[str, Timestamp]) -> Path:
    """A directory with shardtail's offsets at these places of the replica sets."""
    directory = bench.scratch("offsets")
    system = Shardtail(bench.shardtail)
    configuration = system.configure(task, directory)
    for name, place in places.items():
        subprocess.run([bench.shardtail, "offsets", "set", "--replica-set", name, "--sec",
                        str(place.time), "--ord", str(place.inc), configuration], check=True,
                       capture_output=True)
    return directory


def _until_stored(bench: Bench, task: Task, primed: Path, last: Timestamp,
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


PARTS: dict[str, Callable[[Bench], None]] = {
    "streaming": streaming,
    "snapshot": snapshot,
    "latency": latency,
    "start": start,
    "idle": idle,
    "conduit": conduit,
    "filtered": filtered,
    "collections": collections,
    "replica_sets": replica_sets,
}
