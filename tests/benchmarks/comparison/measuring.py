"""What processes take, and how far a topic has come."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from integration.harness.topics import MADE_JUST_NOW
from integration.harness.waiting import wait_for

TICKS = os.sysconf("SC_CLK_TCK")
Metrics = dict[str, Any]


def cpu_seconds(pid: int) -> float:
    """Of all its threads, in user and system mode, so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine_seconds() -> tuple[float, float]:
    """For how long all cores together were idle since the machine's start, and stolen from it."""
    ticks = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (ticks[3] + ticks[4]) / TICKS, ticks[7] / TICKS


def status_number(pid: int, name: str) -> int:
    """A number of /proc/<pid>/status; memory is in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def peak_mb(pid: int) -> float:
    return status_number(pid, "VmHWM") / 1024


def resident_mb(pid: int) -> float:
    return status_number(pid, "VmRSS") / 1024


def run_program(*command: str | Path) -> dict[str, Any]:
    """Runs a program that prints a line of JSON."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with status {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


class TopicEnd:
    """How many records a topic holds, by the broker's own offsets."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        """Makes the topic when it is not there."""
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        if topic not in admin.list_topics(timeout=10).topics:
            admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result()
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "benchmark",
                                   "log_level": 0})
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]
        self.topic = topic
        wait_for(f"leaders of the partitions of {topic}", self._has_leaders)

    def count(self) -> int:
        marks = [self._consumer.get_watermark_offsets(partition, timeout=10)
                 for partition in self._partitions]
        return sum(high - low for low, high in marks)

    def close(self) -> None:
        self._consumer.close()

    def _has_leaders(self) -> bool:
        try:
            self.count()
            return True
        except KafkaException as error:
            if error.args[0].code() in {*MADE_JUST_NOW, KafkaError._UNKNOWN_PARTITION}:
                return False
            raise


@dataclass
class Run:
    """What was seen of one capture, from its launch on."""

    servers: Mapping[str, int]  # name: pid
    count: Callable[[], int]
    interval: float = 0.02
    samples: list[tuple[float, int, float]] = field(default_factory=list)  # s, records, MB

    def measure(self, launch: Callable[[], int], expected: int, check: Callable[[], None],
                seconds: float = 600) -> Metrics:
        """Launches a process (its pid is returned) and looks until `expected` more records are
        there than at the begin.

        The rate, the CPU and what the machine's cores had left are those between the first record
        seen and the last, so a virtual machine's start does not count; `seconds` are all since the
        launch.
        """
        base = self.count()
        begun = time.monotonic()
        pid = launch()
        pids = {"": pid, **{f"{name}_": server for name, server in self.servers.items()}}
        used: dict[str, float] = {}
        unused: tuple[float, float] = (0.0, 0.0)

        def there() -> bool:
            nonlocal unused
            check()
            records = self.count() - base
            now = time.monotonic() - begun
            self.samples.append((now, records, resident_mb(pid)))
            if records > 0 and not used:
                used.update({name: cpu_seconds(each) for name, each in pids.items()})
                unused = machine_seconds()
            return records >= expected

        wait_for(f"{expected} records", there, seconds=seconds, interval=self.interval)
        first = next(sample for sample in self.samples if sample[1] > 0)
        last = self.samples[-1]
        if last[0] > first[0]:
            rate = (last[1] - first[1]) / (last[0] - first[0])
        else:
            rate = last[1] / last[0]
        idle, stolen = ((now - before) / max(last[0] - first[0], self.interval)
                        for now, before in zip(machine_seconds(), unused, strict=True))
        millions = max(last[1] - first[1], 1) / 1e6
        return {
            "seconds": last[0],
            "first_seconds": first[0],
            "rate": rate,
            "rate_from_launch": expected / last[0],
            "peak_mb": peak_mb(pid),
            "idle_cores": idle,
            "stolen_cores": stolen,
            **{f"{name}cpu_per_million": (cpu_seconds(each) - used[name]) / millions
               for name, each in pids.items()},
        }

    def thinned(self, number: int = 200) -> list[tuple[float, int, float]]:
        """The samples, not more than about that many, for a plot."""
        step = max(1, len(self.samples) // number)
        return [(round(at, 3), records, round(memory, 1))
                for at, records, memory in self.samples[::step]]
