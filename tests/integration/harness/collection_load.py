"""A thread that changes the documents of one collection, under whatever name it has."""

from __future__ import annotations

import random
import threading

from pymongo.collection import Collection

from integration.harness.copy_load import next_m
from integration.harness.mongo import ReplicaSet
from integration.harness.waiting import wait_for


class CollectionLoad:
    """Changes documents {_id, n, m}, with the _ids 0, 1, … to `documents`, from `with` to its end.

    It may be entered again. Each document counts its own changes in `n`, and `m` follows from `n`
    as in CopyLoad. A tenth of the changes are deletes; the next one brings the document back.
    """

    def __init__(self, replica_set: ReplicaSet, database: str, name: str, documents: int,
                 seed: int) -> None:
        self._replica_set = replica_set
        self._database = database
        self._name = name
        self._chooser = random.Random(seed)
        self._known = [(0, 1)] * documents  # n, m
        self._gone: set[int] = set()
        self._lock = threading.Lock()  # no write while it is renamed
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self.operations = 0

    def __enter__(self) -> CollectionLoad:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._errors:
            raise self._errors[0]

    def rename(self, name: str) -> None:
        with self._lock, self._replica_set.client() as client:
            client[self._database][self._name].rename(name)
            self._name = name

    def wait(self, more: int) -> None:
        """Returns after so many operations more, or when one has failed."""
        goal = self.operations + more
        wait_for(f"{goal} operations", lambda: self._errors or self.operations >= goal)

    def _run(self) -> None:
        try:
            with self._replica_set.client() as client:
                while not self._stop.is_set():
                    with self._lock:
                        self._step(client[self._database][self._name])
                    self.operations += 1
        except BaseException as error:
            self._errors.append(error)

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
