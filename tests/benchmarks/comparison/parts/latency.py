"""From a client's write to a consumer's receipt."""

from __future__ import annotations

from comparison.bench import Bench, alternate, server_pids
from comparison.measuring import Metrics, TopicEnd, cpu_seconds, peak_mb, run_program
from comparison.parts.common import Recorder, uri
from comparison.systems import RawTail, Shardtail, System, Task
from integration.harness.waiting import wait_for

WARM_UPS = 2
# Rate, documents in one insert, connections of the writer, members; whether the peers can follow.
LATENCIES = {
    "1,000 a second, one member": (1000, 1, 8, 1, True),
    "1,000 a second, three members": (1000, 1, 16, 3, False),
    "20,000 a second, one member": (20_000, 20, 16, 1, False),
}

NO_NAME = str.maketrans(". ", "__")  # what no database may have in its name


def latency(bench: Bench) -> None:
    """From just before the client's write, with majority write concern, to a consumer's receipt."""
    recorder = Recorder(bench, "latency")
    for mongod in bench.versions():
        for what, (rate, batch, writers, members, peers) in LATENCIES.items():
            ours = Shardtail(bench.shardtail)
            systems: list[System] = [RawTail(bench.program("raw_tail")), ours]
            if peers:
                systems += bench.peers_for(mongod)
            elif mongod != "6.0":
                continue
            case = f"{what}, MongoDB {mongod}"
            with bench.replica_set(mongod, members=members,
                                   cache_gb=0.5) as replica_set, bench.broker() as broker:
                def probe(system: System, number: int) -> Metrics:
                    task = Task(replica_set, broker, f"{system.name}-{number}".translate(NO_NAME))
                    return _probe(bench, system, task, rate, batch, writers)

                def run(number: int) -> None:
                    for system in systems:
                        recorder.add(case, system.name, probe(system, number))

                # Servers that have just started are slow: a broker takes ten times as long until
                # its virtual machine has compiled what a request passes through.
                for number in range(WARM_UPS):
                    _probe(bench, ours, Task(replica_set, broker, f"warm-up-{number}"),
                           20_000, 20, 16)
                alternate(bench.runs, run)


def _probe(bench: Bench, system: System, task: Task, rate: int, batch: int,
           writers: int) -> Metrics:
    directory = bench.scratch("latency")
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
