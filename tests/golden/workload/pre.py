"""What is there before the connector starts, so what its snapshot copies."""

from __future__ import annotations

from golden.workload.steps import Steps
from golden.workload.values import (ODD_COLLECTION_NAMES, documents_by_id_type, typed_documents)


def pre(steps: Steps) -> None:
    documents_of_all_types(steps)
    orders_and_views(steps)
    odd_names(steps)
    databases(steps)
    steps.insert_many("pre todrop", steps.wl["todrop"], [{"_id": 1}, {"_id": 2}])
    steps.insert_many("pre torename", steps.wl["torename"], [{"_id": 1}, {"_id": 2}])


def documents_of_all_types(steps: Steps) -> None:
    for document in typed_documents()[::7]:
        steps.insert("pre types", steps.wl["pre_types"], document)
    for document in documents_by_id_type():
        steps.insert(f"pre ids {document['n']}", steps.wl["pre_ids"], document)


def orders_and_views(steps: Steps) -> None:
    steps.insert_many("pre orders", steps.wl["orders"], [order(n) for n in range(1, 11)])
    steps.do("pre view", lambda: steps.wl.create_collection(
        "orders_view", viewOn="orders", pipeline=[{"$match": {"qty": {"$gt": 8}}}]))
    steps.do("pre empty coll", lambda: steps.wl.create_collection("empty"))
    steps.do("pre capped", lambda: steps.wl.create_collection(
        "capped_pre", capped=True, size=4096, max=5))
    steps.do("pre capped ins", lambda: [
        steps.wl["capped_pre"].insert_one({"_id": number, "x": number}).acknowledged
        for number in range(8)])


def order(number: int) -> dict:
    return {
        "_id": number,
        "cust": f"c{number % 3}",
        "qty": number,
        "addr": {"city": f"X{number}", "zip": f"{number:05d}",
                 "geo": {"lat": number * 1.5, "lon": -number}},
        "items": [{"sku": "a", "n": 1, "price": {"cur": "EUR", "v": 9.5}},
                  {"sku": "b", "n": 2, "price": {"cur": "USD", "v": 1}}],
        "secret": f"s{number}",
    }


def odd_names(steps: Steps) -> None:
    for name in ODD_COLLECTION_NAMES:
        # As a command: the driver refuses some of these names.
        steps.do(f"pre odd {name!r}", lambda: steps.wl.command(
            "insert", name, documents=[{"_id": 1, "n": name}])["n"])


def databases(steps: Steps) -> None:
    client = steps.client
    steps.insert("pre db-dash", client["my-db"]["c-1"], {"_id": 1})
    steps.insert("pre db_us", client["1db_x"]["c"], {"_id": 1})
    steps.insert("pre admin", client["admin"]["foo"], {"_id": 1})
    steps.insert("pre local", steps.not_retryable["local"]["foo"], {"_id": 1})
    steps.insert("pre config", client["config"]["foo"], {"_id": 1})
    for label, database in (("pre other.c", "other"), ("pre gone", "gone")):
        steps.insert_many(label, client[database]["c"], [{"_id": 1, "a": 1}, {"_id": 2, "a": 2}])
