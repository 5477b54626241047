"""What happens while the connector streams: every kind of write and of command."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import pymongo
from bson import Binary, Code, Decimal128, Int64, MinKey, Regex, Timestamp
from pymongo.client_session import ClientSession

from golden.workload.steps import Steps
from golden.workload.values import (ODD_COLLECTION_NAMES, documents_by_id_type, object_id,
                                    typed_documents)


def stream(steps: Steps) -> None:
    documents_of_all_types(steps)
    updates(steps)
    replacements_and_upserts(steps)
    find_and_modify(steps)
    deletes(steps)
    bulk_writes(steps)
    updates_of_orders(steps)
    transactions(steps)
    writes_without_retries(steps)
    odd_names_and_databases(steps)
    commands(steps)
    aggregations_that_write(steps)
    steps.do("create applyops", lambda: steps.wl.create_collection("applyops"))
    if steps.apply_ops:
        apply_ops_commands(steps)
    steps.insert("END", steps.wl["zz_end"], {"_id": "end"})


def documents_of_all_types(steps: Steps) -> None:
    for document in typed_documents():
        steps.insert(f"ins type {document['t']}", steps.wl["types"], document)
    for document in documents_by_id_type():
        steps.insert(f"ins id {document['n']}", steps.wl["ids"], document)
    for document in documents_by_id_type():
        name = document["n"]
        if name.endswith("refused"):
            continue
        steps.update(f"upd id {name}", steps.wl["ids"], {"n": name}, {"$set": {"u": 1}})
        steps.delete(f"del id {name}", steps.wl["ids"], {"n": name})


def updatable(number: int) -> dict:
    return {"_id": number, "a": 1, "b": {"c": 1, "d": {"e": "x"}}, "arr": [1, 2, 3],
            "objs": [{"k": 1, "v": "a"}, {"k": 2, "v": "b"}], "s": "str"}


SET_OF_MANY_TYPES = {
    "l": Int64(7), "d": 2.5, "dt": datetime(2020, 1, 2, 3, 4, 5, 6000), "oid": object_id(20),
    "dec": Decimal128("1.10"), "bin": Binary(b"ab", 0), "re": Regex("x", "i"),
    "ts": Timestamp(5, 6), "nul": None, "nan": float("nan"), "mk": MinKey(), "code": Code("f"),
    "cs": Code("g", {"a": 1}), "u": uuid.UUID(int=5),
}

# Label, what the query has beside _id (which counts from 1), change, options.
UPDATES: list[tuple[str, dict, dict, dict[str, Any]]] = [
    ("$set", {}, {"$set": {"a": 2}}, {}),
    ("$set nested", {}, {"$set": {"b.c": 5, "b.d.e": "y", "b.new.deep": 1}}, {}),
    ("$set new", {}, {"$set": {"z": {"n": 1}, "y": [1, {"q": None}]}}, {}),
    ("$unset", {}, {"$unset": {"a": "", "b.d": ""}}, {}),
    ("$set+$unset", {}, {"$set": {"a": 9, "b.c": [1]}, "$unset": {"s": 1, "b.d.e": 1}}, {}),
    ("$inc", {}, {"$inc": {"a": 5, "b.c": Int64(3)}}, {}),
    ("$push", {}, {"$push": {"arr": 4}}, {}),
    ("$push each", {}, {"$push": {"arr": {"$each": [9, 8, 7], "$position": 1}}}, {}),
    ("$pull", {}, {"$pull": {"arr": 2}}, {}),
    ("$pop", {}, {"$pop": {"arr": 1}}, {}),
    ("$addToSet", {}, {"$addToSet": {"arr": {"x": 1}}}, {}),
    ("arr idx", {}, {"$set": {"arr.1": "two", "objs.0.v": "zz", "objs.1.new": {"n": 1}}}, {}),
    ("positional", {"objs.k": 2}, {"$set": {"objs.$.v": "pos"}}, {}),
    ("$[]", {}, {"$inc": {"arr.$[]": 10, "objs.$[].k": 100}}, {}),
    ("$[f]", {}, {"$set": {"objs.$[f].v": "flt"}}, {"array_filters": [{"f.k": 1}]}),
    ("$rename", {}, {"$rename": {"a": "aa", "b.c": "bcc"}}, {}),
    ("$mul/min/max", {}, {"$mul": {"a": 3}, "$min": {"b.c": -1}, "$max": {"arr.0": 100}}, {}),
    ("$bit", {}, {"$bit": {"a": {"or": 6}}}, {}),
    ("arr extend hole", {}, {"$set": {"arr.6": "six"}}, {}),
    ("noop update", {}, {"$set": {"a": 1}}, {}),
    ("set types", {}, {"$set": SET_OF_MANY_TYPES}, {}),
]


def updates(steps: Steps) -> None:
    collection = steps.wl["upd"]
    for number in range(1, 31):
        steps.insert(f"ins upd {number}", collection, updatable(number))
    for number, (label, query, change, options) in enumerate(UPDATES, start=1):
        steps.update(f"upd {label}", collection, {"_id": number, **query}, change, **options)


def replacements_and_upserts(steps: Steps) -> None:
    collection = steps.wl["upd"]
    steps.replace("replace", collection, {"_id": 22}, {"full": "replaced", "n": {"x": 1}})
    steps.replace("replace empty", collection, {"_id": 23}, {})
    steps.update("pipeline upd", collection, {"_id": 24}, [
        {"$set": {"a": {"$add": ["$a", 1]}, "b.c": "pipe"}}, {"$unset": "s"}])
    steps.update("pipeline replace", collection, {"_id": 25}, [
        {"$replaceWith": {"_id": 25, "only": "this"}}])
    steps.update("upsert $set", collection, {"_id": 100},
                 {"$set": {"up": 1}, "$setOnInsert": {"soi": True}}, upsert=True)
    steps.replace("upsert replace", collection, {"_id": 101}, {"rep": 1}, upsert=True)
    steps.update("upsert hit", collection, {"_id": 100}, {"$set": {"up": 2}}, upsert=True)
    steps.do("update_many", lambda: collection.update_many(
        {"_id": {"$gte": 26, "$lte": 28}},
        {"$set": {"m": 1}, "$unset": {"arr": 1}}).raw_result["n"])


def find_and_modify(steps: Steps) -> None:
    collection = steps.wl["upd"]
    steps.do("fam update", lambda: collection.find_one_and_update(
        {"_id": 29}, {"$set": {"fam": 1}}))
    steps.do("fam update after", lambda: collection.find_one_and_update(
        {"_id": 29}, {"$inc": {"fam": 1}}, return_document=True))
    steps.do("fam replace", lambda: collection.find_one_and_replace({"_id": 29}, {"famrep": 1}))
    steps.do("fam delete", lambda: collection.find_one_and_delete({"_id": 29}))
    steps.do("fam upsert", lambda: collection.find_one_and_update(
        {"_id": 102}, {"$set": {"fu": 1}}, upsert=True))


def deletes(steps: Steps) -> None:
    collection = steps.wl["upd"]
    steps.delete("del one", collection, {"_id": 1})
    steps.do("del many", lambda: collection.delete_many({"_id": {"$in": [2, 3]}}).raw_result["n"])
    steps.delete("del none", collection, {"_id": -1})
    steps.insert("reinsert", collection, {"_id": 1, "again": True})
    steps.update("upd big set", collection, {"_id": 30}, {"$set": {"blob": "y" * 3000}})


def bulk_writes(steps: Steps) -> None:
    collection = steps.wl["many"]
    steps.insert_many("insertMany", collection, [{"_id": n, "v": n} for n in range(1, 6)])
    steps.do("insertMany unordered dup", lambda: collection.insert_many(
        [{"_id": 5}, {"_id": 6}, {"_id": 1}, {"_id": 7}], ordered=False))
    steps.do("bulk", lambda: collection.bulk_write([
        pymongo.InsertOne({"_id": 10}),
        pymongo.UpdateOne({"_id": 10}, {"$set": {"x": 1}}),
        pymongo.DeleteOne({"_id": 1}),
        pymongo.ReplaceOne({"_id": 2}, {"r": 1}),
        pymongo.UpdateMany({"_id": {"$in": [3, 4]}}, {"$inc": {"v": 1}}),
    ]).bulk_api_result["nModified"])


def updates_of_orders(steps: Steps) -> None:
    """Changes of documents that the snapshot copied, with fields to be excluded and renamed."""
    orders = steps.wl["orders"]
    steps.update("upd orders set", orders, {"_id": 1}, {
        "$set": {"addr.city": "NEW", "secret": "new", "items.0.price.v": 10}})
    steps.update("upd orders unset", orders, {"_id": 2}, {
        "$unset": {"addr.geo.lat": 1, "secret": 1}})
    steps.update("upd orders set whole addr", orders, {"_id": 3}, {
        "$set": {"addr": {"city": "W", "zip": "1", "geo": {"lat": 0, "lon": 0}}}})
    steps.update("upd orders push item", orders, {"_id": 4}, {
        "$push": {"items": {"sku": "c", "n": 3, "price": {"cur": "GBP", "v": 2}}}})
    steps.update("upd orders secret only", orders, {"_id": 5}, {"$set": {"secret": "only"}})
    steps.update("upd orders unset secret only", orders, {"_id": 5}, {"$unset": {"secret": 1}})
    steps.replace("orders replace", orders, {"_id": 6}, {
        "cust": "r", "addr": {"city": "R"}, "secret": "rr",
        "items": [{"sku": "q", "price": {"v": 1}}]})
    steps.delete("orders delete", orders, {"_id": 7})
    steps.insert("orders insert", orders, {
        "_id": 11, "cust": "n", "addr": {"city": "I", "zip": "z", "geo": {"lat": 1, "lon": 2}},
        "items": [{"sku": "i", "n": 1, "price": {"cur": "EUR", "v": 1}}], "secret": "ins"})


def transactions(steps: Steps) -> None:
    wl, other = steps.replica_set["wl"], steps.replica_set["other"]
    for name in ("tx1", "tx2"):
        steps.do(f"create {name}", lambda: steps.wl.create_collection(name))
    steps.do("create other.tx", lambda: other.create_collection("tx"))

    def of_all_operations(session: ClientSession) -> None:
        wl["tx1"].insert_one({"_id": 1, "t": "c"}, session=session)
        wl["tx2"].insert_many([{"_id": 1}, {"_id": 2}], session=session)
        wl["tx1"].update_one({"_id": 1}, {"$set": {"u": 1}}, session=session)
        wl["tx2"].delete_one({"_id": 1}, session=session)
        other["tx"].insert_one({"_id": 1, "o": "x"}, session=session)
        wl["tx2"].replace_one({"_id": 2}, {"rep": 1}, session=session)
        other["c"].update_one({"_id": 1}, {"$inc": {"a": 1}}, session=session)

    def aborted() -> None:
        with steps.replica_set.start_session() as session:
            session.start_transaction()
            wl["tx1"].insert_one({"_id": 50}, session=session)
            session.abort_transaction()

    def two_in_the_same_session() -> None:
        with steps.replica_set.start_session() as session:
            for number in (70, 71):
                with session.start_transaction():
                    wl["tx1"].insert_one({"_id": number}, session=session)
                    wl["tx2"].insert_one({"_id": number}, session=session)

    def inserted_and_deleted(session: ClientSession) -> None:
        wl["many"].insert_one({"_id": 500}, session=session)
        wl["many"].delete_one({"_id": 500}, session=session)

    steps.transaction("txn commit", of_all_operations)
    steps.do("txn abort", aborted)
    steps.transaction("txn single", lambda session: wl["tx1"].insert_one(
        {"_id": 60}, session=session))
    steps.do("txn two same session", two_in_the_same_session)
    steps.transaction("txn only many", inserted_and_deleted)
    steps.insert("non-txn after", steps.wl["tx1"], {"_id": 80})


def writes_without_retries(steps: Steps) -> None:
    many = steps.new_client_without_retries()["wl"]["many"]
    steps.insert("non-retryable ins", many, {"_id": 300})
    steps.do("non-retryable upd many", lambda: many.update_many(
        {"_id": 300}, {"$set": {"q": 1}}).raw_result["n"])
    steps.delete("non-retryable del", many, {"_id": 300})


def odd_names_and_databases(steps: Steps) -> None:
    for name in ODD_COLLECTION_NAMES:
        steps.do(f"odd ins {name!r}", lambda: steps.wl.command(
            "insert", name, documents=[{"_id": 2, "n": name}])["n"])
        steps.do(f"odd del {name!r}", lambda: steps.wl.command(
            "delete", name, deletes=[{"q": {"_id": 1}, "limit": 1}])["n"])
    client = steps.client
    steps.insert("db-dash", client["my-db"]["c-1"], {"_id": 2})
    steps.insert("1db_x", client["1db_x"]["c"], {"_id": 2})
    steps.insert("admin", client["admin"]["foo"], {"_id": 2})
    steps.insert("local", steps.not_retryable["local"]["foo"], {"_id": 2})
    steps.insert("config", client["config"]["foo"], {"_id": 2})


def commands(steps: Steps) -> None:
    """Views, indexes, drops, renames, capped collections."""
    wl = steps.wl
    steps.do("view", lambda: wl.create_collection("late_view", viewOn="orders", pipeline=[]))
    steps.do("drop view", lambda: wl.drop_collection("late_view"))
    steps.do("create index", lambda: wl["orders"].create_index([("cust", 1)]))
    steps.do("drop index", lambda: wl["orders"].drop_index("cust_1"))
    steps.do("drop", lambda: wl.drop_collection("todrop"))
    steps.insert("ins after drop", wl["todrop"], {"_id": 9})
    steps.do("rename", lambda: wl["torename"].rename("renamed"))
    steps.insert("ins renamed", wl["renamed"], {"_id": 3})
    steps.delete("del renamed", wl["renamed"], {"_id": 1})
    steps.do("rename dropTarget", lambda: wl["renamed"].rename("many", dropTarget=True))
    steps.do("capped create", lambda: wl.create_collection(
        "capped", capped=True, size=4096, max=3))
    steps.do("capped ins", lambda: [
        wl["capped"].insert_one({"_id": number}).acknowledged for number in range(6)])
    steps.do("collMod", lambda: wl.command(
        "collMod", "orders", validator={"cust": {"$exists": True}}, validationLevel="off"))
    steps.do("delete all", lambda: wl["types"].delete_many({"_id": {"$lt": 4}}).raw_result["n"])
    steps.do("dropDatabase", lambda: steps.client.drop_database("gone"))
    steps.insert("ins after dropDatabase", steps.client["gone"]["c"], {"_id": 3})


def aggregations_that_write(steps: Steps) -> None:
    orders = steps.wl["orders"]
    first_two_customers = [{"$match": {"_id": {"$lte": 2}}}, {"$project": {"cust": 1}}]
    first_three_quantities = [{"$match": {"_id": {"$lte": 3}}}, {"$project": {"qty": 1}}]
    steps.do("$out", lambda: list(orders.aggregate([*first_two_customers, {"$out": "outcoll"}])))
    steps.do("$merge", lambda: list(orders.aggregate(
        [*first_two_customers, {"$merge": "outcoll"}])))
    steps.do("$merge replace", lambda: list(orders.aggregate(
        [*first_three_quantities, {"$merge": {"into": "outcoll", "whenMatched": "replace"}}])))
    steps.do("rename across db", lambda: steps.client.admin.command(
        "renameCollection", "wl.da-sh", to="other.da_sh_moved"))


def apply_ops_commands(steps: Steps) -> None:
    steps.do("applyOps cmd", lambda: steps.client.admin.command("applyOps", [
        {"op": "i", "ns": "wl.applyops", "o": {"_id": 1, "via": "applyOps"}},
        {"op": "u", "ns": "wl.orders", "o2": {"_id": 8}, "o": {"$set": {"viaApplyOps": 1}}},
        {"op": "d", "ns": "wl.orders", "o": {"_id": 9}},
    ]))
    steps.do("applyOps atomic=false", lambda: steps.client.admin.command("applyOps", [
        {"op": "i", "ns": "wl.applyops", "o": {"_id": 2}},
        {"op": "i", "ns": "wl.applyops", "o": {"_id": 3}},
    ], allowAtomic=False))
    steps.do("noop msg", lambda: steps.client.admin.command(
        "appendOplogNote", 1, data={"msg": "hello note"}))
