"""SIGTERM ends each wait: for a dead host, a half-open connection, a primary, Kafka's offsets."""

from __future__ import annotations

import os
import signal
import socket
import unittest

from integration.harness.capture import Capture
from integration.harness.case import IntegrationTest
from integration.harness.file_capture import FileCapture
from integration.harness.mongo import ReplicaSet
from integration.harness.proxy import FaultProxy
from integration.harness.waiting import wait_for

STOP_SECONDS = 5  # far less than any of the timeouts that would end the waits otherwise
AS_IT_IS = {"mongodb.members.auto.discover": "false"}


class DeadHost:
    """An address that answers no connection, as that of a machine without power."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.address = "127.0.0.1:{}".format(self._listener.getsockname()[1])
        # The kernel takes one connection beyond the backlog of none, and drops what follows.
        self._first = socket.create_connection(self._listener.getsockname())

    def is_being_called(self) -> bool:
        """Whether somebody's SYN waits for its answer."""
        host, port = self._listener.getsockname()
        remote = f"{socket.inet_aton(host)[::-1].hex()}:{port:04x}".upper()
        with open("/proc/net/tcp") as connections:
            return any(fields[2] == remote and fields[3] == "02"
                       for fields in (line.split() for line in connections))

    def close(self) -> None:
        self._first.close()
        self._listener.close()


class Stop(IntegrationTest):
    replica_set: ReplicaSet

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.replica_set = cls.start_replica_set("4.4", members=1)

    def proxy(self) -> FaultProxy:
        proxy = FaultProxy(self.replica_set.nodes[0].port)
        self.addCleanup(proxy.stop)
        return proxy

    def test_while_it_connects_to_a_dead_host(self) -> None:
        host = DeadHost()
        self.addCleanup(host.close)
        capture = FileCapture(self.scratch(), self.replica_set,
                              {"mongodb.hosts": host.address, **AS_IT_IS})
        capture.shardtail.start()
        wait_for("a connection that is being made", host.is_being_called)
        capture.shardtail.stop(STOP_SECONDS)

    def test_while_nobody_answers_the_first_question(self) -> None:
        proxy = self.proxy()
        proxy.black_hole()
        capture = FileCapture(self.scratch(), self.replica_set,
                              {"mongodb.hosts": proxy.address, **AS_IT_IS})
        capture.shardtail.start()
        wait_for("a connection", lambda: proxy.open)
        capture.shardtail.stop(STOP_SECONDS)

    def test_while_it_streams_from_a_half_open_connection(self) -> None:
        proxy = self.proxy()
        capture = FileCapture(self.scratch(), self.replica_set,
                              {"mongodb.hosts": proxy.address, **AS_IT_IS})
        capture.shardtail.start()
        capture.wait_for_snapshot()
        proxy.black_hole()
        capture.shardtail.stop(STOP_SECONDS)

    def test_between_two_attempts_and_while_there_is_no_primary(self) -> None:
        replica_set = self.start_replica_set("4.4", members=2, name="rs1", proxied=True)
        capture = FileCapture(self.scratch(), replica_set,
                              {"connect.backoff.initial.delay.ms": "60000"})
        capture.shardtail.start()
        capture.wait_for_snapshot()
        one, other = replica_set.nodes
        one.kill()
        # Alone, the other one becomes no primary; if it was, it steps down.
        wait_for("an interruption", lambda: "capture of rs1 interrupted" in capture.shardtail.log)
        capture.shardtail.stop(STOP_SECONDS)
        asked = other.proxy.accepted
        capture.shardtail.start()
        wait_for("questions to the member that is left", lambda: other.proxy.accepted > asked)
        capture.shardtail.stop(STOP_SECONDS)

    def test_while_kafka_does_not_give_the_offsets(self) -> None:
        proxy = self.proxy()
        broker = self.start_broker()
        capture = Capture(self.scratch(), self.replica_set, broker, schemas=False,
                          hosts=proxy.address, properties=AS_IT_IS)
        proxy.black_hole()
        capture.shardtail.start()
        # Kafka was asked before it, and is silent from now on.
        wait_for("a connection to the member", lambda: proxy.open)
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            proxy.pass_on()
            wait_for("a second connection", lambda: proxy.accepted >= 2)
            capture.shardtail.stop(STOP_SECONDS)
        finally:
            os.kill(broker.pid, signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
