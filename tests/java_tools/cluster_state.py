"""All that a cluster holds, as clients see it: a value to compare before and after the broker was changed for another."""

from __future__ import annotations

from typing import Any, NamedTuple

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.describe_configs import DescribeConfigsRequest
from kafkalite_protocol.messages.metadata import MetadataRequest

from tests.waiting import wait_until

TOPIC, BROKER = 2, 4
_DYNAMIC_SOURCES = (1, 2, 3)
"""Set on the topic, on the broker, on all brokers."""
_TIMEOUT_S = 30


class ClusterState(NamedTuple):
    records: dict[tuple[str, int], list[tuple]]
    """(offset, key, value, timestamp, headers) of each partition, as a read_committed consumer gets them."""
    extents: dict[tuple[str, int], tuple[int, int]]
    """Log start and high watermark."""
    topic_ids: dict[str, bytes]
    committed: dict[str, dict[tuple[str, int], tuple[int, str | None]]]
    """Group -> partition -> offset and metadata."""
    configs: dict[tuple[int, str], dict[str, str | None]]
    """What somebody has set, by resource."""


def differences(before: ClusterState, after: ClusterState) -> list[tuple]:
    """(what, which, before, after), short enough to be read; empty when nothing is lost and nothing came."""
    return [
        (field, key, str(old.get(key))[:200], str(new.get(key))[:200])
        for field, old, new in zip(ClusterState._fields, before, after, strict=True)
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def cluster_state(bootstrap: str, groups: list[str]) -> ClusterState:
    topics = describe_topics(bootstrap)
    partitions = {
        (topic.name, partition.partition_index)
        for topic in topics
        for partition in topic.partitions
        if not topic.name.startswith("__")
    }
    records, extents = read_everything(bootstrap, sorted(partitions))
    names = [topic.name for topic in topics]
    return ClusterState(
        records,
        extents,
        {topic.name: topic.topic_id for topic in topics},
        {group: committed_offsets(bootstrap, group) for group in groups},
        dynamic_configs(
            bootstrap, [*((TOPIC, name) for name in names), (BROKER, "1"), (BROKER, "")]
        ),
    )


def describe_topics(bootstrap: str) -> list[Any]:
    with RawClient(bootstrap) as client:
        return client.ask(MetadataRequest(topics=None), 13).topics


def leader_epochs(bootstrap: str) -> dict[tuple[str, int], int]:
    return {
        (topic.name, partition.partition_index): partition.leader_epoch
        for topic in describe_topics(bootstrap)
        for partition in topic.partitions
    }


def read_everything(
    bootstrap: str, partitions: list[tuple[str, int]]
) -> tuple[dict[tuple[str, int], list[tuple]], dict[tuple[str, int], tuple[int, int]]]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reads everything, commits nothing",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    try:
        extents: dict[tuple[str, int], tuple[int, int]] = {}
        for key in partitions:
            wait_until(lambda key=key: _led(consumer, key, extents), f"a leader of {key}")
        consumer.assign([TopicPartition(*key, extents[key][0]) for key in partitions])
        records: dict[tuple[str, int], list[tuple]] = {key: [] for key in partitions}
        unfinished = set(partitions)
        while unfinished:
            message = consumer.poll(_TIMEOUT_S)
            assert message is not None, f"nothing comes any more from {sorted(unfinished)}"
            key = (message.topic(), message.partition())
            if message.error() is None:
                seen = (message.key(), message.value(), message.timestamp(), message.headers())
                records[key].append((message.offset(), *seen))
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                unfinished.discard(key)
        return records, extents
    finally:
        consumer.close()


def _led(
    consumer: Consumer, key: tuple[str, int], extents: dict[tuple[str, int], tuple[int, int]]
) -> bool:
    """Put down the extent. False while a broker that has just started does not lead what it says it does."""
    try:
        extents[key] = consumer.get_watermark_offsets(TopicPartition(*key), _TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
            raise
        return False
    return True


def committed_offsets(bootstrap: str, group: str) -> dict[tuple[str, int], tuple[int, str | None]]:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
    return {
        (each.topic, each.partition): (each.offset, each.metadata)
        for each in asked.result(_TIMEOUT_S).topic_partitions
        if each.offset >= 0
    }


def dynamic_configs(
    bootstrap: str,
    resources: list[tuple[int, str]],
    sources: tuple[int, ...] = _DYNAMIC_SOURCES,
) -> dict[tuple[int, str], dict[str, str | None]]:
    request = DescribeConfigsRequest(
        [DescribeConfigsRequest.DescribeConfigsResource(kind, name) for kind, name in resources]
    )
    with RawClient(bootstrap) as client:
        results = client.ask(request, 4).results
    assert [result.error_code for result in results] == [0] * len(results)
    return {
        (result.resource_type, result.resource_name): {
            entry.name: entry.value for entry in result.configs if entry.config_source in sources
        }
        for result in results
    }
