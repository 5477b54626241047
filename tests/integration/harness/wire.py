"""Commands as a router or another shard sends them: the driver would change them.

It moves a field `_id` to the front, where the command's name belongs, and sends a session of its
own.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

import bson
from pymongo.errors import OperationFailure

OP_MSG = 2013
HEADER = struct.Struct("<iiii")  # length, request, response to, operation


class ServerConnection:
    """A connection to one server, without authentication; not for several threads at once."""

    def __init__(self, host: str, port: int, seconds: float = 120) -> None:
        self._socket = socket.create_connection((host, port), seconds)
        self._request = 0

    def __enter__(self) -> ServerConnection:
        return self

    def __exit__(self, *exception: object) -> None:
        self._socket.close()

    def command(self, database: str, command: dict[str, Any]) -> dict[str, Any]:
        """The reply; raises OperationFailure with the server's code, also for a write error."""
        # Only at the top level does the driver's encoder move fields: the command is encoded as a
        # field `c`, and taken out behind the length, the type and the name of that.
        document = bson.encode({"c": {**command, "$db": database}})[7:-1]
        body = struct.pack("<iB", 0, 0) + document
        self._request += 1
        self._socket.sendall(
            HEADER.pack(HEADER.size + len(body), self._request, 0, OP_MSG) + body)
        length, *_ = HEADER.unpack(self._read(HEADER.size))
        reply = bson.decode(self._read(length - HEADER.size)[5:])
        raise_if_failed(reply, next(iter(command)))
        return reply

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self._socket.recv(length - len(data))
            if not more:
                raise ConnectionError("the server has closed the connection")
            data += more
        return data


def raise_if_failed(reply: dict[str, Any], name: str) -> None:
    """Raises OperationFailure for a command, a write or a write concern that failed."""
    errors = [*reply.get("writeErrors", []), reply.get("writeConcernError"),
              None if reply.get("ok") else reply]
    for error in filter(None, errors):
        raise OperationFailure(f"{name}: {error.get('errmsg')}", error.get("code"), reply)
