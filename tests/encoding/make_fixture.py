#!/usr/bin/env python3
"""Makes testdata/rendered_by_debezium.txt.gz: random documents, and how Debezium 1.3.1 renders them.

    make_fixture.py JARS...

JARS are folders that hold the jars of io.debezium:debezium-connector-mongodb:1.3.1.Final, of
org.apache.kafka:connect-api, and of what they depend on. Needs a JDK 17.

One document a line: BSON in hexadecimal, the key's id string, the `after` string, with tabs between
them. The documents leave out what we render differently on purpose: NaN, UUIDs, DBRefs, duplicate
names; as _id the types that kill Debezium, and control characters; and doubles of which Java prints
more digits than it needs (JDK-4511638).
"""

from __future__ import annotations

import gzip
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENTS = 2000
rng = random.Random(20210131)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    classpath = ":".join(str(jar) for folder in sys.argv[1:] for jar in Path(folder).glob("*.jar"))
    with tempfile.TemporaryDirectory() as classes:
        subprocess.run(["javac", "-nowarn", "-Xlint:-deprecation", "-cp", classpath, "-d", classes,
                        HERE / "Render.java"], check=True)
        classpath = f"{classes}:{classpath}"
        doubles = plain_doubles(classpath)
        documents = [document(doubles) for _ in range(DOCUMENTS)] + [nested(150, doubles)]
        rendered = render(documents, classpath)
    lines = [f"{bytes.hex(bson)}\t{line}\n" for bson, line in zip(documents, rendered)]
    target = HERE / "testdata" / "rendered_by_debezium.txt.gz"
    # No time stamp inside: the same documents make the same file.
    target.write_bytes(gzip.compress("".join(lines).encode(), 9, mtime=0))
    print(f"{target.name}: {len(lines)} documents, {target.stat().st_size} bytes")
    return 0


def render(documents: list[bytes], classpath: str) -> list[str]:
    run = subprocess.run(["java", "-cp", classpath, "Render"], text=True, check=True,
                         input="".join(bson.hex() + "\n" for bson in documents),
                         stdout=subprocess.PIPE, encoding="utf-8")
    lines = run.stdout.split("\n")[:-1]
    if len(lines) != len(documents):
        raise RuntimeError(f"{len(lines)} answers for {len(documents)} documents")
    return lines


def plain_doubles(classpath: str) -> list[float]:
    """Doubles of every kind that JDK 17 prints with the shortest digits."""
    candidates = [random_double() for _ in range(4000)]
    candidates = [value for value in candidates if abs(value) < float("inf")]
    printed = render([bson_document([element(0x01, b"_id", struct.pack("<d", value))])
                      for value in candidates], classpath)
    return [value for value, line in zip(candidates, printed)
            if digits(line.split("\t")[0]) == digits(repr(value))]


def digits(number: str) -> str:
    mantissa = number.lower().split("e")[0].lstrip("-").replace(".", "")
    return mantissa.strip("0")


def random_double() -> float:
    kind = rng.randrange(5)
    if kind == 0:
        return float(rng.randrange(-10**9, 10**9))
    if kind == 1:
        return rng.uniform(-1, 1) * 10 ** rng.randrange(-6, 10)
    if kind == 2:
        return round(rng.uniform(-10**6, 10**6), rng.randrange(4))
    if kind == 3:
        return rng.choice([0.0, -0.0, 0.001, 0.00099, 1e7, 9999999.0, 9999999.9, 1e-5, 4.9e-324,
                           2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3])
    value: float = struct.unpack("<d", rng.randbytes(8))[0]
    return value if value == value else 1.5


def document(doubles: list[float]) -> bytes:
    elements = [value(b"_id", doubles, 0, in_id=True)]
    elements += [value(name(i), doubles, 0) for i in range(rng.randrange(7))]
    return bson_document(elements)


def nested(depth: int, doubles: list[float]) -> bytes:
    inner = bson_document([value(b"x", doubles, 9)])
    for level in range(depth):
        inner = bson_document([element(0x04 if level % 3 == 0 else 0x03, b"0", inner)])
    return bson_document([element(0x10, b"_id", struct.pack("<i", 1)), element(0x03, b"n", inner)])


def name(index: int, in_id: bool = False) -> bytes:
    """Different from its neighbours by the index, whatever the bytes before it are decoded to."""
    before = b"" if rng.random() < 0.6 else text(in_id).replace(b"\0", b"")
    return before + rng.choice([b"", b"field", b".", b"$"]) + str(index).encode()


def text(in_id: bool = False) -> bytes:
    parts = []
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        kind = rng.randrange(7)
        if kind <= 1:
            parts.append(bytes(rng.choices(range(0x20, 0x7F), k=rng.randrange(1, 30))))
        elif kind == 2:
            parts.append(bytes(rng.choices(b'"\\\b\t\n\r/\x7fa', k=rng.randrange(1, 6))))
        elif kind == 3:
            parts.append(character(0x80, 0xFFFF) + character(0x80, 0xFFFF))
        elif kind == 4:
            parts.append(character(0x10000, 0x10FFFF))
        elif kind == 5:  # what may not be UTF-8: beginnings of characters, surrogates, too long forms
            starts = [0x80, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5,
                      0xFF]
            more = [0x20, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0x41]
            parts.append(bytes([rng.choice(starts), *rng.choices(more, k=rng.randrange(4))]))
        elif not in_id:
            parts.append(bytes(rng.choices(range(0x20), k=rng.randrange(1, 4))))
    return b"".join(parts)


def character(first: int, last: int) -> bytes:
    while True:
        point = rng.randint(first, last)
        if not 0xD800 <= point < 0xE000:
            return chr(point).encode()


ANY_TYPES = [0x01, 0x02, 0x02, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C,
             0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x12, 0x13, 0x13, 0x7F, 0xFF]
ID_TYPES = [kind for kind in ANY_TYPES if kind not in (0x0B, 0x0C, 0x0F, 0x11)]


def value(label: bytes, doubles: list[float], depth: int, in_id: bool = False) -> bytes:
    kind = rng.choice(ID_TYPES if in_id else ANY_TYPES)
    if depth > 2 and kind in (0x03, 0x04, 0x0F):
        kind = 0x10
    return element(kind, label, payload(kind, doubles, depth, in_id))


def payload(kind: int, doubles: list[float], depth: int, in_id: bool) -> bytes:
    if kind == 0x01:
        return struct.pack("<d", rng.choice(doubles))
    if kind in (0x02, 0x0D, 0x0E):
        return bson_string(text(in_id))
    if kind == 0x03:
        return bson_document([value(name(i, in_id), doubles, depth + 1, in_id)
                              for i in range(rng.randrange(4))])
    if kind == 0x04:
        return bson_document([value(str(i).encode(), doubles, depth + 1, in_id)
                              for i in range(rng.randrange(4))])
    if kind == 0x05:
        return binary()
    if kind in (0x06, 0x0A, 0x7F, 0xFF):
        return b""
    if kind == 0x07:
        return rng.randbytes(12)
    if kind == 0x08:
        return rng.choice([b"\0", b"\1"])
    if kind in (0x09, 0x12):
        return struct.pack("<q", rng.choice([rng.randrange(-2**63, 2**63), rng.randrange(10**13),
                                             -2**63, 2**63 - 1, 0, -1]))
    if kind == 0x0B:
        options = bytes(rng.sample(b"ilmsux", rng.randrange(4)))
        return text().replace(b"\0", b"") + b"\0" + options + b"\0"
    if kind == 0x0C:
        return bson_string(text()) + rng.randbytes(12)
    if kind == 0x0F:
        scope = bson_document([value(name(i), doubles, depth + 1) for i in range(rng.randrange(3))])
        body = bson_string(text()) + scope
        return struct.pack("<i", len(body) + 4) + body
    if kind == 0x10:
        return struct.pack("<i", rng.choice([rng.randrange(-2**31, 2**31), rng.randrange(100)]))
    if kind == 0x11:
        return struct.pack("<II", rng.randrange(2**32), rng.randrange(2**32))
    return decimal128()


def binary() -> bytes:
    subtype = rng.choice([0, 0, 1, 2, 3, 4, 5, 6, 7, 127, 128, 255])
    data = rng.randbytes(rng.randrange(12))  # 16 bytes would make a UUID of subtypes 3 and 4
    if subtype == 2:
        data = struct.pack("<i", len(data)) + data
    return struct.pack("<iB", len(data), subtype) + data


def decimal128() -> bytes:
    if rng.random() < 0.3:  # whatever the bits are
        return rng.randbytes(16)
    coefficient = rng.choice([0, rng.randrange(1000), rng.randrange(10**15), rng.randrange(10**34)])
    exponent = rng.choice([0, 0, -2, -6, -7, rng.randrange(-40, 40), rng.randrange(-6176, 6112)])
    return ((rng.getrandbits(1) << 127) | (exponent + 6176) << 113 | coefficient).to_bytes(
        16, "little")


def element(kind: int, label: bytes, content: bytes) -> bytes:
    return bytes([kind]) + label + b"\0" + content


def bson_document(elements: list[bytes]) -> bytes:
    body = b"".join(elements)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def bson_string(content: bytes) -> bytes:
    return struct.pack("<i", len(content) + 1) + content + b"\0"


if __name__ == "__main__":
    sys.exit(main())
