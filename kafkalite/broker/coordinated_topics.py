"""Coordinators and the internal topics that their state is in: who leads a partition serves what its log tells."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from kafkalite_protocol.control_records import ControlRecordType, read_end_transaction_marker
from kafkalite_protocol.record_batch import RecordBatchView, batches
from kafkalite_protocol.records import read_records

from kafkalite.broker.replica import Replica
from kafkalite.broker.replicas import Replicas
from kafkalite.coordination.ports import KeyValue, LogEntry, TransactionalRecord, TransactionEnd
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import MetadataImage
from kafkalite.types import BrokerId, Offset, ProducerId

_log = logging.getLogger(__name__)

_REPLAY_BYTES = 1024 * 1024
"""Bytes of a partition read at a time while replaying it."""


E = TypeVar("E", contravariant=True)


class Coordinator(Protocol[E]):
    """What has its state in the partitions of one topic."""

    def is_loaded(self, partition: int) -> bool: ...
    def load_partition(self, partition: int, log: Iterable[E]) -> None: ...
    def unload_partition(self, partition: int) -> None: ...


def follow_leadership(
    coordinator: Coordinator[E],
    topic: str,
    image: MetadataImage,
    replicas: Replicas,
    me: BrokerId,
    read: Callable[[Replica], Iterable[E]],
) -> None:
    """Replay each partition of `topic` that this broker has come to lead, and let go of the others.

    `read` gives what is in the log of one: `records_of`, or `entries_of` where clients' transactions write.
    """
    found = image.topics.get(topic)
    for index, partition in enumerate(found.partitions if found is not None else ()):
        try:
            replica = replicas.get(topic, index)
        except KafkaError as error:
            _log.error("what %s-%d coordinates cannot be served: %s", topic, index, error)
            continue
        if partition.leader != me:
            coordinator.unload_partition(index)
        elif not coordinator.is_loaded(index):
            coordinator.load_partition(index, read(replica))


def records_of(replica: Replica) -> Iterator[KeyValue]:
    """Every record of a coordinator's partition, in order."""
    for batch in _batches_of(replica):
        if not batch.is_control:
            yield from _key_values(batch)


def entries_of(replica: Replica) -> Iterator[LogEntry]:
    """As `records_of`, with the transactions that the records belong to, and where those end."""
    for batch in _batches_of(replica):
        producer_id = ProducerId(batch.producer_id)
        if batch.is_control:
            marker = read_end_transaction_marker(batch)
            if marker is not None:
                yield TransactionEnd(producer_id, marker.type is ControlRecordType.COMMIT)
        elif batch.is_transactional:
            for key, value in _key_values(batch):
                yield TransactionalRecord(producer_id, key, value)
        else:
            yield from _key_values(batch)


def _batches_of(replica: Replica) -> Iterator[RecordBatchView]:
    offset = replica.log.log_start_offset
    end = replica.log.log_end_offset
    while offset < end:
        piece = replica.log.read(offset, _REPLAY_BYTES, upper_bound=end)
        if piece is None:
            return
        for batch in batches(memoryview(piece.read())):
            offset = Offset(batch.next_offset)
            yield batch


def _key_values(batch: RecordBatchView) -> Iterator[KeyValue]:
    for record in read_records(batch):
        if record.key is not None:
            yield bytes(record.key), None if record.value is None else bytes(record.value)
