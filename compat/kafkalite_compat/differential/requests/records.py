"""Short ways to write the requests of the scenarios."""

from __future__ import annotations

import struct
from typing import Any

from crc32c import crc32c
from kafkalite_protocol.messages.fetch import FetchRequest
from kafkalite_protocol.messages.list_offsets import ListOffsetsRequest
from kafkalite_protocol.messages.offset_for_leader_epoch import OffsetForLeaderEpochRequest
from kafkalite_protocol.messages.produce import ProduceRequest
from kafkalite_protocol.records import Record, build_batch

NOW_MS = 1_700_000_000_000
UNKNOWN_ID = bytes(range(16))


def batch_of(
    *values: bytes | None, key: bytes | None = b"k", timestamp_ms: int = NOW_MS, **options: Any
) -> bytes:
    records = [Record(n, timestamp_ms, key, value, []) for n, value in enumerate(values)]
    return bytes(build_batch(records, **options))


def idempotent(producer_id: int, sequence: int, *values: bytes, epoch: int = 0) -> bytes:
    return batch_of(
        *(values or (b"v",)), producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence
    )


def with_bytes(batch: bytes, position: int, replacement: bytes) -> bytes:
    return batch[:position] + replacement + batch[position + len(replacement) :]


def with_crc(batch: bytes) -> bytes:
    """The checksum made right again after a change."""
    return with_bytes(batch, 17, struct.pack(">I", crc32c(batch[21:])))


def changed(batch: bytes, position: int, form: str, value: int) -> bytes:
    """A field of the batch header replaced, and the checksum right."""
    return with_crc(with_bytes(batch, position, struct.pack(form, value)))


def produce(
    *parts: tuple[str | bytes, int, bytes | None],
    acks: int = -1,
    transactional_id: str | None = None,
    timeout_ms: int = 5000,
) -> ProduceRequest:
    """Parts are (topic name or id, partition, records)."""
    data = []
    for topic, index, records in parts:
        one = ProduceRequest.TopicProduceData(
            partition_data=[ProduceRequest.PartitionProduceData(index=index, records=records)]
        )
        if isinstance(topic, bytes):
            one.topic_id = topic
        else:
            one.name = topic
        data.append(one)
    return ProduceRequest(
        transactional_id=transactional_id, acks=acks, timeout_ms=timeout_ms, topic_data=data
    )


def part(index: int = 0, offset: int = 0, max_bytes: int = 1 << 20, **options: Any) -> Any:
    return FetchRequest.FetchPartition(
        partition=index, fetch_offset=offset, partition_max_bytes=max_bytes, **options
    )


def fetch(*topics: tuple[Any, ...], **options: Any) -> FetchRequest:
    """Topics are (name or id, partition, partition, ...)."""
    options = {
        "max_wait_ms": 0,
        "min_bytes": 1,
        "max_bytes": 1 << 26,
        "session_epoch": -1,
    } | options
    asked = []
    for topic, *parts in topics:
        one = FetchRequest.FetchTopic(partitions=parts)
        if isinstance(topic, bytes):
            one.topic_id = topic
        else:
            one.topic = topic
        asked.append(one)
    return FetchRequest(topics=asked, **options)


def forgotten(topic: str | bytes, *partitions: int) -> list[Any]:
    one = FetchRequest.ForgottenTopic(partitions=list(partitions))
    if isinstance(topic, bytes):
        one.topic_id = topic
    else:
        one.topic = topic
    return [one]


def list_offsets(
    topic: str, *asked: tuple[int, int], isolation_level: int = 0, **options: Any
) -> ListOffsetsRequest:
    """Asked are (partition, timestamp)."""
    partitions = [
        ListOffsetsRequest.ListOffsetsPartition(partition_index=index, timestamp=time, **options)
        for index, time in asked
    ]
    return ListOffsetsRequest(
        isolation_level=isolation_level,
        topics=[ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=partitions)],
    )


def end_of_epoch(
    topic: str, epoch: int, *, current: int = -1, index: int = 0, replica_id: int = -1
) -> OffsetForLeaderEpochRequest:
    partition = OffsetForLeaderEpochRequest.OffsetForLeaderPartition(
        partition=index, leader_epoch=epoch, current_leader_epoch=current
    )
    return OffsetForLeaderEpochRequest(
        replica_id=replica_id,
        topics=[
            OffsetForLeaderEpochRequest.OffsetForLeaderTopic(topic=topic, partitions=[partition])
        ],
    )
