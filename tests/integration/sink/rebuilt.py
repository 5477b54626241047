"""Compares collections with what a sink has rebuilt of them, by their BSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bson
import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument

Documents = dict[bytes, bytes]  # by the BSON of {"": _id}

NOT_OF_USERS = {"admin", "local", "config"}
RAW = CodecOptions(document_class=RawBSONDocument,
                   datetime_conversion=DatetimeConversion.DATETIME_AUTO)
READABLE = CodecOptions(document_class=dict, datetime_conversion=DatetimeConversion.DATETIME_AUTO)


def collections(client: pymongo.MongoClient) -> dict[str, Documents]:
    """All documents, by namespace."""
    found = {}
    for name in set(client.list_database_names()) - NOT_OF_USERS:
        database = client.get_database(name, codec_options=RAW)
        for collection in database.list_collection_names(filter={"type": "collection"}):
            if not collection.startswith("system."):
                found[f"{name}.{collection}"] = {
                    bson.encode({"": document["_id"]}): document.raw
                    for document in database[collection].find()}
    return found


def differences(source: dict[str, Documents], rebuilt: dict[str, Documents],
                form: Callable[[str, bytes], bytes]) -> dict[tuple[str, str], str]:
    """Where they differ, once both documents are brought into a form: by namespace and _id."""
    found = {}
    for namespace in sorted(set(source) | set(rebuilt)):
        ours, theirs = rebuilt.get(namespace, {}), source.get(namespace, {})
        for id in sorted(set(ours) | set(theirs)):
            expected, actual = theirs.get(id), ours.get(id)
            if expected is None or actual is None or (
                    form(namespace, expected) != form(namespace, actual)):
                found[namespace, repr(_readable(id)[""])] = (
                    f"source {_readable(expected)}, rebuilt {_readable(actual)}")
    return found


def without_order(document: bytes) -> bytes:
    """The same for two documents that differ only in the order of their fields."""
    return bson.encode(_sorted(_readable(document)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_sorted(element) for element in value]
    return value


def _readable(document: bytes | None) -> Any:
    return None if document is None else bson.decode(document, READABLE)
