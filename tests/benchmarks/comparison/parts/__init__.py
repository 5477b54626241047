"""The parts of the benchmark: each starts its servers, measures in alternation, keeps results."""

from __future__ import annotations

from collections.abc import Callable

from comparison.bench import Bench
from comparison.parts.catch_up import conduit, streaming
from comparison.parts.growth import collections, filtered, replica_sets
from comparison.parts.idle import idle
from comparison.parts.latency import latency
from comparison.parts.snapshot import snapshot
from comparison.parts.start import start
from comparison.parts.steady import steady

PARTS: dict[str, Callable[[Bench], None]] = {
    "streaming": streaming,
    "snapshot": snapshot,
    "latency": latency,
    "start": start,
    "idle": idle,
    "conduit": conduit,
    "filtered": filtered,
    "collections": collections,
    "replica_sets": replica_sets,
    "steady": steady,
}
