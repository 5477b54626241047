"""What changes from run to run in a value, and nothing else, made alike on its raw bytes.

Each mask names its surroundings, so that it finds the field of the envelope only, and only with a
content of the right form: a `ts_ms` with a digit too few stays as it is, and differs.
"""

from __future__ import annotations

import re
from functools import lru_cache

UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

# Pattern with the varying part as its only group, and what stands there afterwards.
MASKS: list[tuple[re.Pattern[bytes], bytes]] = [
    # The program's own version.
    (re.compile(rb'"source":\{"version":"([^"\\]+)","connector":"mongodb",'), b"VERSION"),
    # Seconds and ordinal of the entry's optime; when the event was made.
    (re.compile(rb',"ts_ms":(\d{10}000),"snapshot":"'), b"TS"),
    (re.compile(rb',"ord":(\d{1,10}),"h":'), b"ORD"),
    (re.compile(rb'"ns":"(?:[^"\\]|\\.)*","sec":(\d{10}),"ord":\d{1,10},"h":'), b"SEC"),  # in v1
    (re.compile(rb'\},"op":"[crud]","ts_ms":(\d{13}),"transaction":'), b"NOW"),
    # The session part of the transaction's id: each client's own. The number after it stays.
    (re.compile(rb'"stxnid":"(' + UUID + rb'):\d+"\}'), b"SESSION"),
    (re.compile(rb',"transaction":\{"id":"(' + UUID + rb'):\d+","total_order":'), b"SESSION"),
    # A snapshot record has the id of the oplog's last entry, whatever that was.
    (re.compile(rb'"snapshot":"(?:true|last)",(?:(?!"stxnid":).)*"stxnid":(null|"' + UUID +
                rb':\d+")\},"op":"r"', re.DOTALL), b"STXNID"),
    # Which collection is copied last is 1.3.1's own; that there is one `last` is tested apart.
    (re.compile(rb',"snapshot":"(true|last)","db":"'), b"SNAPSHOT"),
]


@lru_cache(maxsize=4096)
def masked(value: bytes | None) -> bytes | None:
    """The value with what varies replaced by a word."""
    if value is None:
        return None
    for (start, end), word in reversed(_findings(value)):
        value = value[:start] + word + value[end:]
    return value


def varying_positions(value: bytes) -> set[int]:
    """Indices of the bytes that may differ from run to run."""
    return {index for (start, end), _ in _findings(value) for index in range(start, end)}


def _findings(value: bytes) -> list[tuple[tuple[int, int], bytes]]:
    """Where the masks match, from left to right, without overlaps."""
    findings = sorted((match.span(1), word) for pattern, word in MASKS
                      for match in pattern.finditer(value))
    # The session of a snapshot record lies within what is masked of it anyway.
    return [(span, word) for number, (span, word) in enumerate(findings)
            if number == 0 or span[0] >= findings[number - 1][0][1]]
