"""docs/performance.md, from the newest results of all parts."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from comparison.results import Results

BASELINE = "debezium-1.3"
RAW_STAGES = ("raw read", "raw encode", "raw produce")
LEFT = ("cores idle", "stolen")  # of the whole machine

HEAD = """\
# Performance

<!-- Written by tests/benchmarks/compare; run that instead of editing. -->

Measured by one command, `tests/benchmarks/compare`, with real servers on one machine: mongod, the
broker, the system under test and the load share its cores. Systems and raw limits take turns, run
after run, on the same preloaded data; a figure is the median of its runs, with the least and the
greatest behind it. Each run is counted by the broker's offsets: one that lost or repeated a record
would be no measurement. The raw limits are programs of the same folder that do one thing alone,
with the same libraries and settings: read the oplog or the collection, encode, produce.

The peers run in Kafka Connect 3.9.1 with `-Xmx2g` and their default settings: `debezium-1.3` is
Debezium 1.3.1 on MongoDB 4.4 (it reads newer ones wrongly), `debezium-3` is 3.6.1, `mongo-kafka` is
MongoDB's own connector 2.0.1. Servers: MongoDB 4.4.2 and 6.0.5, Kafka 3.9.1.

Because everything shares the cores, rates vary with what else the machine does; CPU seconds vary
less, and a ratio counts only beside what was measured in the same hour: each table says when. `cores
idle` is how many of the machine's did nothing during the run, `stolen` how many its host gave to
others.
"""


def write_report(results: Path, docs: Path) -> None:
    """Parts that were never measured are left out."""
    from comparison.plots import plot_all  # matplotlib, which only this needs

    parts = {name: Results(results, name) for name in SECTIONS}
    parts = {name: part for name, part in parts.items() if any(part.stamps())}
    if not parts:
        return
    plots = plot_all(parts, docs / "performance")
    text = [HEAD]
    machines = sorted({stamp.machine for part in parts.values() for stamp in part.stamps()})
    text.append("Machine: " + "; ".join(machines) + ".\n")
    for name, part in parts.items():
        text.append(SECTIONS[name](part))
        text += [f"![{title}](performance/{file})\n" for file, title in plots.get(name, [])]
    (docs / "performance.md").write_text("\n\n".join(
        _wrapped(paragraph.strip("\n")) for paragraph in "\n".join(text).split("\n\n")
        if paragraph.strip()) + "\n")


def _wrapped(paragraph: str) -> str:
    if paragraph.startswith(("|", "#", "!", "<")):
        return paragraph
    return textwrap.fill(paragraph, 110, break_on_hyphens=False, break_long_words=False)


def streaming(part: Results) -> str:
    text = ["## Catch-up: 250-byte inserts, with schemas\n",
            "From a stored offset through 1,000,000 inserts that were made before (a peer: "
            "300,000, so that a run does not take minutes); rate and CPU are those between the "
            "first record in the topic and the last, so a virtual machine's start does not count.\n"]
    for case in part.cases():
        text.append(catch_up_table(part, case))
        text.append(_share_of_slowest(part, case, "shardtail", RAW_STAGES))
        cpu, theirs = (part.median(case, system, "cpu_per_million")
                       for system in ("shardtail", BASELINE))
        if cpu and theirs:
            text.append(f"{BASELINE} takes {theirs / cpu:.0f} times its CPU seconds.\n")
    return "\n".join(text)


def conduit(part: Results) -> str:
    text = ["## Catch-up: 1.1 KB users, without schemas\n",
            "The documents of Conduit's public streaming benchmark, which compares with Debezium: "
            "its inserts, and beside it inserts, updates and deletes. 1,000,000 changes (a peer: "
            "300,000); a delete's tombstone is not counted as a change.\n"]
    text += [catch_up_table(part, case) for case in part.cases()]
    return "\n".join(text)


def catch_up_table(part: Results, case: str) -> str:
    rows = []
    baseline = part.median(case, BASELINE, "rate")
    for system in part.systems(case):
        rate = part.median(case, system, "rate")
        rows.append([system, _spread(part, case, system, "rate"),
                     _times(rate, baseline) if "raw" not in system else "",
                     _median(part, case, system, "peak_mb"),
                     *(_median(part, case, system, f"{name}cpu_per_million", 2)
                       for name in ("", "mongod_", "broker_")),
                     *_left(part, case, system), _runs(part, case, system)])
    return _titled(case, ["", "changes/s", f"times {BASELINE}", "peak MB", "CPU-s per million",
                          "mongod's", "broker's", *LEFT, "runs, when"], rows)


def snapshot(part: Results) -> str:
    text = ["## Snapshot\n",
            "The first copy of a collection, with schemas (a peer: of up to 300,000 documents, "
            "with its one thread: with more Debezium 1.3 loses documents). Raw reads are of the same "
            "ranges of `_id`, with as many threads.\n"]
    for case in part.cases():
        baseline = part.median(case, f"{BASELINE}, 1 thread", "rate")
        rows = []
        for system in part.systems(case):
            rate = part.median(case, system, "rate")
            rows.append([system, _spread(part, case, system, "rate"),
                         _times(rate, baseline) if "raw" not in system else "",
                         _median(part, case, system, "mb_per_second"),
                         _median(part, case, system, "peak_mb"),
                         *(_median(part, case, system, f"{name}cpu_per_million", 2)
                           for name in ("", "mongod_", "broker_")),
                         *_left(part, case, system), _runs(part, case, system)])
        text.append(_titled(case, ["", "documents/s", f"times {BASELINE}", "MB/s of BSON",
                                   "peak MB", "CPU-s per million", "mongod's", "broker's", *LEFT,
                                   "runs, when"], rows))
        text.append(_share_of_slowest(part, case, "shardtail, 4 threads",
                                      ("raw read, 4 threads", "raw produce")))
    return "\n".join(text)


def latency(part: Results) -> str:
    text = ["## Latency\n",
            "From just before the client's insert, with majority write concern, to the receipt by "
            "a consumer in the same process, in milliseconds; beside it until the server's answer to "
            "that insert, before which no majority has it. At 20,000 a second an insert holds 20 "
            "documents. The first five seconds do not count. `raw tail` is the least that can be "
            "between: one thread that sends what was inserted, as it is, and keeps no position. "
            "CPU is in cores.\n"]
    for case in part.cases():
        rows = []
        for system in part.systems(case):
            rows.append([system,
                         *(_spread(part, case, system, f"received.{p}", 2)
                           for p in ("p50", "p90", "p99")),
                         *(_median(part, case, system, f"answered.{p}", 2) for p in ("p50", "p99")),
                         _median(part, case, system, "rate"),
                         _median(part, case, system, "peak_mb"),
                         _median(part, case, system, "cpu_share", 2),
                         _runs(part, case, system)])
        text.append(_titled(case, ["", "p50", "p90", "p99", "answered p50", "answered p99",
                                   "inserts/s", "peak MB", "CPU", "runs, when"], rows))
    return "\n".join(text)


def start(part: Results) -> str:
    text = ["## Start\n",
            "From the launch of the process to the first record in the hands of a consumer that "
            "waits, of a stream whose offset is stored and into which others write; in "
            "milliseconds.\n"]
    for case in part.cases():
        rows = [[system, _spread(part, case, system, "first_seconds", 0, 1000),
                 _runs(part, case, system)] for system in part.systems(case)]
        text.append(_titled(case, ["", "ms", "runs, when"], rows))
    return "\n".join(text)


def idle(part: Results) -> str:
    rows = [[case, _spread(part, case, "shardtail", "resident_mb", 1),
             _median(part, case, "shardtail", "peak_mb", 1),
             _median(part, case, "shardtail", "cpu_ms_per_second", 2),
             _median(part, case, "shardtail", "get_mores_per_second", 1),
             _median(part, case, "shardtail", "threads"), _median(part, case, "shardtail", "files"),
             _runs(part, case, "shardtail")] for case in part.cases()]
    return "\n".join(["## At rest\n", "One process, nothing written but the server's own no-ops.\n",
                      _table(["", "resident MB", "peak MB", "ms of CPU a second",
                              "getMores a second", "threads",
                              "files", "runs, when"], rows)])


def filtered(part: Results) -> str:
    text = ["## Filtered out\n",
            "An oplog of 2,000,000 entries of which 99 % are of a collection that is not captured; "
            "from the launch of the process until the offset of the last entry is stored.\n"]
    for case in part.cases():
        text.append(_growth_table(part, [(case, system) for system in part.systems(case)],
                                  with_case=False))
        raw, ours = (part.median(case, system, "rate") for system in ("raw read", "shardtail"))
        if raw and ours:
            text.append(f"shardtail reaches {ours / raw:.0%} of reading alone.\n")
    return "\n".join(text)


def collections(part: Results) -> str:
    return "\n".join(["## More collections\n",
                      "600,000 inserts in turns into ever more collections, written to a file; "
                      "from the launch until the offset of the last is stored. The first event of "
                      "a collection takes some 20 µs more.\n",
                      _growth_table(part, [(case, "shardtail") for case in part.cases()])])


def replica_sets(part: Results) -> str:
    return "\n".join(["## More replica sets in one process\n",
                      "250,000 inserts of 250 bytes in each, with schemas, into one topic; every "
                      "mongod and the broker on the same cores. The rate is of all together.\n",
                      _growth_table(part, [(case, "shardtail") for case in part.cases()])])


def steady(part: Results) -> str:
    text = ["## Over a long time\n",
            "The same load all the time; what is resident after so many minutes, in MB.\n"]
    for case in part.cases():
        [run] = part.runs(case, "shardtail")[-1:]
        minutes = list(run["resident_mb"])
        rows = [[*(f"{run['resident_mb'][minute]:.0f}" for minute in minutes),
                 _median(part, case, "shardtail", "peak_mb"),
                 _median(part, case, "shardtail", "rate"),
                 _median(part, case, "shardtail", "cpu_share", 2),
                 _runs(part, case, "shardtail")]]
        text.append(_titled(case, [*(f"{minute} min" for minute in minutes), "peak", "inserts/s",
                                   "cores", "runs, when"], rows))
    return "\n".join(text)


def _growth_table(part: Results, lines: list[tuple[str, str]], *, with_case: bool = True) -> str:
    rows = [[case if with_case else system, _spread(part, case, system, "rate"),
             _median(part, case, system, "peak_mb"),
             _median(part, case, system, "cpu_per_million", 2),
             _median(part, case, system, "mongod_cpu_per_million", 2),
             _median(part, case, system, "broker_cpu_per_million", 2),
             *_left(part, case, system), _runs(part, case, system)] for case, system in lines]
    return _table(["", "entries/s", "peak MB", "CPU-s per million", "mongod's", "broker's", *LEFT,
                   "runs, when"], rows)


SECTIONS: dict[str, Callable[[Results], str]] = {
    "streaming": streaming,
    "conduit": conduit,
    "snapshot": snapshot,
    "latency": latency,
    "start": start,
    "filtered": filtered,
    "collections": collections,
    "replica_sets": replica_sets,
    "idle": idle,
    "steady": steady,
}


def _left(part: Results, case: str, system: str) -> list[str]:
    return [_median(part, case, system, name, 1) for name in ("idle_cores", "stolen_cores")]


def _times(value: float | None, baseline: float | None) -> str:
    return f"{value / baseline:.1f}" if value and baseline else ""


def _share_of_slowest(part: Results, case: str, system: str, stages: Sequence[str]) -> str:
    found = {stage: median for stage in stages if (median := part.median(case, stage, "rate"))}
    ours = part.median(case, system, "rate")
    if not found or not ours:
        return ""
    slowest = min(found, key=lambda stage: found[stage])
    return f"{system}: {ours / found[slowest]:.0%} of the slowest raw stage ({slowest}).\n"


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def _median(part: Results, case: str, system: str, metric: str, digits: int = 0) -> str:
    value = part.median(case, system, metric)
    return "" if value is None else _number(value, digits)


def _spread(part: Results, case: str, system: str, metric: str, digits: int = 0,
            factor: float = 1) -> str:
    values = [value * factor for value in part.values(case, system, metric)]
    if not values:
        return ""
    median = (part.median(case, system, metric) or 0) * factor
    return (f"**{_number(median, digits)}** "
            f"({_number(min(values), digits)}–{_number(max(values), digits)})")


def _runs(part: Results, case: str, system: str) -> str:
    stamp = part.stamp(case, system)
    return f"{len(part.runs(case, system))}, {stamp.when}, `{stamp.commit}`"


def _titled(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"### {title[0].upper()}{title[1:]}\n\n{_table(head, rows)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns in which nothing stands are left out."""
    kept = [number for number in range(len(head))
            if number == 0 or any(row[number] for row in rows)]
    lines = [[head[number] for number in kept],
             ["---" if number == 0 else "---:" for number in kept],
             *([row[number] for number in kept] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
