"""Electing leaders and moving replicas: Kafka's checks (`ReplicationControlManager`). Pure functions of an image.

A partition is moved here only among brokers that hold it: a new order of preference, and never another set of brokers.
There is one broker; what would need a second is refused, so no reassignment is ever under way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.partition_change_record import PartitionChangeRecord

from kafkalite.errors import KafkaError
from kafkalite.metadata.events import AlterReassignments, ElectedLeader, ElectLeaders, Reassignment
from kafkalite.metadata.image import NO_LEADER, MetadataImage, PartitionImage
from kafkalite.metadata.topic_control import checked_assignment
from kafkalite.types import TopicPartition

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord


def elect_leaders(
    image: MetadataImage, event: ElectLeaders
) -> tuple[list[MetadataRecord], list[ElectedLeader]]:
    """Records and answers."""
    records: list[MetadataRecord] = []
    results: list[ElectedLeader] = []
    asked = _all_partitions(image) if event.partitions is None else event.partitions
    for partition in asked:
        try:
            records.append(_elect(image, partition, unclean=event.unclean))
        except KafkaError as error:
            if event.partitions is not None or error.code != ErrorCode.ELECTION_NOT_NEEDED:
                results.append(ElectedLeader(partition, error))
        else:
            results.append(ElectedLeader(partition))
    return records, results


def _all_partitions(image: MetadataImage) -> Iterator[TopicPartition]:
    for topic in image.topics.values():
        for number in range(len(topic.partitions)):
            yield TopicPartition(topic.name, number)


def _elect(
    image: MetadataImage, topic_partition: TopicPartition, *, unclean: bool
) -> PartitionChangeRecord:
    partition = _partition(image, topic_partition)
    preferred = partition.replicas[0]
    if partition.leader == preferred or (unclean and partition.leader != NO_LEADER):
        raise KafkaError(ErrorCode.ELECTION_NOT_NEEDED)
    candidates = partition.replicas if unclean else (preferred,) * (preferred in partition.isr)
    leader = next((broker for broker in candidates if broker in image.live_brokers), None)
    if leader is None:
        raise KafkaError(
            ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE
            if unclean
            else ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE
        )
    return PartitionChangeRecord(
        topic_partition.partition, image.topics[topic_partition.topic].topic_id, leader=leader
    )


def alter_reassignments(
    image: MetadataImage, event: AlterReassignments
) -> tuple[list[MetadataRecord], list[KafkaError | None]]:
    """Records and answers."""
    records: list[MetadataRecord] = []
    results: list[KafkaError | None] = []
    for one in event.reassignments:
        try:
            records += _reassign(image, one, allow_resize=event.allow_replication_factor_change)
        except KafkaError as error:
            results.append(error)
        else:
            results.append(None)
    return records, results


def _reassign(
    image: MetadataImage, wanted: Reassignment, *, allow_resize: bool
) -> Iterator[MetadataRecord]:
    partition = _partition(image, wanted.partition)
    if wanted.replicas is None:
        raise KafkaError(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
    replicas = checked_assignment(image, wanted.replicas)
    if not allow_resize and len(replicas) != len(partition.replicas):
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"There are {len(partition.replicas)} replicas, and their number shall not change.",
        )
    if set(replicas) != set(partition.replicas):
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT, "Partitions cannot be moved between brokers here."
        )
    if replicas != partition.replicas:
        topic_id = image.topics[wanted.partition.topic].topic_id
        yield PartitionChangeRecord(wanted.partition.partition, topic_id, replicas=[*replicas])


def _partition(image: MetadataImage, topic_partition: TopicPartition) -> PartitionImage:
    partition = image.partition(topic_partition)
    if partition is None:
        raise KafkaError(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"There is no partition {topic_partition}."
        )
    return partition
