"""Configurations of sink connectors, as a user of Debezium's events has them."""

from __future__ import annotations

from pathlib import Path

DEAD_LETTERS = "dead-letters-of-"


def mongodb_sink(name: str, topics: str, address: str) -> dict[str, str]:
    """MongoDB's own, with its handler of Debezium's events; it stops at the first failure.

    Each document goes to the database and the collection that its event names as its source.
    """
    mapper = "com.mongodb.kafka.connect.sink.namespace.mapping.FieldPathNamespaceMapper"
    return {
        "name": name,
        "connector.class": "com.mongodb.kafka.connect.MongoSinkConnector",
        "tasks.max": "1",
        "topics.regex": topics,
        "connection.uri": f"mongodb://{address}",
        "change.data.capture.handler":
            "com.mongodb.kafka.connect.sink.cdc.debezium.mongodb.MongoDbHandler",
        "database": "no_source_in_the_event",
        "namespace.mapper": mapper,
        "namespace.mapper.value.database.field": "source.db",
        "namespace.mapper.value.collection.field": "source.collection",
    }


def document_sink(name: str, topics: str, address: str,
                  transforms: dict[str, str]) -> dict[str, str]:
    """MongoDB's own, for plain documents, behind transforms; it stops at the first failure.

    Each record becomes a document of its own, with its types, in the order of the topic: in the
    database `name`, in the collection that has the topic's name.
    """
    return {
        "name": name,
        "connector.class": "com.mongodb.kafka.connect.MongoSinkConnector",
        "tasks.max": "1",
        "topics.regex": topics,
        "connection.uri": f"mongodb://{address}",
        "database": name,
        "document.id.strategy":
            "com.mongodb.kafka.connect.sink.processor.id.strategy.BsonOidStrategy",
        **transforms,
    }


def unwrapping_file_sink(name: str, topics: str, file: Path) -> dict[str, str]:
    """Kafka's own, behind Debezium's transform to the plain document.

    What the transform does not take goes to the topic DEAD_LETTERS + name.
    """
    transform = "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState"
    return {
        "name": name,
        "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "tasks.max": "1",
        "topics.regex": topics,
        "file": str(file),
        "transforms": "unwrap",
        "transforms.unwrap.type": transform,
        # Deletes go through the transform as well; only tombstones are dropped.
        "transforms.unwrap.delete.handling.mode": "rewrite",
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": DEAD_LETTERS + name,
        "errors.deadletterqueue.topic.replication.factor": "1",
        "errors.deadletterqueue.context.headers.enable": "true",
    }
