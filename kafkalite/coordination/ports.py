"""What a coordinator needs of the broker around it. Nothing here knows an event loop, a socket or a file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.deferred import Deferred
from kafkalite.types import Offset, ProducerId, TopicPartition, Uuid

KeyValue = tuple[bytes, bytes | None]
"""One record of a coordinator's topic; a value of None is a tombstone."""

LogEnd = Callable[[TopicPartition], Offset | None]
"""The offset up to which a partition can be read; None where that is not known."""


class PartitionWriter(Protocol):
    """Appends to the partitions of the coordinators' topics that this broker leads."""

    def append(self, tp: TopicPartition, records: list[KeyValue]) -> Deferred[Offset]:
        """Append `records` as one batch; resolved with its last offset once it is committed.

        Appends to one partition are resolved in the order they were made. Raises KafkaError, or fails the Deferred
        with it: NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, MESSAGE_TOO_LARGE, KAFKA_STORAGE_ERROR.
        """
        ...


class ProducerOfBatch(NamedTuple):
    """Whose transaction a batch belongs to."""

    producer_id: ProducerId
    epoch: int


class TransactionalWriter(PartitionWriter, Protocol):
    """A writer whose records may wait for the end of a client's transaction."""

    def append_transactional(
        self, tp: TopicPartition, records: list[KeyValue], producer: ProducerOfBatch
    ) -> Deferred[Offset]:
        """As `append`; the batch counts once the producer's transaction is committed. Also fails with KafkaError
        INVALID_PRODUCER_EPOCH when a later producer of the same id has written here."""
        ...


class TransactionalRecord(NamedTuple):
    """A record of a coordinator's topic that belongs to a client's transaction."""

    producer_id: ProducerId
    key: bytes
    value: bytes | None


class TransactionEnd(NamedTuple):
    """A marker in a coordinator's partition: what the producer wrote since its last one counts, or does not."""

    producer_id: ProducerId
    committed: bool


LogEntry = KeyValue | TransactionalRecord | TransactionEnd
"""What the log of a coordinator's partition holds, where clients' transactions reach it."""


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


class TransactionMarker(NamedTuple):
    """How one transaction ended: a control record for each of its partitions."""

    producer_id: ProducerId
    producer_epoch: int
    """Under transaction version 2 one more than that of the transaction's records."""
    commit: bool
    coordinator_epoch: int
    """Leader epoch of the coordinator's partition: partitions refuse markers of an older one."""
    partitions: tuple[TopicPartition, ...]
    transaction_version: int
    """0, 1 or 2; from 2 on, a marker must have a greater epoch than the records (KIP-1228)."""


class MarkerWriter(Protocol):
    """Writes transaction markers to the partitions, wherever they are led."""

    def write(self, marker: TransactionMarker) -> Deferred[Mapping[TopicPartition, ErrorCode]]:
        """How it went in each of the marker's partitions, once the high watermark has passed the marker. Never fails.

        NONE; UNKNOWN_TOPIC_OR_PARTITION when the partition exists no more; INVALID_PRODUCER_EPOCH,
        TRANSACTION_COORDINATOR_FENCED: somebody newer has been there. Anything else may be tried again. A marker for
        a transaction that has ended already (written twice) is NONE.
        """
        ...
