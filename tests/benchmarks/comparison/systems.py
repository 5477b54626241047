"""shardtail and its peers, each run in the way that it is meant to be, on the same servers."""

from __future__ import annotations

import shutil
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from integration.harness import components
from integration.harness.kafka import LOGGING, KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.ports import free_port
from integration.harness.processes import Child
from integration.harness.shardtail import CONVERTER, write_properties
from integration.sink.connect import plugin_path

PREFIX = "bench"  # of every topic


@dataclass(frozen=True)
class Task:
    """What is to be captured, the same for every system."""

    replica_set: ReplicaSet
    broker: KafkaBroker
    database: str
    collection: str = ""  # all of the database where it is empty
    schemas: bool = True
    threads: int = 1  # of the snapshot
    properties: dict[str, str] = field(default_factory=dict)  # more, for shardtail alone

    @property
    def filters(self) -> dict[str, str]:
        """The properties that say so, in Debezium's names."""
        collections = {"collection.include.list":
                       f"{self.database}.{self.collection}"} if self.collection else {}
        return {"database.include.list": self.database, **collections}

    def topic(self, system: System, collection: str = "") -> str:
        return f"{system.prefix}.{self.database}.{collection or self.collection}"


class System(ABC):
    """One program that captures a replica set into Kafka."""

    name: str
    mongod: str  # the version that it is measured with

    @property
    def prefix(self) -> str:
        """Each writes topics of its own."""
        return f"{PREFIX}-{self.name}"

    @abstractmethod
    def launch(self, task: Task, directory: Path) -> Child:
        """Starts it in a directory of its own, and does not wait."""

    def offsets(self, directory: Path) -> Path:
        """The file in which it remembers how far it has come."""
        return directory / "offsets.dat"

    def tombstone(self) -> bool:
        """Whether a delete makes two records."""
        return True


class Shardtail(System):
    name = "shardtail"

    def __init__(self, binary: Path, mongod: str = "6.0") -> None:
        self._binary = binary
        self.mongod = mongod

    def launch(self, task: Task, directory: Path) -> Child:
        configuration = self.configure(task, directory)
        return Child(self.name, [str(self._binary), "run", str(configuration)], directory)

    def configure(self, task: Task, directory: Path) -> Path:
        """Writes its configuration, and returns that file."""
        return write_properties(directory / "shardtail.properties", {
            "name": self.name,
            "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
            "mongodb.hosts": task.replica_set.hosts,
            "mongodb.name": self.prefix,
            "http.port": "0",
            **task.filters,
            "initial.sync.max.threads": str(task.threads),
            **_converters(task.schemas),
            "bootstrap.servers": task.broker.bootstrap,
            "offset.storage.file.filename": str(self.offsets(directory)),
            **task.properties,
        })

    def version(self) -> str:
        said = subprocess.run([self._binary, "--version"], capture_output=True, text=True,
                              check=True)
        return said.stdout.split()[-1]


class RawTail(System):
    """The raw limit of latency: inserts as they are, from the oplog to Kafka."""

    name = "raw tail"

    def __init__(self, program: Path) -> None:
        self._program = program

    @property
    def prefix(self) -> str:
        return f"{PREFIX}-raw-tail"

    def launch(self, task: Task, directory: Path) -> Child:
        return Child(self.name, [
            str(self._program), _connection_string(task.replica_set), task.database,
            task.broker.bootstrap, self.prefix], directory)


class Peer(System):
    """A connector in Kafka Connect's standalone mode, with its own defaults and 2 GB of heap."""

    plugin: str

    def launch(self, task: Task, directory: Path) -> Child:
        logging = directory / "log4j.properties"
        logging.write_text(LOGGING)
        worker = write_properties(directory / "worker.properties", {
            "bootstrap.servers": task.broker.bootstrap,
            **_converters(task.schemas),
            "offset.storage.file.filename": str(self.offsets(directory)),
            "offset.flush.interval.ms": "1000",
            "plugin.path": str(plugin_path(directory, [self.plugin])),
            "plugin.discovery": "hybrid_warn",
            "listeners": f"http://127.0.0.1:{free_port()}",
            "producer.max.request.size": "33554432",
        })
        connector = write_properties(directory / "connector.properties", {
            "name": self.name, "tasks.max": "1", **self.connector(task)})
        return Child(self.name, [
            "java", "-Xmx2g", f"-Djava.io.tmpdir={directory}",
            f"-Dlog4j.configuration=file:{logging}", "-cp", components.kafka_classpath(),
            "org.apache.kafka.connect.cli.ConnectStandalone", str(worker), str(connector)],
            directory)

    @abstractmethod
    def connector(self, task: Task) -> dict[str, str]:
        """The connector's properties."""


class Debezium1(Peer):
    name = "debezium-1.3"
    plugin = "debezium-1.3"
    mongod = "4.4"  # the newest that it reads rightly

    def connector(self, task: Task) -> dict[str, str]:
        return {"connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
                "mongodb.hosts": task.replica_set.hosts, "mongodb.name": self.prefix,
                **task.filters, "initial.sync.max.threads": str(task.threads)}


class Debezium3(Peer):
    name = "debezium-3"
    plugin = "debezium-3"
    mongod = "6.0"

    def connector(self, task: Task) -> dict[str, str]:
        return {"connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
                "mongodb.connection.string": _connection_string(task.replica_set),
                "topic.prefix": self.prefix, **task.filters,
                "snapshot.max.threads": str(task.threads)}


class MongoKafka(Peer):
    name = "mongo-kafka"
    plugin = "mongo-kafka"
    mongod = "6.0"

    def connector(self, task: Task) -> dict[str, str]:
        collections = {"collection": task.collection} if task.collection else {}
        return {"connector.class": "com.mongodb.kafka.connect.MongoSourceConnector",
                "connection.uri": _connection_string(task.replica_set),
                "topic.prefix": self.prefix, "database": task.database, **collections,
                "startup.mode": "copy_existing"}

    def tombstone(self) -> bool:
        return False


PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (Debezium1, Debezium3, MongoKafka)}


def copy_offsets(system: System, source: Path, target: Path) -> None:
    """So that the next run begins where the first one ended."""
    shutil.copyfile(system.offsets(source), system.offsets(target))


def _converters(schemas: bool) -> dict[str, str]:
    enabled = str(schemas).lower()
    return {"key.converter": CONVERTER, "value.converter": CONVERTER,
            "key.converter.schemas.enable": enabled, "value.converter.schemas.enable": enabled}


def _connection_string(replica_set: ReplicaSet) -> str:
    name, members = replica_set.hosts.split("/")
    return f"mongodb://{members}/?replicaSet={name}"
