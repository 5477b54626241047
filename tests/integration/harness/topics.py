"""Reads what lies in Kafka, as raw bytes."""

from __future__ import annotations

from concurrent.futures import Future

from confluent_kafka import (OFFSET_BEGINNING, Consumer, KafkaError, KafkaException,
                             TopicPartition)
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

from golden.records import Record

CONSUMER = {
    "group.id": "shardtail-tests",
    "enable.auto.commit": False,
    "isolation.level": "read_committed",
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 10,  # the end of a partition is reported after that
    "fetch.message.max.bytes": 50_000_000,
    "fetch.max.bytes": 60_000_000,
    "receive.message.max.bytes": 70_000_000,
}

# What a broker says of a partition whose leader is not known to all yet.
MADE_JUST_NOW = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE,
                 KafkaError.UNKNOWN_TOPIC_OR_PART}


def read_topics(bootstrap: str, prefix: str) -> list[Record]:
    """All records of the topics with this prefix, by topic, partition and offset.

    Raises RuntimeError when the broker does not answer.
    """
    consumer = Consumer({**CONSUMER, "bootstrap.servers": bootstrap})
    try:
        open_partitions = {
            (name, partition)
            for name, topic in consumer.list_topics(timeout=10).topics.items()
            if name.startswith(prefix) for partition in topic.partitions}
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)
                         for topic, partition in open_partitions])
        records = []
        while open_partitions:
            message = consumer.poll(10)
            if message is None:
                raise RuntimeError(f"no answer from {bootstrap} within 10 s")
            if message.error() is None:
                records.append(Record(
                    topic=message.topic(), key=message.key(), value=message.value(),
                    headers=tuple(message.headers() or ()), partition=message.partition(),
                    offset=message.offset()))
            elif message.error().code() == KafkaError._PARTITION_EOF:
                open_partitions.discard((message.topic(), message.partition()))
            else:
                raise RuntimeError(str(message.error()))
    finally:
        consumer.close()
    records.sort(key=lambda record: (record.topic, record.partition, record.offset))
    return records


class RecordCounter:
    """How many records the topics with a prefix hold, without reading them."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._prefix = prefix

    def count(self) -> int:
        partitions = {
            TopicPartition(name, partition): OffsetSpec.latest()
            for name, topic in self._admin.list_topics(timeout=10).topics.items()
            if name.startswith(self._prefix) for partition in topic.partitions}
        if not partitions:
            return 0
        return sum(map(_end, self._admin.list_offsets(partitions).values()))


def _end(answer: Future[ListOffsetsResultInfo]) -> int:
    try:
        return answer.result().offset
    except KafkaException as error:
        if error.args[0].code() in MADE_JUST_NOW:
            return 0
        raise
