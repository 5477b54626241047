"""Asks the program's HTTP server, and reads Prometheus' text as the format defines it."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

SAMPLE = re.compile(r'(?P<name>[A-Za-z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)')
LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, method: str = "GET", seconds: float = 30) -> Answer:
    request = urllib.request.Request(url, method=method)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return Answer(response.status, dict(response.headers), response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read().decode())


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


class Scrape:
    """One answer of `/metrics`."""

    def __init__(self, url: str) -> None:
        answer = ask(f"{url}/metrics")
        assert answer.status == 200, answer
        self.samples: list[Sample] = []
        self.types: dict[str, str] = {}
        for line in answer.body.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.types, f"{name} comes twice"
                self.types[name] = kind
            elif line and not line.startswith("#"):
                self.samples.append(self._sample(line))

    def labels(self, family: str) -> set[str]:
        """The labels of a family, without a histogram's `le`."""
        names = {family}
        if self.types[family] == "histogram":
            names = {family + end for end in ("_bucket", "_sum", "_count")}
        return {label for sample in self.samples if sample.name in names
                for label in sample.labels} - {"le"}

    def value(self, name: str, /, **labels: str) -> float:
        """Of the one sample that has these labels, and perhaps others."""
        found = [sample.value for sample in self.samples
                 if sample.name == name and labels.items() <= sample.labels.items()]
        assert len(found) == 1, f"{len(found)} samples of {name} with {labels}"
        return found[0]

    @staticmethod
    def _sample(line: str) -> Sample:
        matched = SAMPLE.fullmatch(line)
        assert matched is not None, line
        return Sample(matched["name"], dict(LABEL.findall(matched["labels"] or "")),
                      float(matched["value"]))
