"""From launch to the first event."""

from __future__ import annotations

import time
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from comparison.bench import PARTITIONS, Bench, alternate, prime
from comparison.parts.common import DATABASE, Recorder, Writing
from comparison.systems import Shardtail, System, Task, copy_offsets


def start(bench: Bench) -> None:
    """From launch to the first event, of a stream into which others write all the time."""
    recorder = Recorder(bench, "start")
    for mongod in bench.versions():
        case = f"500 inserts a second, MongoDB {mongod}"
        with bench.replica_set(mongod) as replica_set, bench.broker() as broker:
            systems: list[System] = [Shardtail(bench.shardtail), *bench.peers_for(mongod)]
            task = Task(replica_set, broker, DATABASE, "events")
            primed = prime(bench, systems, task)
            with Writing(replica_set, "events", 500):
                def run(_: int) -> None:
                    for system, offsets in zip(systems, primed, strict=True):
                        for _ in range(5 if system.name == "shardtail" else 1):
                            recorder.add(case, system.name, {
                                "first_seconds": _first_event(bench, system, task, offsets)})

                alternate(bench.runs, run)


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
