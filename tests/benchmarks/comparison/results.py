"""Where measurements are kept: a file of JSON for each part, into which each run is merged."""

from __future__ import annotations

import json
import platform
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from comparison.measuring import Metrics


def machine() -> str:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    cores = len(re.findall(r"^processor", Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    release = re.search(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text())
    return (f"{cores} cores of {cpu[1] if cpu else 'an unknown CPU'}, "
            f"{int(memory[1]) / 2**20 if memory else 0:.0f} GiB of memory, "
            f"{release[1] if release else platform.platform()}, Linux {platform.release()}")


@dataclass(frozen=True)
class Stamp:
    """When and with what something was measured."""

    when: str
    commit: str
    machine: str

    @staticmethod
    def now(build: Path) -> Stamp:
        """tests/benchmarks/compare notes the commit in the build that it makes."""
        noted = build / "commit"
        return Stamp(datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
                     noted.read_text().strip() if noted.exists() else "unknown", machine())


class Results:
    """Of one part: for each case (the load) and each system its runs, the newest ones."""

    def __init__(self, directory: Path, part: str) -> None:
        self._path = directory / f"{part}.json"
        self._cases: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            self._cases = json.loads(self._path.read_text())

    def begin(self, case: str, system: str, stamp: Stamp) -> None:
        """What is added from now on replaces the older runs."""
        self._cases.setdefault(case, {})[system] = {**vars(stamp), "runs": []}

    def add(self, case: str, system: str, metrics: Metrics) -> None:
        """Written at once: a measurement that was broken off leaves what it had."""
        self._cases[case][system]["runs"].append(metrics)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._cases, indent=1) + "\n")

    def cases(self) -> list[str]:
        return list(self._cases)

    def systems(self, case: str) -> list[str]:
        """Raw limits first, shardtail, then the peers; of each the order of its first run."""
        found = [name for name, each in self._cases.get(case, {}).items() if each["runs"]]
        return sorted(found, key=lambda name: (not name.startswith("raw"),
                                               not name.startswith("shardtail")))

    def runs(self, case: str, system: str) -> list[Metrics]:
        return self._cases.get(case, {}).get(system, {"runs": []})["runs"]

    def stamp(self, case: str, system: str) -> Stamp:
        found = self._cases[case][system]
        return Stamp(found["when"], found["commit"], found["machine"])

    def values(self, case: str, system: str, metric: str) -> list[float]:
        return [found for run in self.runs(case, system)
                if (found := _pick(run, metric)) is not None]

    def median(self, case: str, system: str, metric: str) -> float | None:
        values = self.values(case, system, metric)
        return statistics.median(values) if values else None

    def stamps(self) -> Iterator[Stamp]:
        for case in self._cases:
            for system in self.systems(case):
                yield self.stamp(case, system)


def _pick(run: Metrics, metric: str) -> float | None:
    """`received.p50` is the number p50 in the map received."""
    found: Any = run
    for name in metric.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
