"""What a coordinator needs of the broker around it. Nothing here knows an event loop, a socket or a file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from kafkalite.deferred import Deferred
from kafkalite.types import Offset, TopicPartition, Uuid

KeyValue = tuple[bytes, bytes | None]
"""One record of a coordinator's topic; a value of None is a tombstone."""


class PartitionWriter(Protocol):
    """Appends to the partitions of the coordinators' topics that this broker leads."""

    def append(self, tp: TopicPartition, records: list[KeyValue]) -> Deferred[Offset]:
        """Append `records` as one batch; resolved with its last offset once it is committed.

        Appends to one partition are resolved in the order they were made. Raises KafkaError, or fails the Deferred
        with it: NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, MESSAGE_TOO_LARGE, KAFKA_STORAGE_ERROR.
        """
        ...


class TopicView(Protocol):
    """The topics of the current metadata image, as far as groups need them."""

    @property
    def version(self) -> int:
        """Number of the image; greater in a later one."""
        ...

    def topic_id(self, name: str) -> Uuid | None:
        """The id of the topic that has this name now, None when there is none."""
        ...

    def topic_name(self, topic_id: Uuid) -> str | None:
        """The name of the topic with this id, None when it does not exist or was deleted."""
        ...

    def partition_exists(self, tp: TopicPartition) -> bool: ...

    def partition_count(self, name: str) -> int:
        """How many partitions the topic has; 0 when there is none of this name."""
        ...

    def partition_racks(self, name: str) -> Sequence[Sequence[str]]:
        """For each partition the racks of its replicas, of those brokers that have one; empty when there is no such topic."""
        ...

    def topic_names(self) -> Collection[str]:
        """Every topic there is, for subscriptions by pattern."""
        ...
