"""Documents that count their own changes: what is lost, twice or out of order shows in a topic."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable

from golden.records import Record
from integration.harness.cluster import ShardedCluster, ShardedCollection
from integration.harness.load_threads import LoadThreads
from integration.harness.replay import payload


class CountingLoad(LoadThreads):
    """Threads that change documents {_id, k, n} of a sharded collection until they are stopped.

    Each document belongs to one thread, and each change gives it the next `n`: an update, or a
    delete and an insert. Its shard key `k` is its _id.
    """

    def __init__(self, cluster: ShardedCluster, namespace: str, documents: int, seed: int,
                 threads: int = 3) -> None:
        super().__init__(threads)
        self._cluster = cluster
        self._namespace = namespace
        self.counts = [0] * documents
        self._seed = seed

    def fill(self) -> None:
        with self._cluster.collection(self._namespace) as collection:
            for id in range(len(self.counts)):
                collection.insert({"_id": id, "k": id, "n": 0})

    def _write(self, number: int) -> None:
        self._seed += 1
        chooser = random.Random(self._seed * self._thread_count + number)
        ids = range(number, len(self.counts), self._thread_count)
        with self._cluster.collection(self._namespace) as collection:
            while not self._stop.is_set():
                self._change(collection, chooser.choice(ids), chooser.random() < 0.1)
                self.operations += 1

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
