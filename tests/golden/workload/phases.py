"""The phases by name, and the short ones."""

from __future__ import annotations

from collections.abc import Callable

from pymongo.client_session import ClientSession

from golden.workload.pre import pre
from golden.workload.steps import Steps
from golden.workload.stream import stream

SYSTEM_DATABASES = ("admin", "local", "config")


def clean(steps: Steps) -> None:
    """Drops what an earlier run left."""
    for name in steps.client.list_database_names():
        if name not in SYSTEM_DATABASES:
            steps.client.drop_database(name)
    for name in SYSTEM_DATABASES:
        steps.client[name].drop_collection("foo")


def after(steps: Steps) -> None:
    """What happens while the connector is down."""
    collection = steps.wl["after"]
    steps.insert_many("down ins", collection, [{"_id": number} for number in range(3)])
    steps.update("down upd", collection, {"_id": 1}, {"$set": {"x": 1}})
    steps.delete("down del", collection, {"_id": 2})


def bigtxn(steps: Steps) -> None:
    """Transactions that need several oplog entries, and one of many operations."""
    database = steps.replica_set["wl"]
    steps.do("create big", lambda: database.create_collection("big"))

    def more_than_16_megabytes(session: ClientSession) -> None:
        for number in range(5):
            database["big"].insert_one({"_id": number, "b": "z" * (6 * 1024 * 1024)},
                                       session=session)
        database["big"].update_one({"_id": 0}, {"$set": {"b": "small"}}, session=session)

    steps.transaction("big txn (>16MB, chained applyOps)", more_than_16_megabytes)

    def of_500_operations() -> None:
        with steps.replica_set.start_session() as session:
            # Begins anew where the server asks for that, as it may right after the big one.
            session.with_transaction(lambda session: database["big"].insert_many(
                [{"_id": 1000 + number} for number in range(500)], session=session))

    steps.do("500-op txn", of_500_operations)
    steps.insert("END", database["zz_end"], {"_id": "end2"})


def preimg(steps: Steps) -> None:
    """Switches pre- and post-images on for the collections that are updated most."""
    for name in ("orders", "upd", "many"):
        if name not in steps.wl.list_collection_names():
            steps.wl.create_collection(name)
        steps.do(f"preimg {name}", lambda: steps.wl.command(
            "collMod", name, changeStreamPreAndPostImages={"enabled": True}))


PHASES: dict[str, Callable[[Steps], None]] = {
    "clean": clean, "pre": pre, "preimg": preimg, "stream": stream, "after": after,
    "bigtxn": bigtxn,
}
