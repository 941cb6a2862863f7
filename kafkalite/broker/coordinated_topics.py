"""Coordinators and the internal topics that their state is in: who leads a partition serves what its log tells."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Protocol

from kafkalite_protocol.record_batch import batches
from kafkalite_protocol.records import read_records

from kafkalite.broker.replica import Replica
from kafkalite.broker.replicas import Replicas
from kafkalite.coordination.ports import KeyValue
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import MetadataImage
from kafkalite.types import BrokerId, Offset

_log = logging.getLogger(__name__)

_REPLAY_BYTES = 1024 * 1024
"""Bytes of a partition read at a time while replaying it."""


class Coordinator(Protocol):
    """What has its state in the partitions of one topic."""

    def is_loaded(self, partition: int) -> bool: ...
    def load_partition(self, partition: int, log: Iterable[KeyValue]) -> None: ...
    def unload_partition(self, partition: int) -> None: ...


def follow_leadership(
    coordinator: Coordinator, topic: str, image: MetadataImage, replicas: Replicas, me: BrokerId
) -> None:
    """Replay each partition of `topic` that this broker has come to lead, and let go of the others."""
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
            coordinator.load_partition(index, records_of(replica))


def records_of(replica: Replica) -> Iterator[KeyValue]:
    """Every record of a coordinator's partition, in order."""
    offset = replica.log.log_start_offset
    end = replica.log.log_end_offset
    while offset < end:
        piece = replica.log.read(offset, _REPLAY_BYTES, upper_bound=end)
        if piece is None:
            return
        data = memoryview(piece.read())
        for batch in batches(data):
            offset = Offset(batch.next_offset)
            if batch.is_control:
                continue
            for record in read_records(batch):
                if record.key is not None:
                    yield bytes(record.key), None if record.value is None else bytes(record.value)
