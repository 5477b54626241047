"""Where tools/test-components has put the servers."""

from __future__ import annotations

import os
from pathlib import Path


def cache() -> Path:
    return Path(os.environ.get("SHARDTAIL_CACHE") or Path.home() / ".cache" / "shardtail")


def mongod(version: str) -> tuple[Path, dict[str, str]]:
    """The server's binary, and the environment that it needs."""
    directory = _component(f"mongod-{version}")
    return directory / "mongod", {"LD_LIBRARY_PATH": str(directory / "lib")}


def kafka_classpath() -> str:
    """Broker, Kafka Connect and their dependencies, for `java -cp`."""
    return f"{_component('kafka')}/*"


def plugin(name: str) -> Path:
    """The jars of one plugin for that Kafka Connect."""
    return _component(name)


def _component(name: str) -> Path:
    directory = cache() / name
    if not (directory / ".complete").exists():
        raise FileNotFoundError(f"{directory} is not there: run tools/test-components {name}")
    return directory
