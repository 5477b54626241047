"""A network that fails on demand, in front of a server."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable
from typing import TypeVar

from integration.harness.ports import free_port

HOST = "127.0.0.1"
PIECE = 1 << 16
# Closing a socket with this resets the connection; without, what was sent arrives before the end.
LINGER_FOR_NO_TIME = struct.pack("ii", 1, 0)
NO_LINGER = struct.pack("ii", 0, 0)

T = TypeVar("T")


class FaultProxy:
    """Passes TCP connections to 127.0.0.1:`target_port` on, until it is told to fail.

    The faults are for all connections, those that are open and those that come; each method has
    taken effect when it returns, and may be called by any thread.

        pass_on         no fault
        cut             resets all connections, and each new one
        black_hole      takes connections and forwards nothing, in neither direction
        reset           resets those that are open, once
        reset_randomly  resets a connection at some of the pieces that it carries
        delay           forwards each piece later
        limit           forwards so many bytes a second, per connection and direction
    """

    def __init__(self, target_port: int, seed: int = 0) -> None:
        self.port = free_port()
        self.address = f"{HOST}:{self.port}"
        self._target_port = target_port
        self._chooser = random.Random(seed)
        self._set_no_fault()
        # All that is below and all above is the loop's thread's alone.
        self._connections: set[Connection] = set()
        self._accepted = 0
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._passing.set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, HOST, self.port), self._loop).result()

    @property
    def accepted(self) -> int:
        """How many connections have come since the beginning, whatever became of them."""
        return self._in_loop(lambda: self._accepted)

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return self._in_loop(lambda: len(self._connections))

    def pass_on(self) -> None:
        """Ends every fault. What a black hole has held back arrives now, late, as with TCP."""
        def do() -> None:
            self._set_no_fault()
            self._passing.set()
        self._in_loop(do)

    def cut(self) -> None:
        def do() -> None:
            self._is_cut = True
            self._reset()
        self._in_loop(do)

    def black_hole(self) -> None:
        self._in_loop(self._passing.clear)

    def reset(self) -> None:
        self._in_loop(self._reset)

    def reset_randomly(self, probability: float) -> None:
        """At each piece of at most 64 KiB; which of them follows from the seed."""
        def do() -> None:
            self._reset_probability = probability
        self._in_loop(do)

    def delay(self, seconds: float) -> None:
        def do() -> None:
            self._delay = seconds
        self._in_loop(do)

    def limit(self, bytes_per_second: float) -> None:
        def do() -> None:
            self._seconds_per_byte = 1 / bytes_per_second
        self._in_loop(do)

    def stop(self) -> None:
        """Resets all connections, and takes no more; a second call does nothing."""
        if self._loop.is_closed():
            return

        def do() -> None:
            self._server.close()
            self._is_cut = True
            self._reset()
            self._passing.set()
        self._in_loop(do)
        asyncio.run_coroutine_threadsafe(self._end_of_tasks(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _in_loop(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    def _set_no_fault(self) -> None:
        self._is_cut = False
        self._reset_probability = 0.0
        self._delay = 0.0
        self._seconds_per_byte = 0.0

    def _reset(self) -> None:
        for connection in self._connections:
            connection.reset()
        self._connections.clear()

    async def _end_of_tasks(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        connection = Connection()
        connection.add(writer)
        if self._is_cut:
            connection.reset()
            return
        self._connections.add(connection)
        try:
            # Through a black hole no connection reaches the server.
            await self._passing.wait()
            target_reader, target_writer = await asyncio.open_connection(HOST, self._target_port)
            connection.add(target_writer)
            await asyncio.gather(self._forward(reader, target_writer),
                                 self._forward(target_reader, writer))
            connection.close()
        except OSError:
            await self._passing.wait()  # nor does the end of one get through it
            connection.reset()
        except asyncio.CancelledError:
            connection.reset()  # by stop()
        finally:
            self._connections.discard(connection)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, to its end; an OSError is the end of both."""
        while data := await reader.read(PIECE):
            await asyncio.sleep(self._delay + len(data) * self._seconds_per_byte)
            await self._passing.wait()
            if self._chooser.random() < self._reset_probability:
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        await self._passing.wait()
        writer.write_eof()


class Connection:
    """The sockets on both sides of the proxy."""

    def __init__(self) -> None:
        self._writers: list[asyncio.StreamWriter] = []
        self._is_reset = False

    def add(self, writer: asyncio.StreamWriter) -> None:
        side: socket.socket = writer.get_extra_info("socket")
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_FOR_NO_TIME)
        self._writers.append(writer)
        if self._is_reset:  # while the other side was being connected
            writer.transport.abort()

    def close(self) -> None:
        for writer in self._writers:
            if not writer.is_closing():
                side: socket.socket = writer.get_extra_info("socket")
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                writer.close()

    def reset(self) -> None:
        self._is_reset = True
        for writer in self._writers:
            writer.transport.abort()
