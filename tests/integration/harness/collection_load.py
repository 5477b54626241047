"""A thread that changes the documents of one collection, under whatever name it has."""

from __future__ import annotations

import random
import threading

from pymongo.collection import Collection

from integration.harness.copy_load import next_m
from integration.harness.load_threads import LoadThreads
from integration.harness.mongo import ReplicaSet


class CollectionLoad(LoadThreads):
    """Changes documents {_id, n, m} with the _ids 0, 1, …, `documents` of them.

    Each counts its own changes in `n`, and `m` follows from `n` as in CopyLoad. A tenth of the
    changes are deletes; the next change brings the document back.
    """

    def __init__(self, replica_set: ReplicaSet, database: str, name: str, documents: int,
                 seed: int) -> None:
        super().__init__()
        self._replica_set = replica_set
        self._database = database
        self._name = name
        self._chooser = random.Random(seed)
        self._known = [(0, 1)] * documents  # n, m
        self._gone: set[int] = set()
        self._lock = threading.Lock()  # no write while it is renamed

    def rename(self, name: str) -> None:
        with self._lock, self._replica_set.client() as client:
            client[self._database][self._name].rename(name)
            self._name = name

    def _write(self, number: int) -> None:
        with self._replica_set.client() as client:
            while not self._stop.is_set():
                with self._lock:
                    self._step(client[self._database][self._name])
                self.operations += 1

    def _step(self, collection: Collection) -> None:
        number = self._chooser.randrange(len(self._known))
        if number not in self._gone and self._chooser.random() < 0.1:
            self._gone.add(number)
            collection.delete_one({"_id": number})
            return
        n, m = self._known[number]
        n, m = self._known[number] = n + 1, next_m(m, n + 1)
        if number in self._gone:
            self._gone.remove(number)
            collection.insert_one({"_id": number, "n": n, "m": m})
        else:
            collection.update_one({"_id": number}, {"$set": {"m": m}, "$inc": {"n": 1}})
