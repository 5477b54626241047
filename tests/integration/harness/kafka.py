"""A real Kafka broker."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from integration.harness import components
from integration.harness.ports import free_port
from integration.harness.processes import Child, bound
from integration.harness.waiting import wait_for

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions={partitions}
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
message.max.bytes=33554432
replica.fetch.max.bytes=33554432
"""

LOGGING = """
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1}: %m%n
"""

JAVA = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


class KafkaBroker:
    """One broker with its own controller, on free ports, in `directory`.

    A topic that is written to is created with `partitions` partitions. `java` is the command of
    the virtual machine; the tests' own starts fast and is small, and slow under load.
    """

    def __init__(self, directory: Path, partitions: int = 1, *,
                 java: Sequence[str] = JAVA) -> None:
        directory.mkdir(parents=True)
        self.port = free_port()
        self._directory = directory
        self._process: Child | None = None
        self._configuration = directory / "kafka.properties"
        self._configuration.write_text(PROPERTIES.format(
            port=self.port, controller=free_port(), data=directory / "data",
            partitions=partitions))
        logging = directory / "log4j.properties"
        logging.write_text(LOGGING)
        self._java = [*java, f"-Dlog4j.configuration=file:{logging}",
                      "-cp", components.kafka_classpath()]
        # Any 16 bytes in base64 will do as the cluster's id.
        subprocess.run(bound(*self._java, "kafka.tools.StorageTool", "format",
                             "-t", "c2hhcmR0YWlsLXRlc3RzIQ", "-c", str(self._configuration)),
                       check=True, stdout=subprocess.DEVNULL)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> KafkaBroker:
        """Returns when it answers."""
        self._process = Child("kafka", [*self._java, "kafka.Kafka", str(self._configuration)],
                              self._directory)
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        wait_for(f"a broker on {self.bootstrap}", lambda: self._answers(admin))
        return self

    def stop(self) -> None:
        if self._process is not None:
            # Nothing is needed of it any more, and its orderly end takes seconds.
            self._process.kill()
            self._process = None

    def _answers(self, admin: AdminClient) -> bool:
        assert self._process is not None
        self._process.check_running()
        try:
            return bool(admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False
