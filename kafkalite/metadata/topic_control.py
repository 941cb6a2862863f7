"""Making, growing and deleting topics: Kafka's checks, in Kafka's order (`ReplicationControlManager`).

Pure functions of an image. Records are returned, nothing is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.config_record import ConfigRecord
from kafkalite_protocol.messages.partition_record import PartitionRecord
from kafkalite_protocol.messages.remove_topic_record import RemoveTopicRecord
from kafkalite_protocol.messages.topic_record import TopicRecord

from kafkalite.config.broker_config import BrokerConfig
from kafkalite.errors import KafkaError
from kafkalite.metadata.config_checks import check_topic_configs
from kafkalite.metadata.events import (
    USE_DEFAULT,
    CreatedTopic,
    CreatePartitions,
    CreateTopics,
    DeletedTopic,
    DeleteTopics,
    GrownTopic,
    MorePartitions,
    NewTopic,
)
from kafkalite.metadata.image import ConfigResourceType, MetadataImage, PartitionImage, TopicImage
from kafkalite.metadata.image_records import partition_record
from kafkalite.metadata.placement import place_replicas
from kafkalite.metadata.topic_names import check_topic_name, collision_key
from kafkalite.types import BrokerId, LeaderEpoch, Uuid

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord

Assignment = tuple[BrokerId, ...]
"""Brokers that hold a partition, in order of preference."""

PARTITIONS_PER_REQUEST_MAX: Final = 10_000
"""Kafka's limit: more than this cannot be one atomic change of the metadata log."""


def create_topics(
    image: MetadataImage, event: CreateTopics, config: BrokerConfig, random: Random
) -> tuple[list[MetadataRecord], list[CreatedTopic]]:
    """Records and answers. Topics that fail leave no records.

    Raises `KafkaError(POLICY_VIOLATION)` when all together have too many partitions: then none is made.
    """
    assert len({topic.name for topic in event.topics}) == len(event.topics), "names differ"
    taken = _CollisionCheck(image, event.topics)
    records: list[MetadataRecord] = []
    results: list[CreatedTopic] = []
    room = PARTITIONS_PER_REQUEST_MAX
    for topic in event.topics:
        try:
            taken.check(topic.name)
            made, result = _create_topic(image, topic, config, random)
        except KafkaError as error:
            results.append(CreatedTopic(topic.name, error))
        else:
            room -= result.num_partitions
            _check_room(room)
            taken.add(topic.name)
            records += made
            results.append(result)
    return ([] if event.validate_only else records), results


def _create_topic(
    image: MetadataImage, topic: NewTopic, config: BrokerConfig, random: Random
) -> tuple[list[MetadataRecord], CreatedTopic]:
    if topic.name in image.topics:
        raise KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic {topic.name} exists already.")
    configs = _new_topic_configs(topic, config)
    assignments = _assignments(image, topic, config, random)
    topic_id = new_topic_id(random)
    records: list[MetadataRecord] = [TopicRecord(name=topic.name, topic_id=topic_id)]
    records += (
        ConfigRecord(ConfigResourceType.TOPIC, topic.name, name, value)
        for name, value in configs.items()
    )
    records += _partition_records(image, topic_id, 0, assignments)
    result = CreatedTopic(
        topic.name, None, topic_id, len(assignments), len(assignments[0]), configs
    )
    return records, result


def new_topic_id(random: Random) -> Uuid:
    """A random (version 4) id whose text does not start with a dash: people pass ids on command lines."""
    while True:
        raw = bytearray(random.randbytes(16))
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        if raw[0] >> 2 != _DASH:
            return Uuid(bytes(raw))


_DASH: Final = 62
"""The six bits that base64url writes as a dash."""


class _CollisionCheck:
    """Tells names that differ only in `.` and `_`. Costs a pass over all topics, once, if a new name has either."""

    def __init__(self, image: MetadataImage, wanted: Sequence[NewTopic]) -> None:
        self._taken: dict[str, str] = {}
        if any(collision_key(topic.name) for topic in wanted):
            for name in image.topics:
                self.add(name)

    def add(self, name: str) -> None:
        key = collision_key(name)
        if key is not None:
            self._taken[key] = name

    def check(self, name: str) -> None:
        check_topic_name(name)
        key = collision_key(name)
        other = self._taken.get(key) if key is not None else None
        if other is not None and other != name:
            raise KafkaError(
                ErrorCode.INVALID_TOPIC_EXCEPTION,
                f"Topic {name} collides with topic {other}: they differ only in dots and underscores.",
            )


def _new_topic_configs(topic: NewTopic, config: BrokerConfig) -> dict[str, str]:
    configs: dict[str, str] = {}
    for name, value in topic.configs.items():
        if value is None:
            raise KafkaError(ErrorCode.INVALID_CONFIG, f"{name} has no value.")
        configs[name] = value
    check_topic_configs(configs, config)
    return configs


# Assignments


def _assignments(
    image: MetadataImage, topic: NewTopic, config: BrokerConfig, random: Random
) -> list[Assignment]:
    if topic.assignments:
        return _manual_assignments(image, topic)
    replication_factor, num_partitions = topic.replication_factor, topic.num_partitions
    if replication_factor == USE_DEFAULT:
        replication_factor = config.default_replication_factor
    if num_partitions == USE_DEFAULT:
        num_partitions = config.num_partitions
    if replication_factor <= 0:
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"{replication_factor} replicas: there must be 1 at least, or -1 for the default.",
        )
    _check_partition_count(num_partitions)
    return place_replicas(image.live_brokers, num_partitions, replication_factor, random)


def _check_partition_count(count: int) -> None:
    if count <= 0:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS,
            f"{count} partitions: there must be 1 at least, or -1 for the default.",
        )
    _check_room(PARTITIONS_PER_REQUEST_MAX - count)


def _check_room(room: int) -> None:
    if room < 0:
        raise KafkaError(
            ErrorCode.POLICY_VIOLATION,
            f"One request may make {PARTITIONS_PER_REQUEST_MAX} partitions, not more.",
        )


def _manual_assignments(image: MetadataImage, topic: NewTopic) -> list[Assignment]:
    if topic.replication_factor != USE_DEFAULT or topic.num_partitions != USE_DEFAULT:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            "With assignments given, partitions and replication factor must both be -1.",
        )
    by_number: dict[int, Assignment] = {}
    for number, brokers in topic.assignments:
        if number in by_number:
            raise _bad_assignment(f"partition {number} is assigned twice")
        by_number[number] = checked_assignment(image, brokers)
    assignments = []
    for expected, number in enumerate(sorted(by_number)):
        if number != expected:
            raise _bad_assignment(
                f"partition {expected} is missing, numbers run from 0 without gap"
            )
        assignments.append(by_number[number])
    _check_same_size(assignments, len(assignments[0]))
    return assignments


def checked_assignment(image: MetadataImage, brokers: Sequence[int]) -> Assignment:
    """Raises `KafkaError(INVALID_REPLICA_ASSIGNMENT)` for what cannot be the brokers of a partition."""
    if not brokers:
        raise _bad_assignment("a partition has no brokers")
    if len(set(brokers)) != len(brokers):
        raise _bad_assignment("a broker is named twice for one partition")
    for broker in brokers:
        if broker not in image.brokers:
            raise _bad_assignment(f"there is no broker {broker}")
    return tuple(map(BrokerId, brokers))


def _check_same_size(assignments: Sequence[Assignment], size: int) -> None:
    for number, brokers in enumerate(assignments):
        if len(brokers) != size:
            raise _bad_assignment(
                f"partition {number} of those given has {len(brokers)} replicas, others {size}"
            )


def _bad_assignment(reason: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"The assignment cannot be: {reason}.")


def _partition_records(
    image: MetadataImage, topic_id: Uuid, first: int, assignments: Sequence[Assignment]
) -> list[MetadataRecord]:
    return [
        _new_partition(image, topic_id, number, replicas)
        for number, replicas in enumerate(assignments, first)
    ]


def _new_partition(
    image: MetadataImage, topic_id: Uuid, number: int, replicas: Assignment
) -> PartitionRecord:
    isr = tuple(broker for broker in replicas if broker in image.live_brokers)
    if not isr:
        raise _bad_assignment(f"no broker of partition {number} is running")
    partition = PartitionImage(isr[0], LeaderEpoch(0), replicas, isr, 0)
    return partition_record(image, topic_id, number, partition)


# Growing and deleting


def create_partitions(
    image: MetadataImage, event: CreatePartitions, random: Random
) -> tuple[list[MetadataRecord], list[GrownTopic]]:
    """Records and answers, or a refusal of all, as `create_topics`."""
    records: list[MetadataRecord] = []
    results: list[GrownTopic] = []
    room = PARTITIONS_PER_REQUEST_MAX
    for wanted in event.topics:
        try:
            made = _grow(image, wanted, random)
        except KafkaError as error:
            results.append(GrownTopic(wanted.name, error))
        else:
            room -= len(made)
            _check_room(room)
            records += made
            results.append(GrownTopic(wanted.name))
    return ([] if event.validate_only else records), results


def _grow(image: MetadataImage, wanted: MorePartitions, random: Random) -> list[MetadataRecord]:
    topic = image.topics.get(wanted.name)
    if topic is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    assignments = _growth(image, topic, wanted, random)
    return _partition_records(image, topic.topic_id, len(topic.partitions), assignments)


def _growth(
    image: MetadataImage, topic: TopicImage, wanted: MorePartitions, random: Random
) -> list[Assignment]:
    present = len(topic.partitions)
    if wanted.total <= present:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS,
            f"Topic {topic.name} has {present} partitions already; {wanted.total} would not be more.",
        )
    added = wanted.total - present
    _check_room(PARTITIONS_PER_REQUEST_MAX - added)
    replication_factor = len(topic.partitions[0].replicas)
    if wanted.assignments is None:
        return place_replicas(image.live_brokers, added, replication_factor, random)
    if len(wanted.assignments) != added:
        raise _bad_assignment(f"{added} partitions are new and {len(wanted.assignments)} assigned")
    assignments = [checked_assignment(image, brokers) for brokers in wanted.assignments]
    _check_same_size(assignments, replication_factor)
    return assignments


def delete_topics(
    image: MetadataImage, event: DeleteTopics
) -> tuple[list[MetadataRecord], list[DeletedTopic]]:
    """Records and answers."""
    records: list[MetadataRecord] = []
    results: list[DeletedTopic] = []
    for topic_id in event.topic_ids:
        if topic_id in image.topics_by_id:
            records.append(RemoveTopicRecord(topic_id=topic_id))
            results.append(DeletedTopic(topic_id))
        else:
            results.append(DeletedTopic(topic_id, KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)))
    return records, results
