"""Documents that count their own changes: what is lost, twice or out of order shows in a topic."""

from __future__ import annotations

import json
import random
import threading
from collections import defaultdict
from collections.abc import Iterable

from golden.records import Record
from integration.harness.cluster import ShardedCluster, ShardedCollection
from integration.harness.replay import payload
from integration.harness.waiting import wait_for


class CountingLoad:
    """Threads that change documents {_id, k, n} of a sharded collection until they are stopped.

    Each document belongs to one thread, and each change gives it the next `n`: an update, or a
    delete and an insert. Its shard key `k` is its _id.
    """

    def __init__(self, cluster: ShardedCluster, namespace: str, documents: int, seed: int,
                 threads: int = 3) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self.counts = [0] * documents
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._thread_count = threads
        self._seed = seed

    def fill(self) -> None:
        with self._cluster.collection(self._namespace) as collection:
            for id in range(len(self.counts)):
                collection.insert({"_id": id, "k": id, "n": 0})

    def __enter__(self) -> CountingLoad:
        self._stop.clear()
        self._threads = [threading.Thread(target=self._run, args=(number,))
                         for number in range(self._thread_count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    @property
    def changes(self) -> int:
        return sum(self.counts)

    def wait(self, more: int) -> None:
        """Returns after so many changes more, or when a thread has failed."""
        goal = self.changes + more
        wait_for(f"{goal} changes", lambda: self._errors or self.changes >= goal)

    def _run(self, number: int) -> None:
        try:
            self._seed += 1
            chooser = random.Random(self._seed * self._thread_count + number)
            ids = range(number, len(self.counts), self._thread_count)
            with self._cluster.collection(self._namespace) as collection:
                while not self._stop.is_set():
                    self._change(collection, chooser.choice(ids), chooser.random() < 0.1)
        except BaseException as error:
            self._errors.append(error)

    def _change(self, collection: ShardedCollection, id: int, replaced: bool) -> None:
        key, n = {"_id": id, "k": id}, self.counts[id] + 1
        if replaced:
            found = collection.delete(key)
            collection.insert({**key, "n": n})
        else:
            found = collection.update(key, {"$set": {"n": n}})
        if found != 1:
            raise RuntimeError(f"{found} documents {id} in {self._namespace}")
        self.counts[id] = n


def count_breaks(records: Iterable[Record], counts: list[int]) -> list[str]:
    """Documents whose events do not count from their first number, one by one, to that in `counts`.

    Events that come again, as after a restart, are passed over.
    """
    sequences: dict[int, list[int]] = defaultdict(list)
    delivered = set()
    for record in records:
        event = payload(record)
        if event is None or event["op"] == "d":
            continue
        source = event["source"]
        place = (source["rs"], source["ts_ms"], source["ord"], source["tord"], record.key)
        if event["op"] != "r" and place in delivered:
            continue
        delivered.add(place)
        patch = json.loads(event["patch"] or "{}")
        document = json.loads(event["after"] or "{}") or patch.get("$set", patch)
        sequences[json.loads(json.loads(record.key)["id"])].append(document["n"])
    found = []
    for id, count in enumerate(counts):
        numbers = sequences[id]
        if not numbers or numbers != [*range(numbers[0], count + 1)]:
            found.append(f"document {id} counts to {count}: {_first_break(numbers)}")
    return found


def _first_break(numbers: list[int]) -> str:
    for at, (left, right) in enumerate(zip(numbers, numbers[1:])):
        if right != left + 1:
            return f"{left} is followed by {numbers[at + 1:at + 6]}"
    return f"ends with {numbers[-3:]}"
