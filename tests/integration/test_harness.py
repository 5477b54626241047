"""The judges of the other tests see what they must: they need no servers."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from golden.records import GOLDEN, Record
from integration.harness import java_offsets
from integration.harness.copy_load import next_m
from integration.harness.counting_load import count_breaks
from integration.harness.delivery import lost_documents, out_of_order
from integration.harness.history import history_breaks
from integration.harness.load_threads import LoadThreads
from integration.harness.ports import free_port
from integration.harness.proxy import FaultProxy
from integration.harness.replay import apply_modifiers, replay, strict
from integration.harness.waiting import wait_for

TOPIC = "dbserver1.shop.orders"


def record(op: str | None, position: int = 0, key: str = "1", tord: int | None = None,
           **texts: dict[str, Any]) -> Record:
    """An event at second 1600000000 and this ordinal; a tombstone for None."""
    value = None if op is None else json.dumps({
        "after": json.dumps(texts["after"]) if "after" in texts else None,
        "patch": json.dumps(texts["patch"]) if "patch" in texts else None,
        "filter": json.dumps({"_id": int(key)}),
        "source": {"ts_ms": 1600000000000, "snapshot": "false", "db": "shop",
                   "collection": "orders", "ord": position, "h": None, "tord": tord},
        "op": op, "ts_ms": 1600000000001, "transaction": None,
    }, separators=(",", ":")).encode()
    return Record(TOPIC, f'{{"id":"{key}"}}'.encode(), value)


class Order(unittest.TestCase):
    def test_rising_positions_are_in_order(self) -> None:
        self.assertEqual(out_of_order([
            record("r", after={"_id": 1}), record("c", 1), record("u", 2, tord=1),
            record("u", 2, tord=2), record("d", 3), record(None)]), [])

    def test_a_suffix_delivered_again_is_in_order(self) -> None:
        first, second, third = (record("u", position) for position in (1, 2, 3))
        self.assertEqual(out_of_order(
            [first, second, third, second, third, third, record("u", 4)]), [])

    def test_a_falling_position_is_found(self) -> None:
        self.assertEqual(len(out_of_order([record("u", 2), record("u", 1)])), 1)

    def test_a_falling_number_in_a_transaction_is_found(self) -> None:
        self.assertTrue(out_of_order([record("u", 2, tord=2), record("u", 2, tord=1)]))

    def test_a_suffix_delivered_again_with_a_gap_is_found(self) -> None:
        first, second, third = (record("u", position) for position in (1, 2, 3))
        self.assertTrue(out_of_order([first, second, third, first, third]))
        self.assertTrue(out_of_order([first, second, third, second, record("u", 4)]))

    def test_what_another_copy_contains_need_not_come_again(self) -> None:
        first, second, third = (record("u", position) for position in (1, 2, 3))
        copied = record("r", 2, after={"_id": 1})
        self.assertEqual(out_of_order([first, second, third, first, copied, third]), [])

    def test_of_what_a_copy_no_longer_found_only_the_deletes_come_again(self) -> None:
        sequence = [record("d", 1), record(None), record("c", 2), record("u", 3),
                    record("d", 1), record(None), record("d", 4), record(None)]
        other = record("r", 5, key="2", after={"_id": 2})
        self.assertEqual(out_of_order([*sequence, other, record("c", 6)]), [])
        self.assertTrue(out_of_order(sequence))
        self.assertTrue(out_of_order([*sequence, record("r", 3, key="2", after={"_id": 2})]))
        self.assertTrue(out_of_order([record("d", 1), record(None), record("c", 2), record("u", 3),
                                      record("d", 1), record(None), record("u", 3), other]))

    def test_other_bytes_the_second_time_are_found(self) -> None:
        self.assertTrue(out_of_order([record("u", 1, patch={"$set": {"a": 1}}),
                                      record("u", 1, patch={"$set": {"a": 2}})]))

    def test_another_event_without_repetition_after_an_equal_position_is_found(self) -> None:
        self.assertTrue(out_of_order([record("u", 1), record("d", 1), record(None)]))

    def test_a_delete_without_its_tombstone_is_found(self) -> None:
        self.assertTrue(out_of_order([record("d", 1)]))
        self.assertTrue(out_of_order([record("d", 1), record("c", 2)]))

    def test_a_delete_cut_off_from_its_tombstone_by_a_restart_is_in_order(self) -> None:
        self.assertEqual(out_of_order([record("d", 1), record("d", 1), record(None)]), [])

    def test_a_tombstone_without_its_delete_is_found(self) -> None:
        self.assertTrue(out_of_order([record("c", 1), record(None)]))


class History(unittest.TestCase):
    def test_a_copy_between_a_delete_and_the_changes_after_it(self) -> None:
        self.assertEqual(history_breaks([
            record("d", 1), record(None), self.state("r", 2, 1), self.state("u", 3, 2),
            record("d", 4), record(None), self.state("c", 5, 3)]), [])
        self.assertEqual(history_breaks([self.state("c", 1, 0), self.state("u", 2, 1)]), [])

    def test_a_copy_that_is_ahead_of_the_changes_after_it(self) -> None:
        records = [self.state("r", 1, 2), self.state("u", 2, 1), self.state("u", 3, 2),
                   self.state("u", 4, 3)]
        self.assertEqual(history_breaks(records, ahead={TOPIC}), [])
        self.assertTrue(history_breaks(records))
        self.assertTrue(history_breaks([*records, self.state("u", 5, 3)], ahead={TOPIC}))
        inserted = [records[0], self.state("c", 2, 0), *records[1:]]
        self.assertEqual(history_breaks(inserted, ahead={TOPIC}), [])
        self.assertTrue(history_breaks(inserted))
        self.assertTrue(history_breaks([records[0], self.state("c", 2, 3)], ahead={TOPIC}))

    def test_a_copy_after_the_delete_of_what_is_updated_before_it(self) -> None:
        records = [self.state("u", 1, 1), self.state("u", 2, 2), record("d", 3)]
        self.assertEqual(history_breaks(records, ahead={TOPIC}), [])
        self.assertEqual(len(history_breaks(records)), 2)
        inserted = [*records, self.state("c", 4, 3)]
        self.assertEqual(history_breaks(inserted, ahead={TOPIC}), [])
        for broken in (records[:2], [records[0], self.state("c", 2, 2), record("d", 3)],
                       [*records, self.state("u", 4, 3)][2:], [*inserted, self.state("u", 5, 5)]):
            self.assertEqual(len(history_breaks(broken, ahead={TOPIC})), 1, broken)

    def test_what_breaks_a_history_is_found(self) -> None:
        for broken in (
                [self.state("u", 1, 1)],
                [self.state("r", 1, 1), self.state("u", 2, 3)],
                [self.state("r", 1, 1), self.state("u", 2, 1)],
                [self.state("r", 1, 1), self.state("c", 2, 2)],
                [self.state("c", 1, 1), self.state("r", 2, 1)],
                [self.state("r", 1, 1), record("d", 2), self.state("u", 3, 2)],
                [self.state("r", 1, 1), record("d", 2), record("d", 3)],
                [record("r", 1, after={"_id": 1, "n": 3, "m": 4})]):
            self.assertEqual(len(history_breaks(broken)), 1, broken)

    def test_after_a_restart_a_copy_may_come_again_but_no_earlier_one(self) -> None:
        first, second = self.state("r", 1, 1), self.state("u", 2, 2)
        self.assertEqual(history_breaks(
            [first, second, second, self.state("r", 3, 5), self.state("u", 4, 6)],
            restarted=True), [])
        deleted = [first, second, record("d", 4), self.state("c", 5, 6)]
        self.assertEqual(history_breaks(deleted, restarted=True), [])
        self.assertTrue(history_breaks(deleted))
        self.assertTrue(history_breaks([first, second, first], restarted=True))
        self.assertTrue(history_breaks([first, second, self.state("u", 3, 5)], restarted=True))

    @staticmethod
    def state(op: str, position: int, n: int) -> Record:
        m = 1
        for number in range(1, n + 1):
            m = next_m(m, number)
        document = {"_id": 1, "n": n, "m": m}
        return record(op, position, **({"patch": document} if op == "u" else {"after": document}))


class Replay(unittest.TestCase):
    def test_the_documents_at_the_end_are_those_of_the_source(self) -> None:
        records = [record("r", after={"_id": 1, "a": 1}), record("c", 1, "2", after={"_id": 2}),
                   record("u", 2, patch={"$v": 1, "$set": {"a": 2}}),
                   record("u", 3, "2", patch={"_id": 2, "replaced": True}),
                   record("c", 4, "3", after={"_id": 3}), record("d", 5, "3"),
                   record(None, key="3")]
        source = {TOPIC: [{"_id": 1, "a": 2}, {"_id": 2, "replaced": True}]}
        self.assertEqual(replay(records), source)
        self.assertEqual(lost_documents(source, records), [])

    def test_a_lost_a_stale_and_a_ghost_document_are_found(self) -> None:
        records = [record("r", after={"_id": 1, "a": 1}), record("c", 1, "2", after={"_id": 2})]
        for documents in ([{"_id": 1, "a": 1}], [{"_id": 1, "a": 2}, {"_id": 2}],
                          [{"_id": 1, "a": 1}, {"_id": 2}, {"_id": 3}]):
            self.assertEqual(len(lost_documents({TOPIC: documents}, records)), 1, documents)

    def test_modifiers(self) -> None:
        for before, patch, after in [
            ({"a": 1}, {"$v": 1, "$set": {"b.c": 1}}, {"a": 1, "b": {"c": 1}}),
            ({"a": 1}, {"$set": {"a.b": 1}}, {"a": {"b": 1}}),
            ({"a": [1, 2]}, {"$set": {"a.1": 3, "a.3": 4}}, {"a": [1, 3, None, 4]}),
            ({"a": [{"x": 1}]}, {"$set": {"a.0.x": 2}}, {"a": [{"x": 2}]}),
            ({"a": {"b": 1, "c": 2}}, {"$unset": {"a.b": True, "z": True}}, {"a": {"c": 2}}),
            ({"a": [1, 2]}, {"$unset": {"a.0": True}}, {"a": [None, 2]}),
            ({"a": [1, 2, 3]}, {"$push": {"a": {"$each": [], "$slice": 1}}, "$set": {"a.0": 5}},
             {"a": [5]}),
        ]:
            apply_modifiers(before, patch)
            self.assertEqual(before, after)

    def test_an_unknown_modifier_is_no_silent_pass(self) -> None:
        with self.assertRaises(ValueError):
            apply_modifiers({}, {"$inc": {"a": 1}})
        with self.assertRaises(TypeError):
            strict(object())


class Counting(unittest.TestCase):
    """A document that counts its changes shows what is lost, twice or out of order."""

    @staticmethod
    def event(op: str, n: int, position: int, replica_set: str = "shA") -> Record:
        texts = {"after": {"_id": 0, "n": n}} if op in "rc" else {}
        if op == "u":
            texts = {"patch": {"$v": 1, "$set": {"n": n}}}
        made = record(op, position, "0", **texts)
        return replace(made, value=made.value.replace(
            b'"source":{', b'"source":{"rs":"%s",' % replica_set.encode()))

    def breaks(self, *records: Record) -> list[str]:
        return count_breaks(records, [3])

    def test_one_after_the_other_is_in_order_over_all_shards(self) -> None:
        self.assertEqual(self.breaks(
            self.event("r", 0, 1), self.event("u", 1, 2), self.event("d", 0, 3), record(None),
            self.event("c", 2, 4), self.event("u", 3, 1, "shB")), [])

    def test_what_comes_again_is_passed_over(self) -> None:
        first, second, third = (self.event("u", n, n) for n in (1, 2, 3))
        self.assertEqual(self.breaks(first, second, first, second, third), [])

    def test_an_event_that_overtakes_or_is_lost_or_comes_as_another_is_found(self) -> None:
        first, second, third = (self.event("u", n, n) for n in (1, 2, 3))
        for records in ([first, third, second], [first, third], [first, second], [],
                        [first, second, self.event("c", 2, 9, "shB"), third]):
            self.assertEqual(len(self.breaks(*records)), 1)


class JavaOffsets(unittest.TestCase):
    FILE = (GOLDEN.parent / "connect-standalone-offsets.dat").read_bytes()

    def test_a_file_of_kafka_connect_is_read_and_written_byte_for_byte(self) -> None:
        offsets = java_offsets.decode(self.FILE)
        self.assertEqual(set(offsets), {
            b'["mongo-src",{"rs":"rs0","server_id":"dbserver1"}]',
            b'["mongo-src",{"rs":"rs1","server_id":"dbserver1"}]', b'["other",{"server":"x"}]'})
        self.assertIsNone(offsets[b'["other",{"server":"x"}]'])
        self.assertEqual(java_offsets.encode(offsets), self.FILE)

    def test_a_damaged_file_is_refused(self) -> None:
        for length in range(len(self.FILE)):
            with self.assertRaises(ValueError):
                java_offsets.decode(self.FILE[:length])
        with self.assertRaises(ValueError):
            java_offsets.decode(self.FILE + b"x")


class Echo(socketserver.BaseRequestHandler):
    """Sends everything back; says `end` when the other side has ended."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            while data := self.request.recv(1 << 16):
                self.request.sendall(data)
            self.request.sendall(b"end")


class EchoServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Network(unittest.TestCase):
    def setUp(self) -> None:
        server = EchoServer(("127.0.0.1", free_port()), Echo)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.proxy = FaultProxy(server.server_address[1])
        self.addCleanup(self.proxy.stop)

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.proxy.port), 20)
        self.addCleanup(client.close)
        return client

    def assert_echoes(self, client: socket.socket, data: bytes = b"hello") -> None:
        client.sendall(data)
        self.assertEqual(self.read(client, len(data)), data)

    def assert_is_reset(self, client: socket.socket) -> None:
        with self.assertRaises(ConnectionError):
            self.ask(client)

    def assert_next_is_reset(self) -> None:
        """The reset may come while the connection is being made, or after it."""
        with self.assertRaises(ConnectionError):
            self.ask(self.connect())

    def ask(self, client: socket.socket) -> None:
        client.sendall(b"anyone?")
        self.read(client, 1)

    @staticmethod
    def read(client: socket.socket, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = client.recv(length - len(data))
            if not more:
                raise EOFError(data)
            data += more
        return data

    def assert_is_silent(self, client: socket.socket) -> None:
        client.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.recv(1)
        client.settimeout(20)

    def test_everything_passes_as_it_is(self) -> None:
        client = self.connect()
        self.assert_echoes(client)
        sent = random.Random(1).randbytes(1 << 20)
        with ThreadPoolExecutor(1) as sender:
            sending = sender.submit(client.sendall, sent)
            self.assertEqual(self.read(client, len(sent)), sent)
            sending.result()
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read(client, 3), b"end")
        wait_for("the end of the connection", lambda: self.proxy.open == 0)
        self.assertEqual(self.proxy.accepted, 1)

    def test_cut_it_resets_what_is_open_and_what_comes(self) -> None:
        client = self.connect()
        self.assert_echoes(client)
        self.proxy.cut()
        self.assert_is_reset(client)
        self.assert_next_is_reset()
        self.proxy.pass_on()
        self.assert_echoes(self.connect())

    def test_a_connection_that_nobody_reads_from_is_cut_too(self) -> None:
        client = self.connect()
        client.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:
                client.send(b"x" * (1 << 20))
        client.settimeout(20)
        self.proxy.cut()
        with self.assertRaises(ConnectionError):
            while True:
                client.recv(1 << 20)
                client.send(b"x")

    def test_a_black_hole_takes_everything_and_answers_nothing(self) -> None:
        client = self.connect()
        self.assert_echoes(client)
        self.proxy.black_hole()
        client.sendall(b"hello")
        new = self.connect()
        new.sendall(b"hello")
        wait_for("both connections", lambda: self.proxy.open == 2)
        self.assert_is_silent(client)
        self.assert_is_silent(new)
        self.proxy.pass_on()
        for either in (client, new):
            self.assertEqual(self.read(either, 5), b"hello")

    def test_from_a_black_hole_a_connection_can_be_reset(self) -> None:
        client = self.connect()
        self.assert_echoes(client)
        self.proxy.black_hole()
        client.sendall(b"hello")
        self.proxy.reset()
        self.assert_is_reset(client)
        self.proxy.pass_on()
        self.assert_echoes(self.connect())

    def test_one_reset_leaves_the_next_connection_alone(self) -> None:
        client = self.connect()
        self.assert_echoes(client)
        self.proxy.reset()
        self.assert_is_reset(client)
        self.assert_echoes(self.connect())

    def test_random_resets_hit_some(self) -> None:
        self.proxy.reset_randomly(0.05)
        client = self.connect()
        echoed = 0
        with self.assertRaises(ConnectionError):
            while True:
                client.sendall(b"x")
                self.read(client, 1)
                echoed += 1
        self.assertGreater(echoed, 0)

    def test_late_and_slow_is_still_the_same(self) -> None:
        client = self.connect()
        self.proxy.delay(0.01)
        begin = time.monotonic()
        self.assert_echoes(client)
        self.assertGreaterEqual(time.monotonic() - begin, 0.02)
        self.proxy.pass_on()
        self.proxy.limit(1 << 20)
        begin = time.monotonic()
        self.assert_echoes(client, b"x" * (1 << 16))
        self.assertGreaterEqual(time.monotonic() - begin, 1 / 16)

    def test_without_a_server_the_connection_is_reset(self) -> None:
        proxy = FaultProxy(free_port())
        self.addCleanup(proxy.stop)
        client = socket.create_connection(("127.0.0.1", proxy.port), 20)
        self.addCleanup(client.close)
        self.assert_is_reset(client)


class Counter(LoadThreads):
    """Counts until its thread's `limits` say that it fails."""

    def __init__(self, *limits: int) -> None:
        super().__init__(len(limits))
        self._limits = limits

    def _write(self, number: int) -> None:
        for _ in range(self._limits[number]):
            if self._stop.is_set():
                return
            self.operations += 1
        raise ValueError(f"{number} has failed")


class Loads(unittest.TestCase):
    def test_a_load_writes_from_its_begin_to_its_end_and_again(self) -> None:
        load = Counter(sys.maxsize)
        for _ in range(2):
            before = load.operations
            with load:
                load.wait(1000)
            self.assertGreaterEqual(load.operations, before + 1000)

    def test_what_a_thread_could_not_do_ends_the_wait_and_is_raised(self) -> None:
        with self.assertRaisesRegex(ValueError, "1 has failed"), Counter(sys.maxsize, 10) as load:
            load.wait(sys.maxsize)

    def test_a_wait_for_a_reader_that_has_ended_is_none(self) -> None:
        def alive() -> bool:
            raise RuntimeError("it has ended")

        with self.assertRaisesRegex(RuntimeError, "it has ended"), Counter(sys.maxsize) as load:
            load.wait(sys.maxsize, alive)


class Processes(unittest.TestCase):
    def test_two_ports_are_never_the_same(self) -> None:
        ports = [free_port() for _ in range(50)]
        self.assertEqual(len(set(ports)), 50)
        with tempfile.TemporaryDirectory() as elsewhere:
            other = subprocess.run(
                [sys.executable, "-c", "from integration.harness.ports import free_port\n"
                 "print(*(free_port() for _ in range(1000)))"],
                check=True, capture_output=True, text=True,
                env={**os.environ, "TMPDIR": elsewhere}).stdout.split()
        self.assertFalse({str(port) for port in ports} & set(other))

    def test_a_wait_ends_at_its_deadline_and_says_for_what(self) -> None:
        with self.assertRaisesRegex(TimeoutError, "a thing that never comes"):
            wait_for("a thing that never comes", lambda: False, seconds=0)

    def test_a_killed_test_leaves_no_process(self) -> None:
        test = subprocess.Popen(
            [sys.executable, "-c",
             "import pathlib, time, tempfile\n"
             "from integration.harness.processes import Child\n"
             "with tempfile.TemporaryDirectory() as directory:\n"
             "    child = Child('child', ['sleep', '1000'], pathlib.Path(directory))\n"
             "    print(child.pid, flush=True)\n"
             "    input()\n"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        child = int(test.stdout.readline())
        test.kill()
        test.communicate()
        wait_for(f"the end of process {child}", lambda: not is_running(child), seconds=10)


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    unittest.main()
