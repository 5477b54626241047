"""Transactions as no driver makes them: prepared first, then committed or aborted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymongo
from bson import Timestamp
from pymongo.client_session import ClientSession

# What a mongod outside a sharded cluster needs for them.
TEST_COMMANDS = ["--setParameter", "enableTestCommands=1"]


class PreparedTransaction:
    """The first half of a two-phase commit, as a shard of a cluster goes through it."""

    def __init__(self, client: pymongo.MongoClient,
                 operations: Callable[[ClientSession], object]) -> None:
        self._client = client
        self._session = client.start_session()
        self._session.start_transaction()
        operations(self._session)
        reply = self._command({"prepareTransaction": 1})
        self.prepared_at: Timestamp = reply["prepareTimestamp"]

    def commit(self) -> None:
        self._command({"commitTransaction": 1, "commitTimestamp": self.prepared_at})
        self._end()

    def abort(self) -> None:
        self._command({"abortTransaction": 1})
        self._end()

    def _command(self, command: dict[str, Any]) -> dict[str, Any]:
        return self._client.admin.command(
            {**command, "writeConcern": {"w": "majority"}}, session=self._session)

    def _end(self) -> None:
        # The driver believes it to be open, and would abort it: the server knows better, says so,
        # and the driver passes over that.
        self._session.end_session()
