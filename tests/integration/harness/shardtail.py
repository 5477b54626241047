"""Runs the program under test."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from integration.harness.processes import Child, bound
from integration.harness.waiting import wait_for

CONVERTER = "org.apache.kafka.connect.json.JsonConverter"


def binary() -> str:
    """Of the environment: ctest sets it."""
    path = os.environ.get("SHARDTAIL_BINARY", "")
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"SHARDTAIL_BINARY={path!r} is not a program: set it to the built "
                                "one, such as build/dev/app/shardtail")
    return path


def connector(hosts: str, **more: str) -> dict[str, str]:
    """A connector's properties; `more` with _ for the dots of the names."""
    return {
        "name": "mongo-src",
        "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
        "tasks.max": "1",
        "mongodb.hosts": hosts,
        "mongodb.name": "dbserver1",
        "http.port": "0",
        **dotted(more),
    }


def worker(bootstrap: str, *, schemas: bool = True, **more: str) -> dict[str, str]:
    """A Kafka Connect worker's properties."""
    enabled = "true" if schemas else "false"
    return {
        "bootstrap.servers": bootstrap,
        "key.converter": CONVERTER,
        "value.converter": CONVERTER,
        "key.converter.schemas.enable": enabled,
        "value.converter.schemas.enable": enabled,
        "offset.storage.topic": "offsets",
        "offset.storage.replication.factor": "1",
        "offset.flush.interval.ms": "200",
        **dotted(more),
    }


def dotted(properties: Mapping[str, str]) -> dict[str, str]:
    """Of keyword arguments, whose names have _ for each dot."""
    return {name.replace("_", "."): value for name, value in properties.items()}


def write_properties(path: Path, properties: Mapping[str, str]) -> Path:
    """Values as they are meant: a backslash is doubled, as a .properties file wants it."""
    path.write_text("".join(f"{name}={value}\n".replace("\\", "\\\\")
                            for name, value in properties.items()))
    return path


@dataclass(frozen=True)
class Result:
    """What a finished program left."""

    status: int
    stdout: str
    stderr: str


def run(*arguments: str | Path, directory: Path | None = None, seconds: float = 60) -> Result:
    """Runs the program to its end, in `directory`; raises AssertionError when that takes longer."""
    try:
        done = subprocess.run(
            bound(binary(), *map(str, arguments)), cwd=directory, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as expired:
        raise AssertionError(f"{arguments} still runs after {seconds} s; standard error:\n"
                             f"{(expired.stderr or b'').decode(errors='replace')}") from None
    return Result(done.returncode, done.stdout, done.stderr)


class Shardtail:
    """`shardtail run` with one configuration, to be started as often as one likes.

    Its log and its standard output are in `directory`, run after run in the same files.
    """

    def __init__(self, directory: Path, properties: Mapping[str, str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._process: Child | None = None
        self._starts = 0
        self.properties_path = write_properties(directory / "shardtail.properties", properties)

    def start(self, *arguments: str | Path) -> None:
        """With `arguments`: these after `run`, instead of the properties."""
        assert self._process is None, "it runs already"
        command = [binary(), "run", *map(str, arguments or [self.properties_path])]
        self._process = Child("shardtail", command, self._directory)
        self._starts += 1

    def check_running(self) -> None:
        """Raises RuntimeError with the end of its log when it is gone."""
        assert self._process is not None
        self._process.check_running()

    def stop(self, seconds: float = 10) -> None:
        """SIGTERM: it must have ended, with status 0, within that time."""
        process = self._taken()
        try:
            status = process.terminate(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"runs on {seconds} s after SIGTERM:\n{process.tail()}") from None
        if status != 0:
            raise AssertionError(f"ended with status {status} after SIGTERM:\n{process.tail()}")

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does; it must have been alive."""
        self.check_running()
        self._taken().kill()

    def wait(self, seconds: float = 60) -> int:
        """Waits for it to end by itself, and returns its exit status."""
        process = self._taken()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"still runs after {seconds} s:\n{process.tail()}") from None

    @property
    def url(self) -> str:
        """Where its HTTP server listens, once it does."""
        def urls() -> list[str]:
            self.check_running()
            found = re.findall(r"health and status on (http://\S+)", self.log)
            return found if len(found) == self._starts else []

        return wait_for("the HTTP server", urls)[-1]

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def connections_to(self, port: int) -> int:
        """How many it has to a port of this machine, by the system's own account.

        A mongod's account names the program also for connections that another mongod makes on its
        behalf.
        """
        self.check_running()
        process = Path(f"/proc/{self.pid}")
        inodes = set()
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                inodes.add(os.readlink(descriptor))
        lines = (process / "net" / "tcp").read_text().splitlines()[1:]
        return sum(f"socket:[{fields[9]}]" in inodes and int(fields[2].split(":")[1], 16) == port
                   for fields in map(str.split, lines))

    @property
    def log(self) -> str:
        return (self._directory / "shardtail.err").read_text(errors="replace")

    @property
    def stdout(self) -> str:
        return (self._directory / "shardtail.out").read_text()

    def _taken(self) -> Child:
        assert self._process is not None, "it does not run"
        process, self._process = self._process, None
        return process
