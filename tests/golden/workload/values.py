"""Documents with every BSON type as a value, and documents with every type as _id."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import bson
from bson import (Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex,
                  Timestamp)
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument

Document = Mapping[str, Any]

# Names that a topic, a schema or a regular expression might stumble over.
ODD_COLLECTION_NAMES = [
    "dot.ted.name", "da-sh", "dol$lar", "uni☃ключ", "1digit", "with space", "UPPER", "under_score",
    "a/b", "semi;colon", "x" * 60, "system_like", "Dot.Ted", "tilde~@!",
]


def object_id(number: int) -> ObjectId:
    return ObjectId(f"5f0000000000000000{number:06x}")


class Element:
    """A field of a type that the driver cannot write, as its BSON bytes."""

    def __init__(self, type_byte: int, name: str, payload: bytes) -> None:
        self.bytes = bytes([type_byte]) + name.encode() + b"\0" + payload

    @classmethod
    def undefined(cls, name: str) -> Element:
        return cls(6, name, b"")

    @classmethod
    def symbol(cls, name: str, value: str) -> Element:
        return cls(14, name, bson_string(value))

    @classmethod
    def string(cls, name: str, value: str) -> Element:
        return cls(2, name, bson_string(value))

    @classmethod
    def int32(cls, name: str, value: int) -> Element:
        return cls(16, name, struct.pack("<i", value))

    @classmethod
    def binary(cls, name: str, subtype: int, data: bytes) -> Element:
        """The driver of MongoDB 4.2's time fails at subtype 255."""
        return cls(5, name, struct.pack("<iB", len(data), subtype) + data)

    @classmethod
    def db_pointer(cls, name: str, namespace: str, target: ObjectId) -> Element:
        return cls(12, name, bson_string(namespace) + target.binary)


def bson_string(text: str) -> bytes:
    data = text.encode() + b"\0"
    return struct.pack("<i", len(data)) + data


def raw_document(fields: dict[str, Any], elements: list[Element]) -> RawBSONDocument:
    body = bson.encode(fields)[4:-1] + b"".join(element.bytes for element in elements) + b"\0"
    return RawBSONDocument(struct.pack("<i", len(body) + 4) + body)


TYPED_VALUES: list[tuple[int, str, Any]] = [
    (1, "int32", 42),
    (2, "int32min", -2147483648),
    (3, "int64", Int64(42)),
    (4, "int64max", Int64(9223372036854775807)),
    (5, "int64min", Int64(-9223372036854775808)),
    (6, "double", 3.14),
    (7, "doubleint", 1.0),
    (8, "nan", float("nan")),
    (9, "inf", float("inf")),
    (10, "-inf", float("-inf")),
    (11, "-0.0", -0.0),
    (12, "dbl_big", 1e300),
    (13, "dbl_small", 5e-324),
    (14, "dbl_1e7", 1e7),
    (15, "dbl_1e-3", 0.001),
    (16, "dbl_1e-4", 0.0001),
    (17, "dbl_123456789.125", 123456789.125),
    (18, "dbl_max", 1.7976931348623157e308),
    (19, "dbl_0.1+0.2", 0.1 + 0.2),
    (20, "str", "hello"),
    (21, "str_unicode", "héllo ☃ 日本 😀 \u00a0 \u2028 \u2029 \ufeff"),
    (22, "str_escapes", "q\" bs\\ sl/ nl\n cr\r tab\t bs\b ff\f <>&'"),
    (23, "str_ctrl", "\u0001\u0002\u001f\u007f\u0080\u009f"),
    (24, "str_nul", "a\0b"),
    (25, "str_empty", ""),
    (26, "true", True),
    (27, "false", False),
    (28, "null", None),
    (29, "oid", object_id(1)),
    (30, "date", datetime(2020, 9, 13, 12, 26, 40, 123000)),
    (31, "date_epoch", datetime(1970, 1, 1)),
    (32, "date_neg", datetime(1969, 12, 31, 23, 59, 59, 999000)),
    (33, "date_old", DatetimeMS(-62135596800001)),
    (34, "date_far", DatetimeMS(253402300800000)),
    (35, "date_max", DatetimeMS(9223372036854775807)),
    (36, "date_min", DatetimeMS(-9223372036854775808)),
    (37, "date_9999", datetime(9999, 12, 31, 23, 59, 59, 999000)),
    (38, "ts", Timestamp(1600000000, 7)),
    (39, "ts_max", Timestamp(4294967295, 4294967295)),
    (40, "ts_2^31", Timestamp(2147483648, 1)),
    *((50 + number, f"dec_{text}", Decimal128(text)) for number, text in enumerate([
        "0", "1", "-1.5", "1E+3", "1.000", "NaN", "Infinity", "-Infinity", "-0",
        "9.999999999999999999999999999999999E+6144", "1E-6176", "0E-6176",
        "123456789012345678901234567890.1234",
    ])),
    *((70 + number, f"bin_{subtype}", Binary(data, subtype))
      for number, (subtype, data) in enumerate([
          (0, b"\x00\x01\xff"), (0, b""), (1, b"func"), (2, b"old"), (3, bytes(range(16))),
          (4, bytes(range(16))), (5, b"0123456789abcdef"), (6, b"enc"), (128, b"user"),
      ])),
    (79, "bin_255", Element.binary("v", 255, b"u255")),
    (90, "regex", Regex('^a.*"/b\\d$', "imsx")),
    (91, "regex_noopt", Regex("abc")),
    (92, "regex_empty", Regex("")),
    (93, "js", Code('function() { return "x\\n"; }')),
    (94, "js_scope", Code("function() { return x; }", {"x": 1, "s": {"y": Int64(2)}})),
    (95, "js_scope_empty", Code("f()", {})),
    (96, "minkey", MinKey()),
    (97, "maxkey", MaxKey()),
    (98, "empty_doc", {}),
    (99, "empty_arr", []),
    (100, "nested", {"a": {"b": {"c": [1, {"d": [[], [{}], [1, [2, [3]]]]}]}}}),
    (101, "arr_mixed", [1, Int64(2), 3.0, "4", True, None, object_id(2), datetime(2020, 1, 1),
                        {"k": "v"}, [1, 2]]),
    (102, "dbref", DBRef("orders", object_id(3))),
    (103, "dbref_db", DBRef("orders", 5, "otherdb")),
    (104, "fieldnames", {"a b": 1, "a.b": 2, "x$y": 3, "é☃": 4, "": 5, '"q"': 6, "$inner": 7,
                         "-d": 8, "0": 9, "a\nb": 10, "UPPER": 11, "__v": 12}),
    (105, "ejson_like", {"$oid": "5f0000000000000000000001"}),
    (106, "ejson_like_date", {"$date": Int64(5)}),
    (107, "long_str", "x" * 5000),
    (108, "int_arr", list(range(20))),
    (109, "surrogate_pair", "\U0001F600\U0010FFFF"),
    (110, "slash", "</script>/ \\/"),
]


def typed_documents() -> list[Document]:
    """One document for each type: {_id, t: its name, v: the value}."""
    return [
        raw_document({"_id": number, "t": name}, [value]) if isinstance(value, Element) else
        {"_id": number, "t": name, "v": value} for number, name, value in TYPED_VALUES
    ] + [
        raw_document({"_id": 120, "t": "symbol"}, [Element.symbol("v", 'a "symbol"')]),
        raw_document({"_id": 121, "t": "undefined"}, [Element.undefined("v")]),
        raw_document({"_id": 122, "t": "dbpointer"},
                     [Element.db_pointer("v", "wl.orders", object_id(4))]),
        raw_document({"_id": 123, "t": "dup"}, [Element.int32("v", 1), Element.int32("v", 2)]),
    ]


# uuid4 and uuid3 are binary subtypes 4 and 3 of the same bytes.
UUID_BYTES = Binary.from_uuid(uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"))

IDS: list[tuple[str, Any]] = [
    ("int32", 1),
    ("int32neg", -5),
    ("int64", Int64(2)),
    ("int64big", Int64(9007199254740993)),
    ("double", 1.5),
    ("double_int", 3.0),
    ("double_nan", float("nan")),
    ("double_inf", float("inf")),
    ("dbl_-0", -0.0),
    ("string", "abc"),
    ("str_quote", 'a"b\\c'),
    ("str_uni", "ключ☃😀"),
    ("str_empty", ""),
    ("str_ctrl", "a\n\t\u0001"),
    ("oid", object_id(10)),
    ("doc", {"a": 1, "b": {"c": "x"}}),
    ("doc2", {"b": 1, "a": Int64(2)}),
    ("doc_empty", {}),
    ("uuid4", UUID_BYTES),
    ("uuid3", Binary(bytes(UUID_BYTES), 3)),
    ("bin0", Binary(b"\x01\x02", 0)),
    ("date", datetime(2020, 9, 13, 12, 26, 40, 123000)),
    ("date_neg", DatetimeMS(-1)),
    ("true", True),
    ("false", False),
    ("null", None),
    ("dec", Decimal128("7.50")),
    ("dec_exp", Decimal128("1E+3")),
    ("minkey", MinKey()),
    ("maxkey", MaxKey()),
    ("code", Code("f()")),
    ("codews", Code("g()", {"a": 1})),
    ("dbref", DBRef("c", object_id(11))),
    ("regex_refused", Regex("a")),  # by the server
    ("array_refused", [1]),
]


def documents_by_id_type() -> list[Document]:
    """One document for each type of _id: {_id: the value, n: its name}."""
    plain = [{"_id": value, "n": name} for name, value in IDS]
    return plain + [raw_document({}, [Element.symbol("_id", "sym"),
                                      Element.string("n", "symbol")])]
