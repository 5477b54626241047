"""Something that answers like a mongos, which the package registries do not have."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from typing import Any

import bson

from integration.harness.ports import free_port

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013

HELLO = {
    "ismaster": True, "isWritablePrimary": True, "msg": "isdbgrid", "maxBsonObjectSize": 16777216,
    "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000, "minWireVersion": 0,
    "maxWireVersion": 9, "ok": 1.0,
}


class FakeMongos:
    """Knows hello, isMaster, ping and buildInfo; every other command is unknown to it."""

    def __init__(self) -> None:
        self.port = free_port()
        self._server = Server(("127.0.0.1", self.port), Connection)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Connection(socketserver.BaseRequestHandler):
    request: socket.socket

    def handle(self) -> None:
        while header := self._read(16):
            length, request, _, opcode = struct.unpack("<iiii", header)
            body = self._read(length - 16)
            if opcode == OP_QUERY:
                name_end = body.index(b"\0", 4)
                reply = answer(bson.decode_all(body[name_end + 9:])[0])
                self._send(request, OP_REPLY,
                           struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(reply))
            elif opcode == OP_MSG:
                size, = struct.unpack_from("<i", body, 5)
                reply = answer(bson.decode(body[5:5 + size]))
                self._send(request, OP_MSG, struct.pack("<iB", 0, 0) + bson.encode(reply))

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self.request.recv(length - len(data))
            if not more:
                return b""
            data += more
        return data

    def _send(self, request: int, opcode: int, body: bytes) -> None:
        self.request.sendall(struct.pack("<iiii", 16 + len(body), 0, request, opcode) + body)


def answer(command: dict[str, Any]) -> dict[str, Any]:
    name = next(iter(command)).lower()
    if name in ("ismaster", "hello"):
        return HELLO
    if name == "ping":
        return {"ok": 1.0}
    if name == "buildinfo":
        return {"version": "4.4.2", "versionArray": [4, 4, 2, 0], "ok": 1.0}
    return {"ok": 0.0, "code": 59, "codeName": "CommandNotFound",
            "errmsg": f"no such command: '{name}'"}
