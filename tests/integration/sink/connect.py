"""A real Kafka Connect with sink connectors."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from golden.records import Record
from integration.harness import components
from integration.harness.kafka import JAVA, LOGGING, KafkaBroker
from integration.harness.ports import free_port
from integration.harness.processes import Child
from integration.harness.shardtail import CONVERTER, write_properties
from integration.harness.waiting import wait_for


class ConnectWorker:
    """Kafka Connect in its standalone mode, with plugins of tools/test-components.

    The connectors are there from the start: given to it over its REST API, a standalone 3.9 worker
    does not find the transforms of a plugin, and never answers.
    """

    def __init__(self, directory: Path, broker: KafkaBroker, plugins: list[str],
                 connectors: list[dict[str, str]]) -> None:
        self._directory = directory
        self._url = f"http://127.0.0.1:{free_port()}"
        self._process: Child | None = None
        self._admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        self._logging = directory / "log4j.properties"
        self._names = [connector["name"] for connector in connectors]
        directory.mkdir()
        self._logging.write_text(LOGGING)
        worker = write_properties(directory / "worker.properties", {
            "bootstrap.servers": broker.bootstrap,
            "key.converter": CONVERTER,
            "value.converter": CONVERTER,
            "offset.storage.file.filename": str(directory / "offsets"),
            "offset.flush.interval.ms": "200",  # also of the sinks' consumers
            "plugin.path": str(plugin_path(directory, plugins)),
            "plugin.discovery": "only_scan",
            "listeners": self._url,
            "consumer.metadata.max.age.ms": "500",  # new topics are found that often
            "consumer.max.partition.fetch.bytes": "33554432",
        })
        self._configuration = [worker, *(
            write_properties(directory / f"{connector['name']}.properties", connector)
            for connector in connectors)]

    def start(self) -> ConnectWorker:
        """Returns when its connectors run."""
        self._process = Child("connect", [
            *JAVA, f"-Djava.io.tmpdir={self._directory}",
            f"-Dlog4j.configuration=file:{self._logging}", "-cp", components.kafka_classpath(),
            "org.apache.kafka.connect.cli.ConnectStandalone", *map(str, self._configuration)],
            self._directory)
        wait_for(f"Kafka Connect on {self._url}", self._answers, seconds=120)
        return self

    def stop(self) -> None:
        if self._process is not None:
            # What it wrote is in the target already.
            self._process.kill()
            self._process = None

    def wait_until_read(self, name: str, records: list[Record], seconds: float = 120) -> None:
        """Returns when the connector is done with these records and all before them.

        Raises RuntimeError with the connector's own words when it has failed.
        """
        goals: dict[tuple[str, int], int] = {}
        for record in records:
            place = record.topic, record.partition
            goals[place] = max(goals.get(place, 0), record.offset + 1)

        def done() -> bool:
            self._check(name)
            committed = self._committed(name)
            return all(committed.get(place, 0) >= goal for place, goal in goals.items())

        wait_for(f"{len(records)} records read by {name}", done, seconds=seconds)

    def states(self, name: str) -> list[str]:
        """Of the connector's tasks: RUNNING, FAILED, …"""
        return [task["state"] for task in self._get(f"/connectors/{name}/status")["tasks"]]

    def _check(self, name: str) -> None:
        for task in self._get(f"/connectors/{name}/status")["tasks"]:
            if task["state"] == "FAILED":
                raise RuntimeError(f"connector {name} has failed:\n{task['trace']}")

    def _committed(self, name: str) -> dict[tuple[str, int], int]:
        """How far the connector's consumers have come."""
        [group] = self._admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(f"connect-{name}")]).values()
        return {(place.topic, place.partition): place.offset
                for place in group.result().topic_partitions}

    def _answers(self) -> bool:
        assert self._process is not None
        self._process.check_running()
        try:
            # Listed before it has a status.
            return all(self._get(f"/connectors/{name}/status") for name in self._names)
        except OSError:  # URLError is one
            return False

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self._url + path, timeout=30) as answer:
            return json.load(answer)


def plugin_path(directory: Path, plugins: list[str]) -> Path:
    """Where Connect looks: a directory of jars for each, whose classes it keeps apart."""
    path = directory / "plugins"
    for name in plugins:
        jars = path / name
        jars.mkdir(parents=True)
        for jar in components.plugin(name).glob("*.jar"):
            (jars / jar.name).symlink_to(jar)
    return path
