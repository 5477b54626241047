"""What the integration tests have in common."""

from __future__ import annotations

import os
import tempfile
import time
import unittest
from collections.abc import Iterable, Mapping
from pathlib import Path

from integration.harness.cluster import ShardedCluster
from integration.harness.cluster_capture import ClusterCapture
from integration.harness.counting_load import CountingLoad
from integration.harness.kafka import KafkaBroker
from integration.harness.mongo import ReplicaSet
from integration.harness.shardtail import binary

SEED = int(os.environ.get("SHARDTAIL_SEED") or time.time())
LOG_LINES = 30  # shown of each log when a test fails


class IntegrationTest(unittest.TestCase):
    """A test with a directory of its own, and servers that end with it."""

    directory: Path

    @classmethod
    def setUpClass(cls) -> None:
        binary()  # said now if it is missing, and not when the servers run
        scratch = tempfile.TemporaryDirectory(prefix="shardtail-", ignore_cleanup_errors=True)
        cls.addClassCleanup(scratch.cleanup)
        cls.directory = Path(scratch.name)

    @classmethod
    def start_replica_set(cls, version: str = "4.4", **options: object) -> ReplicaSet:
        name = str(options.get("name", "rs0"))
        replica_set = ReplicaSet(version, cls.directory / f"mongo-{name}", **options)
        cls.addClassCleanup(replica_set.stop)
        return replica_set.start()

    @classmethod
    def start_short_oplog(cls, megabytes: int = 1, name: str = "rs0") -> ReplicaSet:
        """One member whose oplog is cut each second.

        The server cuts nothing that is newer than its last checkpoint, and makes one each minute
        unless --syncdelay says otherwise.
        """
        return cls.start_replica_set(name=name, members=1, oplog_mb=megabytes,
                                     options=["--syncdelay", "1"])

    @classmethod
    def start_cluster(cls, version: str = "4.4", **options: object) -> ShardedCluster:
        cluster = ShardedCluster(version, cls.directory / "cluster", **options)
        cls.addClassCleanup(cluster.stop)
        return cluster.start()

    @classmethod
    def start_broker(cls, name: str = "kafka", partitions: int = 1) -> KafkaBroker:
        broker = KafkaBroker(cls.directory / name, partitions)
        cls.addClassCleanup(broker.stop)
        return broker.start()

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        def failed() -> int:
            return len(result.failures) + len(result.errors) if result is not None else 0

        before = failed()
        ran = super().run(result)
        if failed() > before:
            # Here too: who reads only the beginning of a long output must find the reason.
            for failure in (*result.failures, *result.errors):
                if failure[0] is self:
                    print(failure[1], flush=True)
            self._print_logs()
        return ran

    def _print_logs(self) -> None:
        """What the program under test wrote last: the directory will be gone."""
        for log in sorted(self.directory.rglob("shardtail.err")):
            lines = log.read_text(errors="replace").splitlines()
            print(f"--- the end of {log}, {len(lines)} lines", *lines[-LOG_LINES:], sep="\n",
                  flush=True)

    def assert_nothing(self, found: Iterable[object], what: str) -> None:
        """Fails with the first of what was found."""
        found = list(found)
        if found:
            self.fail(f"{len(found)} {what}:\n" + "\n".join(map(str, found[:10])))

    def scratch(self) -> Path:
        """A new directory for this test alone."""
        path = self.directory / self.id().split(".")[-1]
        path.mkdir(exist_ok=True)
        return path

    @property
    def own_database(self) -> str:
        """A name for this test alone, not too long for a database."""
        return self.id().split(".")[-1][:38]


class ClusterTest(IntegrationTest):
    """A test with a sharded cluster that is captured into a broker."""

    version = "4.4"
    cluster_options: Mapping[str, object] = {}
    cluster: ShardedCluster
    broker: KafkaBroker

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cluster = cls.start_cluster(cls.version, **cls.cluster_options)
        cls.broker = cls.start_broker()

    @classmethod
    def filled(cls, namespace: str, documents: int) -> CountingLoad:
        """The load of a sharded collection, which now has so many documents."""
        print(f"SHARDTAIL_SEED={SEED}", flush=True)
        load = CountingLoad(cls.cluster, namespace, documents, SEED)
        load.fill()
        return load

    def new_capture(self, database: str, properties: Mapping[str, str] | None = None, *,
                    name: str | None = None) -> ClusterCapture:
        """Of one database; not started. `name` instead of the database's, as the logical name."""
        name = name or database
        return ClusterCapture(self.scratch() / name, self.cluster, self.broker,
                              {"database.include.list": database, **(properties or {})}, name=name)
