"""Real mongods, alone and as replica sets."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymongo
from bson import Timestamp
from pymongo.errors import PyMongoError

from integration.harness import components
from integration.harness.ports import free_port
from integration.harness.processes import Child
from integration.harness.proxy import FaultProxy
from integration.harness.waiting import wait_for

HOST = "127.0.0.1"

# For tens of thousands of collections: the server keeps a file open for each, and for each index,
# unless it closes them soon.
FEW_FILES = ("--syncdelay", "2", "--setParameter", "wiredTigerFileHandleCloseIdleTime=1",
             "--setParameter", "wiredTigerFileHandleCloseScanInterval=1")


class MongoNode:
    """One mongod on a free port, with its data in `directory`.

    With `proxied` its address is that of a proxy: all that finds it by that meets the proxy's
    faults. client() and `port` go past it.
    """

    def __init__(self, version: str, directory: Path, options: Sequence[str] = (), *,
                 cache_gb: float = 0.25, client_options: dict[str, Any] | None = None,
                 proxied: bool = False) -> None:
        self.port = free_port()
        self.proxy = FaultProxy(self.port) if proxied else None
        self.address = self.proxy.address if self.proxy else f"{HOST}:{self.port}"
        self._directory = directory
        self._client_options = client_options or {}
        self._process: Child | None = None
        (directory / "data").mkdir(parents=True)
        binary, self._environment = components.mongod(version)
        self._command = [
            str(binary), "--bind_ip", HOST, "--port", str(self.port),
            "--dbpath", str(directory / "data"), "--nounixsocket", "--quiet",
            "--wiredTigerCacheSizeGB", str(cache_gb), *options]

    def start(self) -> MongoNode:
        """Starts it without waiting; see wait_until_up()."""
        self._process = Child(f"mongod-{self.port}", self._command, self._directory,
                              self._environment)
        return self

    def wait_until_up(self) -> None:
        """Returns when it takes connections."""
        wait_for(f"a mongod on port {self.port}", self._listens)

    def client(self, **options: Any) -> pymongo.MongoClient:
        """A client of this member alone."""
        return pymongo.MongoClient(HOST, self.port, directConnection=True,
                                   **{**self._client_options, **options})

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    def stop(self) -> None:
        """An orderly end: a primary steps down first."""
        if self._process is not None:
            self._process.terminate()
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as in a crash."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _listens(self) -> bool:
        assert self._process is not None
        self._process.check_running()
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0


class ReplicaSet:
    """A replica set whose elections take 2 s, with a primary when start() returns.

    A transaction must fit several times into the cache: the server waits for ever in one of 30 MB
    with the default `cache_gb`.

    `client_options` are those of every client (credentials, TLS). With a `key_file` the members
    demand authentication; start() then creates `user`, who may do everything.

    With `proxied` the members know each other, and tell drivers, the addresses of proxies:
    `nodes[n].proxy` cuts off what goes to that member (what it says to others goes to theirs).
    """

    def __init__(self, version: str, directory: Path, *, name: str = "rs0", members: int = 3,
                 options: Sequence[str] = (), cache_gb: float = 0.25, oplog_mb: int = 512,
                 client_options: dict[str, Any] | None = None, key_file: Path | None = None,
                 user: tuple[str, str] | None = None, config_server: bool = False,
                 proxied: bool = False) -> None:
        self.name = name
        self._configuration = {"_id": name, **({"configsvr": True} if config_server else {})}
        self._user = user
        self._tls_options = client_options or {}
        self._client_options = dict(self._tls_options)
        if user:
            self._client_options.update(username=user[0], password=user[1], authSource="admin")
        options = ["--replSet", name, "--oplogSize", str(oplog_mb), *options]
        if key_file:
            options += ["--keyFile", str(key_file)]
        self.nodes = [
            MongoNode(version, directory / f"{name}-{number}", options, cache_gb=cache_gb,
                      client_options=self._client_options, proxied=proxied)
            for number in range(members)]

    @property
    def hosts(self) -> str:
        """As in the property mongodb.hosts."""
        return f"{self.name}/" + ",".join(node.address for node in self.nodes)

    def start(self) -> ReplicaSet:
        self.launch()
        return self.initiate()

    def launch(self) -> None:
        """Starts the members without waiting; initiate() follows. Both are start()."""
        for node in self.nodes:
            node.start()

    def initiate(self) -> ReplicaSet:
        """May be called by another thread than the main one."""
        for node in self.nodes:
            node.wait_until_up()
        self._initiate()
        wait_for(f"a primary and {len(self.nodes) - 1} secondaries of {self.name}",
                 self._is_complete)
        return self

    def stop(self) -> None:
        # The data is thrown away: no need for an orderly end.
        for node in self.nodes:
            node.kill()
            if node.proxy:
                node.proxy.stop()

    def client(self, **options: Any) -> pymongo.MongoClient:
        """A client that follows the primary and writes with majority write concern."""
        return pymongo.MongoClient([node.address for node in self.nodes], replicaSet=self.name,
                                   **{"w": "majority", **self._client_options, **options})

    def primary(self) -> MongoNode:
        return wait_for(f"a primary of {self.name}", self._find_primary)

    def last_optime(self) -> Timestamp:
        """Where the primary's oplog ends, once a majority has all of it."""
        with self.primary().client() as client:
            [last] = client["local"]["oplog.rs"].find().sort("$natural", -1).limit(1)
            wait_for("a majority that has the last entry", lambda: client.admin.command(
                "replSetGetStatus")["optimes"]["lastCommittedOpTime"]["ts"] >= last["ts"])
            return last["ts"]

    def _initiate(self) -> None:
        first = self.nodes[0]
        members = [{"_id": number, "host": node.address, "priority": 2 if number == 0 else 1}
                   for number, node in enumerate(self.nodes)]
        # Without credentials: the first connection from localhost needs none.
        with pymongo.MongoClient(HOST, first.port, directConnection=True,
                                 **self._tls_options) as client:
            client.admin.command("replSetInitiate", {
                **self._configuration, "members": members,
                "settings": {"electionTimeoutMillis": 2000}})
            wait_for(f"{first.address} as primary",
                     lambda: client.admin.command("isMaster")["ismaster"])
            if self._user:
                client.admin.command("createUser", self._user[0], pwd=self._user[1],
                                     roles=["root"])

    def _find_primary(self) -> MongoNode | None:
        for node in self.nodes:
            if node.is_running and self._state(node) == "PRIMARY":
                return node
        return None

    def _is_complete(self) -> bool:
        states = sorted(self._state(node) for node in self.nodes)
        return states == ["PRIMARY"] + ["SECONDARY"] * (len(self.nodes) - 1)

    @staticmethod
    def _state(node: MongoNode) -> str:
        with contextlib.suppress(PyMongoError), node.client(
                serverSelectionTimeoutMS=1000) as client:
            hello = client.admin.command("isMaster")
            return ("PRIMARY" if hello["ismaster"] else
                    "SECONDARY" if hello.get("secondary") else "OTHER")
        return "UNREACHABLE"
