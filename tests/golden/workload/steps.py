"""The clients of the workload, and how one of its steps is done and reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymongo
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database

Report = Callable[[str, object, str | None], None]


class Steps:
    """Runs labelled operations against one replica set.

    A step that the server refuses is reported and passed over: some are refused on purpose (an
    array as _id), others by some server versions only.
    """

    def __init__(self, port: int, *, apply_ops: bool, report: Report | None = None) -> None:
        self.apply_ops = apply_ops
        self._report = report or (lambda label, result, error: None)
        self._port = port
        self._clients: list[pymongo.MongoClient] = []
        # Most writes: retryable, all with one session, so with consecutive transaction numbers.
        self.client = self._direct(retryWrites=True)
        hello = self.client.admin.command("isMaster")
        # Transactions need a client that knows the replica set.
        self.replica_set = self._remember(pymongo.MongoClient(
            hello["hosts"], replicaSet=hello["setName"], uuidRepresentation="standard"))
        # `local` takes no retryable writes.
        self.not_retryable = self._direct(retryWrites=False)

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, *exception: object) -> None:
        for client in self._clients:
            client.close()

    @property
    def wl(self) -> Database:
        """The database of most steps."""
        return self.client["wl"]

    def do(self, label: str, operation: Callable[[], object]) -> None:
        """Runs one operation, and reports its result or the server's refusal."""
        try:
            result = operation()
        except Exception as error:  # whatever the driver raises: the report names it
            self._report(label, None, f"{type(error).__name__}: {error}"[:300])
        else:
            self._report(label, None if result is None else str(result)[:200], None)

    def insert(self, label: str, collection: Collection, document: Any) -> None:
        self.do(label, lambda: collection.insert_one(document).acknowledged)

    def insert_many(self, label: str, collection: Collection, documents: list[Any]) -> None:
        self.do(label, lambda: collection.insert_many(documents).acknowledged)

    def update(self, label: str, collection: Collection, query: dict, change: Any,
               **options: Any) -> None:
        self.do(label, lambda: collection.update_one(query, change, **options).raw_result["n"])

    def replace(self, label: str, collection: Collection, query: dict, document: dict,
                **options: Any) -> None:
        self.do(label, lambda: collection.replace_one(query, document, **options).raw_result["n"])

    def delete(self, label: str, collection: Collection, query: dict) -> None:
        self.do(label, lambda: collection.delete_one(query).raw_result["n"])

    def transaction(self, label: str, operations: Callable[[ClientSession], object]) -> None:
        """Commits `operations` as one transaction, in a session of its own."""
        def committed() -> None:
            with self.replica_set.start_session() as session, session.start_transaction():
                operations(session)
        self.do(label, committed)

    def new_client_without_retries(self) -> pymongo.MongoClient:
        return self._direct(retryWrites=False)

    def _direct(self, **options: Any) -> pymongo.MongoClient:
        if options["retryWrites"]:
            options["uuidRepresentation"] = "standard"
        return self._remember(pymongo.MongoClient(
            "127.0.0.1", self._port, directConnection=True, **options))

    def _remember(self, client: pymongo.MongoClient) -> pymongo.MongoClient:
        self._clients.append(client)
        return client
