"""A real sharded cluster of mongods alone: the package registries have no mongos.

What a mongos would do, ShardedCluster does with its commands to the config server and the shards,
and ShardedCollection with its routed writes.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pymongo
from bson import Binary, Int64, MinKey, Timestamp
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from integration.harness.mongo import HOST, ReplicaSet
from integration.harness.waiting import wait_for
from integration.harness.wire import SYSTEM_USER, ServerConnection, raise_if_failed

MAJORITY = {"writeConcern": {"w": "majority", "wtimeout": 60000}}

# StaleShardVersion, StaleEpoch, StaleConfig: the routing table is an old one; or a shard's own is,
# and it cannot ask for another now (ShardCannotRefreshDueToLocksHeld).
STALE = {63, 150, 343, 13388}

# A range that has moved away is deleted at once: moving it back has to wait for that.
SHARD_OPTIONS = ["--shardsvr", "--setParameter", "orphanCleanupDelaySecs=0"]


class ShardedCluster:
    """A config server replica set and shards shA, shB, …, with the balancer off.

    One-field ranged shard keys only. Processes belong to the thread that starts them (see Child),
    so start() and add_shard() are for the main thread; the rest is for any.
    """

    def __init__(self, version: str, directory: Path, *, shards: int = 2, members: int = 1,
                 cache_gb: float = 0.25, oplog_mb: int = 256,
                 options: Sequence[str] = (), key: str = "") -> None:
        """With a `key` the servers demand authentication, and all that is done here is done as one
        of them; a user has to be made on the config server and on each shard."""
        self.version = version
        self.key = key
        self._numbers = tuple(map(int, version.split(".")))
        self._directory = directory
        self._set_options: dict[str, Any] = {
            "members": members, "cache_gb": cache_gb, "oplog_mb": oplog_mb}
        if key:
            directory.mkdir(parents=True, exist_ok=True)
            key_file = directory / "key"
            key_file.write_text(key)
            key_file.chmod(0o600)
            self._set_options |= {"key_file": key_file, "client_options": {
                "username": SYSTEM_USER, "password": key, "authSource": "local",
                "authMechanism": "SCRAM-SHA-256"}}
        self._options = options
        self.config = ReplicaSet(version, directory, name="cfg", config_server=True,
                                 options=["--configsvr", *options], **self._set_options)
        self.shards: dict[str, ReplicaSet] = {}
        self._started = [self.config]
        for number in range(shards):
            self._new_shard(f"sh{chr(ord('A') + number)}")

    @property
    def hosts(self) -> str:
        """As in the property mongodb.hosts: the config server's."""
        return self.config.hosts

    def start(self) -> ShardedCluster:
        for replica_set in self._started:
            replica_set.launch()
        with ThreadPoolExecutor() as pool:
            list(pool.map(ReplicaSet.initiate, self._started))
        with self.config.client() as client:
            client["config"]["settings"].update_one(
                {"_id": "balancer"}, {"$set": {"stopped": True, "mode": "off"}}, upsert=True)
        for name in self.shards:
            self._add(name)
        return self

    def stop(self) -> None:
        for replica_set in self._started:
            replica_set.stop()

    def add_shard(self, name: str) -> ReplicaSet:
        """Starts another replica set and adds it."""
        shard = self._new_shard(name).start()
        self._add(name)
        return shard

    def remove_shard(self, name: str, to: str | None = None) -> ReplicaSet:
        """Moves all that the shard holds to another one and removes it; its servers run on."""
        rest = to or next(other for other in self.shards if other != name)
        self._configure({"_configsvrRemoveShard": name})
        with self.config.client() as client:
            for database in client["config"]["databases"].find({"primary": name}):
                self.move_primary(database["_id"], rest)
            for collection in client["config"]["collections"].find({"dropped": {"$ne": True}}):
                for chunk in self.chunks(collection["_id"]):
                    if chunk.shard == name:
                        self.move_chunk(chunk.namespace, chunk.min, rest)
        wait_for(f"the end of shard {name}", lambda: self._configure(
            {"_configsvrRemoveShard": name})["state"] == "completed")
        return self.shards.pop(name)

    def create_database(self, name: str, primary: str) -> None:
        if self._numbers >= (5, 0):
            self._configure({"_configsvrCreateDatabase": name, "primaryShardId": primary,
                             "enableSharding": True})
            return
        self._configure({"_configsvrCreateDatabase": name})
        self._configure({"_configsvrEnableSharding": name})
        if self._database(name)["primary"] != primary:
            self.move_primary(name, primary)

    def shard_collection(self, namespace: str, key: str = "k") -> None:
        """Makes it, with one chunk on the primary shard of its database, which must exist."""
        database, collection = namespace.split(".", 1)
        if self._numbers < (5, 0):
            self._configure({"_configsvrShardCollection": namespace, "key": {key: 1},
                             "unique": False, "numInitialChunks": 0,
                             "getUUIDfromPrimaryShard": True})
            return
        entry = self._database(database)
        self._command(self.shards[entry["primary"]], database, {
            "_shardsvrCreateCollection": collection, "shardKey": {key: 1},
            "databaseVersion": entry["version"], **MAJORITY})

    def create_sharded(self, namespace: str, *splits: Any) -> None:
        """A collection in a new database, all on shA, with a chunk from each of `splits` on."""
        self.create_database(namespace.split(".", 1)[0], "shA")
        self.shard_collection(namespace)
        for at in splits:
            self.split(namespace, at)

    def split(self, namespace: str, at: Any) -> None:
        """Splits a chunk in two: the upper one begins with this value of the shard key."""
        table = self.routing(namespace)
        chunk = table.chunk_of(at)
        command = {"splitChunk": namespace, "keyPattern": {table.key: 1},
                   "min": {table.key: chunk.min}, "max": {table.key: chunk.max},
                   "from": chunk.shard, "splitKeys": [{table.key: at}],
                   "epoch": table.entry["lastmodEpoch"]}
        if self._numbers >= (5, 0):
            command["timestamp"] = table.entry["timestamp"]
        self._command(self.shards[chunk.shard], "admin", command)

    def move_chunk(self, namespace: str, value: Any, to: str | None = None) -> None:
        """Moves the chunk that holds this value of the shard key; by default to another shard.

        Returns when the donor has deleted its documents.
        """
        table = self.routing(namespace)
        chunk = table.chunk_of(value)
        to = to or next(other for other in self.shards if other != chunk.shard)
        bounds = {"min": {table.key: chunk.min}, "max": {table.key: chunk.max}}
        if self._numbers >= (6, 0):
            self._configure({"_configsvrMoveRange": namespace, "toShard": to, **bounds,
                             "waitForDelete": True, "forceJumbo": 0})
            return
        command = {"_configsvrMoveChunk": 1, **chunk.document, "ns": namespace, "toShard": to,
                   "lastmodEpoch": table.entry["lastmodEpoch"],
                   "maxChunkSizeBytes": Int64(64 << 20),
                   "secondaryThrottle": {"secondaryThrottle": False,
                                         "_secondaryThrottle": False},
                   "waitForDelete": True, "forceJumbo": False, **MAJORITY}
        if self._numbers >= (5, 0):
            command["lastmodTimestamp"] = table.entry["timestamp"]
        with ServerConnection(HOST, self.config.primary().port, key=self.key) as server:
            server.command("admin", command)

    def move_primary(self, database: str, to: str) -> None:
        """Moves the collections of a database that are not sharded."""
        if self._numbers < (6, 0):
            self._configure({"_configsvrMovePrimary": database, "to": to})
            return
        entry = self._database(database)
        self._command(self.shards[entry["primary"]], "admin", {
            "_shardsvrMovePrimary": database, "to": to, "databaseVersion": entry["version"],
            **MAJORITY})

    def reshard(self, namespace: str, key: str, chunks: int) -> None:
        """Gives a collection another shard key; from 5.0 on."""
        entry = self._database(namespace.split(".", 1)[0])
        self._command(self.shards[entry["primary"]], "admin", {
            "_shardsvrReshardCollection": namespace, "key": {key: 1}, "numInitialChunks": chunks,
            "databaseVersion": entry["version"],
            **MAJORITY})

    def chunks(self, namespace: str) -> list[Chunk]:
        """In the order of the shard key."""
        return self.routing(namespace).chunks

    def routing(self, namespace: str) -> RoutingTable:
        """As the config server has it now."""
        with self.config.client() as client:
            config = client.get_database("config", read_concern=ReadConcern("majority"))
            entry = config["collections"].find_one({"_id": namespace})
            if entry is None:
                raise LookupError(f"{namespace} is not sharded")
            chosen = {"uuid": entry["uuid"]} if self._numbers >= (5, 0) else {"ns": namespace}
            return RoutingTable(namespace, entry, list(config["chunks"].find(chosen)))

    def collection(self, namespace: str) -> ShardedCollection:
        """For one thread at a time; close() it."""
        return ShardedCollection(self, namespace)

    def transaction(self, coordinator: str) -> ShardedTransaction:
        """Of several shards; the coordinator's has the first operation."""
        return ShardedTransaction(self, coordinator)

    def versioned(self, table: RoutingTable, shard: str) -> dict[str, Any]:
        """What a router adds to a command, so that a shard that owns other chunks now refuses."""
        version, epoch = table.versions[shard], table.entry["lastmodEpoch"]
        if self._numbers < (5, 0):
            return {"shardVersion": [version, epoch]}
        timestamp = table.entry["timestamp"]
        if self._numbers < (6, 0):
            return {"shardVersion": [version, epoch, timestamp]}
        return {"shardVersion": {"e": epoch, "t": timestamp, "v": version}}

    def _new_shard(self, name: str) -> ReplicaSet:
        shard = ReplicaSet(self.version, self._directory, name=name,
                           options=[*SHARD_OPTIONS, *self._options], **self._set_options)
        self.shards[name] = shard
        self._started.append(shard)
        return shard

    def _add(self, name: str) -> None:
        self._configure({"_configsvrAddShard": self.shards[name].hosts, "name": name})

    def _database(self, name: str) -> dict[str, Any]:
        with self.config.client() as client:
            entry = client["config"]["databases"].find_one({"_id": name})
        if entry is None:
            raise LookupError(f"there is no database {name}")
        return entry

    def _configure(self, command: dict[str, Any]) -> dict[str, Any]:
        return self._command(self.config, "admin", {**command, **MAJORITY})

    @staticmethod
    def _command(replica_set: ReplicaSet, database: str,
                 command: dict[str, Any]) -> dict[str, Any]:
        with replica_set.client() as client:
            return client[database].command(command)


@dataclass(frozen=True)
class Chunk:
    """From `min` to below `max`, values of the shard key."""

    namespace: str
    shard: str
    min: Any
    max: Any
    document: dict[str, Any]  # of config.chunks


class RoutingTable:
    """Where the documents of a sharded collection are, at one time."""

    def __init__(self, namespace: str, entry: dict[str, Any],
                 documents: Iterable[dict[str, Any]]) -> None:
        self.entry = entry
        [self.key] = entry["key"]
        self.chunks = [Chunk(namespace, document["shard"], document["min"][self.key],
                             document["max"][self.key], document) for document in documents]
        # MinKey is below everything, but not for sort(), which may ask the value first.
        self.chunks.sort(key=lambda chunk: (not isinstance(chunk.min, MinKey), chunk.min))
        # A shard's version is that of its last chunk.
        self.versions: dict[str, Timestamp] = {}
        for chunk in self.chunks:
            version = chunk.document["lastmod"]
            self.versions[chunk.shard] = max(version, self.versions.get(chunk.shard, version))

    def chunk_of(self, value: Any) -> Chunk:
        return self.chunks[bisect.bisect_right(
            self.chunks, value, lo=1, key=lambda chunk: chunk.min) - 1]


class ShardedCollection:
    """Writes to the shard that owns a document, as a mongos routes them.

    Each carries the version of the routing table: a shard whose chunks have moved refuses it, and
    the write goes to the new owner.
    """

    def __init__(self, cluster: ShardedCluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._database, self._name = namespace.split(".", 1)
        self._table = cluster.routing(namespace)
        self._clients: dict[str, pymongo.MongoClient] = {}

    def __enter__(self) -> ShardedCollection:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def insert(self, document: dict[str, Any]) -> None:
        self._write(document[self._table.key], {"insert": self._name, "documents": [document]})

    def update(self, filter: dict[str, Any], update: Any) -> int:
        """Updates the document that the filter, with the shard key, names; how many were there."""
        reply = self._write(filter[self._table.key], {
            "update": self._name, "updates": [{"q": filter, "u": update}]})
        return reply["n"]

    def delete(self, filter: dict[str, Any]) -> int:
        reply = self._write(filter[self._table.key], {
            "delete": self._name, "deletes": [{"q": filter, "limit": 1}]})
        return reply["n"]

    def find(self) -> list[dict[str, Any]]:
        """All documents, without those that a migration has left behind; for quiet times."""
        self._table = self._cluster.routing(self._namespace)
        return [document for shard in self._table.versions
                for document in self._client(shard)[self._database][self._name].find()
                if self._table.chunk_of(document[self._table.key]).shard == shard]

    def _write(self, value: Any, command: dict[str, Any]) -> dict[str, Any]:
        def written() -> dict[str, Any] | None:
            shard = self._table.chunk_of(value).shard
            versioned = {**command, **self._cluster.versioned(self._table, shard), **MAJORITY}
            try:
                reply = self._client(shard)[self._database].command(versioned)
                raise_if_failed(reply, next(iter(command)))
            except OperationFailure as error:
                if error.code not in STALE:
                    raise
                self._table = self._cluster.routing(self._namespace)
                return None
            return reply

        return wait_for(f"an owner of {value!r} in {self._namespace}", written, interval=0.005)

    def _client(self, shard: str) -> pymongo.MongoClient:
        if shard not in self._clients:
            self._clients[shard] = self._cluster.shards[shard].client()
        return self._clients[shard]


class ShardedTransaction:
    """A transaction of several shards, as a mongos makes one.

    Its operations are written to the shards that one names. A context: its connections are closed
    at the end, and what is then neither committed nor aborted the servers abort in time.
    """

    def __init__(self, cluster: ShardedCluster, coordinator: str) -> None:
        self.lsid = {"id": Binary(uuid4().bytes, 4)}
        self._cluster = cluster
        self._coordinator = coordinator
        self._connections: dict[str, ServerConnection] = {}

    def __enter__(self) -> ShardedTransaction:
        return self

    def __exit__(self, *exception: object) -> None:
        for connection in self._connections.values():
            with connection:
                pass

    def insert(self, shard: str, namespace: str, *documents: dict[str, Any]) -> None:
        self._operate(shard, namespace, "insert", {"documents": list(documents)})

    def update(self, shard: str, namespace: str, filter: dict[str, Any], update: Any) -> None:
        self._operate(shard, namespace, "update", {"updates": [{"q": filter, "u": update}]})

    def delete(self, shard: str, namespace: str, filter: dict[str, Any]) -> None:
        self._operate(shard, namespace, "delete", {"deletes": [{"q": filter, "limit": 1}]})

    def commit(self) -> None:
        """By the coordinator, in two phases where two shards have written.

        Raises OperationFailure when a shard has aborted: then all do.
        """
        self._of_transaction(self._coordinator, "admin", {
            "coordinateCommitTransaction": 1,
            "participants": [{"shardId": shard} for shard in self._connections], **MAJORITY})

    def prepare(self) -> None:
        """On all shards, as the coordinator begins its commit; abort() may follow."""
        for shard in self._connections:
            self._of_transaction(shard, "admin", {"prepareTransaction": 1, **MAJORITY})

    def abort(self, *shards: str) -> None:
        """On these alone, as when one of them fails; on all when none is named."""
        for shard in shards or self._connections:
            self._of_transaction(shard, "admin", {"abortTransaction": 1, **MAJORITY})

    def _operate(self, shard: str, namespace: str, name: str, operation: dict[str, Any]) -> None:
        database, collection = namespace.split(".", 1)
        command = {name: collection, **operation}
        if shard not in self._connections:
            if not self._connections and shard != self._coordinator:
                raise ValueError(f"the first operation is for the coordinator, not for {shard}")
            primary = self._cluster.shards[shard].primary()
            self._connections[shard] = ServerConnection(HOST, primary.port,
                                                         key=self._cluster.key)
            command["startTransaction"] = True
            if shard == self._coordinator:
                command["coordinator"] = True
        reply = self._of_transaction(shard, database, command)
        if not reply["n"]:
            raise RuntimeError(f"nothing to {name} on {shard}: {operation}")

    def _of_transaction(self, shard: str, database: str,
                        command: dict[str, Any]) -> dict[str, Any]:
        return self._connections[shard].command(database, {
            **command, "lsid": self.lsid, "txnNumber": Int64(1), "autocommit": False})
