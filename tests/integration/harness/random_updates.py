"""Random documents, and random changes of them of every kind that a server knows."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

Document = dict[str, Any]
PLAIN_NAMES = ["a", "b", "c", "list", "docs", "sub", "é☃", "with space", "0", "10", "1x", "A"]
ODD_NAMES = ["dot.ted", ".", "a.b", "sub.a", "", "x$y"]
DOLLAR_NAMES = ["$dollar", "$set", "$v", "$"]


@dataclass(frozen=True)
class Update:
    """What is given to the server: modifiers, a replacement or a pipeline, and its options."""

    change: Any
    options: Document = field(default_factory=dict)

    @property
    def is_pipeline(self) -> bool:
        return isinstance(self.change, list)


class RandomUpdates:
    """All follows from the seed. `dollars`: whether the server takes such names (from 5.0 on)."""

    def __init__(self, seed: int, *, dollars: bool) -> None:
        self._chooser = random.Random(seed)
        self._dollars = dollars
        self._kinds: list[Callable[[Document], Update]] = [
            self._modifiers, self._modifiers, self._modifiers, self._array_modifier,
            self._array_filters, self._replacement, self._rewritten, self._rewritten,
            self._rewritten, self._pipeline]

    def document(self) -> Document:
        """Without its _id; with arrays and documents that the changes know by name."""
        chooser = self._chooser
        document = {self._name(): self._value() for _ in range(chooser.randrange(6))}
        document["list"] = [self._leaf() for _ in range(chooser.randrange(8))]
        document["docs"] = [{"k": key, "v": self._leaf(), "tags": ["t", key, {"x": key}]}
                            for key in range(chooser.randrange(5))]
        document["sub"] = {self._name(): self._value() for _ in range(chooser.randrange(5))}
        document["count"] = chooser.randrange(100)
        if chooser.random() < 0.05:
            document["deep"] = self._nested(chooser.randrange(20, 80))
        items = list(document.items())
        chooser.shuffle(items)
        return dict(items)

    def update(self, document: Document) -> Update:
        return self._chooser.choice(self._kinds)(document)

    def _nested(self, levels: int) -> Any:
        value: Any = self._leaf()
        for level in range(levels):
            value = {"d": value, "n": level} if self._chooser.random() < 0.7 else [level, value]
        return value

    def _name(self) -> str:
        chance = self._chooser.random()
        if chance < 0.85:
            return self._chooser.choice(PLAIN_NAMES)
        if chance < 0.95 or not self._dollars:
            return self._chooser.choice(ODD_NAMES)
        return self._chooser.choice(DOLLAR_NAMES)

    def _value(self, depth: int = 0) -> Any:
        kind = self._chooser.random()
        if kind < 0.6 or depth == 4:
            return self._leaf()
        if kind < 0.8:
            return {self._name(): self._value(depth + 1)
                    for _ in range(self._chooser.randrange(5))}
        return [self._value(depth + 1) for _ in range(self._chooser.randrange(6))]

    def _leaf(self) -> Any:
        number = self._chooser.randrange(1, 1 << 31)
        return self._chooser.choice([
            number, -number, 0, Int64(number << 31), Int64(5), number / 7, -0.0, 1e300, 5e-324,
            3.0, float("nan"), float("-inf"), "", "text", "x" * (number % 300),
            'q"\\/\n\t\u0001é☃😀\u2028', True, False, None, ObjectId(f"{number:024x}"),
            datetime(1969, 1, 1) + timedelta(seconds=number), Decimal128(f"{number}E-5"),
            Decimal128("NaN"), Binary(b"\0\1\xff"), Binary(bytes(range(16)), 3),
            Binary(bytes(range(16)), 4), Binary(b"own", 128), Timestamp(number, 7),
            Regex("^a.*/b\\d$", "ims"), Code("function() { return 1; }"),
            Code("f(y)", {"y": Int64(1)}), MinKey(), MaxKey(), {}, [],
        ])

    # Modifiers

    def _path(self, document: Document) -> str:
        """Of a field that is there, or beside one."""
        path, value = [], document
        while True:
            names = [name for name in value if name != "_id" and is_part_of_a_path(name)]
            if not names or self._chooser.random() < 0.25:
                path.append(self._chooser.choice(PLAIN_NAMES))
                return ".".join(path)
            name = self._chooser.choice(names)
            path.append(name)
            value = value[name]
            while isinstance(value, list) and self._chooser.random() < 0.6:
                index = self._chooser.randrange(len(value) + 2)
                path.append(str(index))
                value = value[index] if index < len(value) else None
            if not isinstance(value, dict) or self._chooser.random() < 0.3:
                return ".".join(path)

    def _modifiers(self, document: Document) -> Update:
        chooser = self._chooser
        change: dict[str, Document] = {}
        for _ in range(chooser.choice([1, 1, 1, 2, 3, 5])):
            operator, value = chooser.choice([
                ("$set", self._value()), ("$set", self._value()), ("$set", self._leaf()),
                ("$unset", ""), ("$unset", ""), ("$inc", chooser.randrange(-5, 5)),
                ("$mul", 1.5), ("$min", self._leaf()), ("$max", self._leaf()),
                ("$rename", chooser.choice(PLAIN_NAMES) + "-renamed"),
                ("$currentDate", {"$type": chooser.choice(["date", "timestamp"])}),
                ("$push", self._value()), ("$addToSet", self._value()),
                ("$pop", chooser.choice([1, -1])), ("$bit", {"xor": 5}),
            ])
            change.setdefault(operator, {})[self._path(document)] = value
        return Update(change)

    def _array_modifier(self, document: Document) -> Update:
        chooser = self._chooser
        change = chooser.choice([
            {"$push": {"list": {"$each": [9, 8, 7], "$position": chooser.randrange(4)}}},
            {"$push": {"list": {"$each": [1, 2], "$sort": -1, "$slice": chooser.randrange(5)}}},
            {"$push": {"list": {"$each": [], "$slice": chooser.randrange(5)}}},
            {"$push": {"docs.0.tags": self._value()}},
            {"$addToSet": {"list": {"$each": [1, {"x": 1}]}}},
            {"$pull": {"list": {"$in": [0, 1, 2, None, "text"]}}},
            {"$pull": {"docs": {"k": {"$lt": 2}}}},
            {"$pullAll": {"list": [9, 8]}},
            {"$set": {f"list.{chooser.randrange(12)}": self._value()}},
            {"$set": {"docs.1.tags.2.x": self._value(), "docs.0.v": self._leaf()}},
            {"$unset": {f"list.{chooser.randrange(4)}": ""}},
        ])
        return Update(change)

    def _array_filters(self, document: Document) -> Update:
        if self._chooser.random() < 0.5:
            return Update({"$set": {"docs.$[].seen": self._leaf()}})
        return Update({"$unset": {"docs.$[d].v": ""}, "$set": {"docs.$[d].new": self._value()}},
                      options={"arrayFilters": [{"d.k": {"$lt": 2}}]})

    def _replacement(self, document: Document) -> Update:
        return Update(self.document() if self._chooser.random() < 0.9 else {})

    # Pipelines

    def _rewritten(self, document: Document) -> Update:
        """Any other document, given as a literal: the server finds the difference itself."""
        other = self._mutated({name: value for name, value in document.items() if name != "_id"}, 0)
        return Update([{"$replaceWith": {"$mergeObjects": [{"_id": "$_id"}, {"$literal": other}]}}])

    def _mutated(self, value: Any, depth: int) -> Any:
        """The same but for some changes; the longer a document lives, the fewer they are."""
        chooser = self._chooser
        if isinstance(value, dict):
            changed = {}
            for name, inner in value.items():
                chance = chooser.random()
                if chance < 0.08:
                    continue
                changed[name] = (self._value() if chance < 0.12 else
                                 self._mutated(inner, depth + 1) if chance < 0.6 else inner)
            if chooser.random() < 0.3:
                changed[self._name()] = self._value(min(depth, 4))
            if chooser.random() < 0.1:
                items = list(changed.items())
                chooser.shuffle(items)
                changed = dict(items)
            return changed
        if isinstance(value, list):
            changed_list = [self._mutated(inner, depth + 1) if chooser.random() < 0.2 else inner
                            for inner in value]
            if chooser.random() < 0.3:
                changed_list = changed_list[:chooser.randrange(len(changed_list) + 1)]
            if chooser.random() < 0.3:
                changed_list += [self._value(min(depth, 4))
                                 for _ in range(chooser.randrange(3))]
            return changed_list
        return self._value(4) if chooser.random() < 0.2 else value

    def _pipeline(self, document: Document) -> Update:
        chooser = self._chooser
        return Update(chooser.choice([
            [{"$set": {"count": {"$add": [{"$ifNull": ["$count", 0]}, 10]}, "zz": "$list"}}],
            [{"$set": {"sub.new": {"$literal": self._value()}, "sub.c": "$count"}}],
            [{"$unset": ["b", "sub.a", "zz"]}],
            [{"$set": {"list": {"$slice": ["$list", chooser.randrange(1, 4)]}}}],
            [{"$set": {"list": {"$slice": ["$list", 3]}, "count": 0}}, {"$unset": "c"}],
            [{"$set": {"list": {"$concatArrays": ["$list", [1, {"x": 2}, 3]]}}}],
            [{"$set": {"list": []}}],
            [{"$set": {"docs": {"$map": {"input": "$docs", "in": {"$mergeObjects": [
                "$$this", {"v": chooser.randrange(9)}]}}}}}],
            [{"$set": {"docs": {"$map": {"input": "$docs", "in": {"$mergeObjects": [
                "$$this", {"tags": {"$slice": ["$$this.tags", 1]}}]}}}}}],
        ]))


def is_part_of_a_path(name: str) -> bool:
    return bool(name) and "." not in name and not name.startswith("$")
