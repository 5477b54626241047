"""Builds the documents again from the records, as a consumer of the topics would.

Documents are as Debezium writes them: JSON with 1.3's extended types. `strict` brings a document
of the source into that form.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from bson import Decimal128, Int64, MaxKey, MinKey, ObjectId, Timestamp

from golden.records import Record

Document = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def strict(value: Any) -> Any:
    """A value of the driver in the form of `after`, for the types that the tests use."""
    if isinstance(value, dict):
        return {name: strict(field) for name, field in value.items()}
    if isinstance(value, list):
        return [strict(element) for element in value]
    if isinstance(value, Int64):
        return {"$numberLong": str(value)}
    if isinstance(value, ObjectId):
        return {"$oid": str(value)}
    if isinstance(value, datetime):
        since = value.replace(tzinfo=timezone.utc) - EPOCH
        return {"$date": round(since.total_seconds() * 1000)}
    if isinstance(value, bytes):
        return {"$binary": base64.b64encode(value).decode(), "$type": "00"}
    if isinstance(value, Decimal128):
        return {"$numberDecimal": str(value)}
    if isinstance(value, Timestamp):
        return {"$timestamp": {"t": value.time, "i": value.inc}}
    if isinstance(value, MinKey):
        return {"$minKey": 1}
    if isinstance(value, MaxKey):
        return {"$maxKey": 1}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"no strict form for {type(value)}")


def payload(record: Record) -> dict[str, Any] | None:
    """The event, with or without the schema block around it; None for a tombstone."""
    if record.value is None:
        return None
    value = json.loads(record.value)
    return value.get("payload", value)


def replay(records: Iterable[Record]) -> dict[str, list[Document]]:
    """The documents of each topic at the end, sorted by _id.

    Lenient where a replay over a later state needs that: an update of a document that is not there
    creates it, a path through what is no document replaces it.
    """
    topics: dict[str, dict[bytes, Document]] = {}
    for record in records:
        documents = topics.setdefault(record.topic, {})
        event = payload(record)
        if event is not None:
            apply_event(documents, record.key, event)
    return {topic: sorted(documents.values(), key=lambda document: repr(document["_id"]))
            for topic, documents in topics.items()}


def apply_event(documents: dict[bytes, Document], key: bytes, event: dict[str, Any]) -> None:
    """Brings the documents of a topic, by key, to where they are after that event."""
    operation = event["op"]
    if operation in "rc":
        documents[key] = json.loads(event["after"])
    elif operation == "u":
        patch = json.loads(event["patch"])
        if any(name.startswith("$") for name in patch):
            document = documents.setdefault(key, json.loads(event["filter"]))
            apply_modifiers(document, patch)
        else:
            documents[key] = patch
    elif operation == "d":
        documents.pop(key, None)
    else:
        raise ValueError(f"no operation {operation!r}")


def apply_modifiers(document: Document, patch: dict[str, Any]) -> None:
    """Applies a `$v: 1` update in place."""
    unknown = set(patch) - {"$v", "$set", "$unset", "$push"}
    if unknown:
        raise ValueError(f"cannot apply {unknown}")
    for path, truncation in patch.get("$push", {}).items():  # a `$v: 2` truncation
        if truncation["$each"]:
            raise ValueError(f"cannot apply $push {truncation}")
        array = _parent(document, path.split("."))
        name = path.split(".")[-1]
        if isinstance(array, dict) and isinstance(array.get(name), list):
            del array[name][truncation["$slice"]:]
    for path in patch.get("$unset", {}):
        _unset(document, path.split("."))
    for path, value in patch.get("$set", {}).items():
        _set(document, path.split("."), value)


def _set(target: Any, path: list[str], value: Any) -> None:
    name, *rest = path
    if isinstance(target, list):
        if not name.isdigit():
            return  # of an earlier time, when this was a document; what replaced it comes again
        target.extend([None] * (int(name) + 1 - len(target)))
        index: Any = int(name)
    else:
        target.setdefault(name, None)
        index = name
    if not rest:
        target[index] = value
        return
    if not isinstance(target[index], (dict, list)):
        target[index] = {}
    _set(target[index], rest, value)


def _unset(document: Document, path: list[str]) -> None:
    parent = _parent(document, path)
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
    elif isinstance(parent, list) and path[-1].isdigit() and int(path[-1]) < len(parent):
        parent[int(path[-1])] = None  # as the server does: an array keeps its length


def _parent(document: Document, path: list[str]) -> Any:
    """What holds the path's last name; None when there is nothing."""
    target: Any = document
    for name in path[:-1]:
        if isinstance(target, dict):
            target = target.get(name)
        elif isinstance(target, list) and name.isdigit() and int(name) < len(target):
            target = target[int(name)]
        else:
            return None
    return target
