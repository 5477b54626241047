"""Commands as a router or another shard sends them: the driver would change them.

It moves a field `_id` to the front, where the command's name belongs, and sends a session of its
own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct
from typing import Any

import bson
from pymongo.errors import OperationFailure

OP_MSG = 2013
SYSTEM_USER = "__system"  # whom the servers of a cluster are to each other; its password is the key
HEADER = struct.Struct("<iiii")  # length, request, response to, operation


class ServerConnection:
    """A connection to one server; not for several threads at once.

    With a `key`, that of a key file, it is one of the cluster's own servers; else nobody.
    """

    def __init__(self, host: str, port: int, seconds: float = 120, key: str = "") -> None:
        self._socket = socket.create_connection((host, port), seconds)
        self._request = 0
        if key:
            self._authenticate(SYSTEM_USER, key)

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

    def _authenticate(self, user: str, password: str) -> None:
        """By SCRAM-SHA-256, RFC 7677; the server's own proof is taken on trust."""
        nonce = base64.b64encode(os.urandom(24)).decode()
        first = f"n={user},r={nonce}"
        reply = self.command("local", {"saslStart": 1, "mechanism": "SCRAM-SHA-256",
                                       "payload": f"n,,{first}".encode(),
                                       "options": {"skipEmptyExchange": True}})
        challenge = reply["payload"].decode()
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(),
                                     base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={fields['r']}"
        signature = hmac.digest(hashlib.sha256(client_key).digest(),
                                f"{first},{challenge},{final}".encode(), "sha256")
        proof = bytes(left ^ right for left, right in zip(client_key, signature))
        answer = f"{final},p={base64.b64encode(proof).decode()}"
        # 4.2 wants an empty message more.
        while not reply["done"]:
            reply = self.command("local", {
                "saslContinue": 1, "conversationId": reply["conversationId"],
                "payload": answer.encode()})
            answer = ""

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
