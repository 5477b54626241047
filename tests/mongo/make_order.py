"""Writes testdata/order.txt: BSON values in the order in which real servers hold them as `_id`s.

    cd tests; PYTHONPATH=. ~/.cache/shardtail/python/bin/python mongo/make_order.py

A line is `<rank> <hex of the document {v: value}>`; values that the server takes for one and the same
`_id` have one rank. Every version must give the same order.
"""

import random
import struct
import tempfile
from pathlib import Path

from bson import Decimal128
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.errors import DuplicateKeyError

from integration.harness.mongo import ReplicaSet

RAW = CodecOptions(document_class=RawBSONDocument)
VERSIONS = ["4.2", "4.4", "5.0", "6.0"]


def element(kind: int, value: bytes, name: bytes = b"v") -> bytes:
    return bytes([kind]) + name + b"\0" + value


def document(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def string(value: bytes) -> bytes:
    return struct.pack("<i", len(value) + 1) + value + b"\0"


def binary(subtype: int, value: bytes) -> bytes:
    if subtype == 2:
        value = struct.pack("<i", len(value)) + value
    return struct.pack("<i", len(value)) + bytes([subtype]) + value


def code_with_scope(code: bytes, scope: bytes) -> bytes:
    body = string(code) + scope
    return struct.pack("<i", len(body) + 4) + body


def decimal(text: str) -> tuple[int, bytes]:
    return 0x13, Decimal128(text).bid


def simple_values(source: random.Random) -> list[tuple[int, bytes]]:
    def double(value: float) -> tuple[int, bytes]:
        return 0x01, struct.pack("<d", value)

    def int64(value: int) -> tuple[int, bytes]:
        return 0x12, struct.pack("<q", value)

    values = [(0xFF, b""), (0x7F, b""), (0x06, b""), (0x0A, b""), (0x08, b"\0"), (0x08, b"\1")]
    values += [double(value) for value in (
        float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 5e-324, -5e-324, 0.1, 1.0, 1.5, -1.5,
        2.0**53, 2.0**53 + 2, 2.0**63, -2.0**63, 1.7976931348623157e308, 1e22, 1e23, 123.456)]
    values += [(0x10, struct.pack("<i", value)) for value in (0, 1, -1, 2, 2**31 - 1, -2**31)]
    values += [int64(value) for value in (
        0, 1, -1, 2**31, 2**53, 2**53 + 1, 2**53 + 2, 2**63 - 1, 2**63 - 2, -2**63, -2**63 + 1)]
    values += [decimal(text) for text in (
        "NaN", "-NaN", "Infinity", "-Infinity", "0", "-0", "0E+6111", "0.1", "0.10", "1", "1.0",
        "1E+3", "1000", "1.5", "-1.5", "9007199254740993", "9223372036854775807",
        "9223372036854775808", "9.999999999999999999999999999999999E+6144", "1E-6176", "-1E-6176",
        "0.1000000000000000055511151231257827", "123.456", "123.4560000000000030695446184836328",
        "4.9E-324", "1E+23", "1.797693134862315708145274237317043E+308", "1.8E+308")]
    for _ in range(40):
        exponent = source.randint(-20, 20)
        whole = source.randint(-10**6, 10**6)
        values.append(decimal(f"{whole}E{exponent}"))
        values.append(double(float(f"{whole}E{exponent}")))
        values.append(int64(source.randint(-2**63, 2**63 - 1)))
    strings = [b"", b"a", b"A", b"ab", b"b", b"a\0", b"a\0b", "\u00e9".encode(), "\uffff".encode(),
               "\U0001F600".encode(), b"1", b"10", b"9"]
    values += [(0x02, string(value)) for value in strings]
    values += [(0x0E, string(value)) for value in (b"a", b"sym")]
    values += [(0x0D, string(value)) for value in (b"", b"f()", b"g()", b"f()\0")]
    values += [(0x05, binary(subtype, value)) for subtype in (0, 2, 3, 4, 0x80)
               for value in (b"", b"\0", b"\xff", b"ab", b"0123456789abcdef", b"x" * 300)]
    values += [(0x07, bytes.fromhex(text)) for text in (
        "0" * 24, "f" * 24, "5f0000000000000000000001", "5f0000000000000000000002")]
    values += [(0x09, struct.pack("<q", value)) for value in (0, -1, 1, 2**62, -2**63, 2**63 - 1)]
    values += [(0x11, struct.pack("<II", increment, seconds)) for increment, seconds in (
        (0, 0), (1, 0), (0, 1), (2**32 - 1, 1), (0, 2**31), (1, 2**32 - 1))]
    values += [(0x0B, pattern + b"\0" + flags + b"\0") for pattern, flags in (
        (b"", b""), (b"a", b""), (b"a", b"i"), (b"ab", b""), (b"b", b""))]
    values += [(0x0C, string(name) + bytes([number]) * 12) for name in (b"a.b", b"a.c", b"a.bb")
               for number in (0, 255)]
    values += [(0x0F, code_with_scope(code, document(*scope))) for code in (b"f()", b"g()") for scope
               in ([], [element(0x10, struct.pack("<i", 1), b"x")],
                   [element(0x01, struct.pack("<d", 2), b"x")])]
    return values


def values() -> list[bytes]:
    """Documents {v: value}."""
    source = random.Random(1)
    simple = simple_values(source)
    nested = [(0x03, document()), (0x04, document())]
    for _ in range(250):
        chosen = [source.choice(simple) for _ in range(source.randint(1, 3))]
        nested.append((0x03, document(*(
            element(kind, value, source.choice([b"a", b"b", b"ab", b""]))
            for kind, value in chosen))))
        nested.append((0x04, document(*(
            element(kind, value, str(number).encode())
            for number, (kind, value) in enumerate(chosen)))))
    deeper = [(kind, document(element(*source.choice(nested), b"0"), element(
        *source.choice(simple), b"1"))) for kind in (0x03, 0x04) for _ in range(20)]
    return [document(element(kind, value)) for kind, value in simple + nested + deeper]


def order(version: str) -> list[str]:
    with tempfile.TemporaryDirectory() as directory:
        server = ReplicaSet(version, Path(directory), members=1)
        try:
            server.start()
            with server.client() as client:
                collection = client.db.get_collection("values", codec_options=RAW)
                equal: dict[bytes, list[bytes]] = {}
                for value in values():
                    # Inside a document, an array, regex or undefined may be (part of) an _id too.
                    document_id = element(0x03, value, b"_id")
                    try:
                        collection.insert_one(RawBSONDocument(document(document_id)))
                        equal[value] = [value]
                    except DuplicateKeyError:
                        held = collection.find_one({"_id": RawBSONDocument(value)})
                        equal[held["_id"].raw].append(value)
                lines = []
                for rank, held in enumerate(collection.find().hint([("_id", 1)]).min(
                        [("_id", RawBSONDocument(document()))])):
                    lines += [f"{rank} {value.hex()}" for value in dict.fromkeys(
                        equal[held["_id"].raw])]
                return lines
        finally:
            server.stop()


def main() -> None:
    lines = order(VERSIONS[0])
    for version in VERSIONS[1:]:
        assert order(version) == lines, version
    path = Path(__file__).parent / "testdata/order.txt"
    path.write_text("\n".join(lines) + "\n")
    print(f"{path}: {len(lines)} values")


if __name__ == "__main__":
    main()
