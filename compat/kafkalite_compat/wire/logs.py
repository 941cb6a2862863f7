"""Logs of partitions: writing batches byte for byte as wanted, reading them with their headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kafkalite_protocol.compression import Compression
from kafkalite_protocol.messages.fetch import FetchRequest
from kafkalite_protocol.messages.list_offsets import ListOffsetsRequest
from kafkalite_protocol.messages.produce import ProduceRequest
from kafkalite_protocol.record_batch import RecordBatchView, batches
from kafkalite_protocol.records import Record, build_batch, read_records

from kafkalite_compat.wire.cluster import Cluster
from kafkalite_compat.wire.connection import check

EARLIEST, LATEST = -2, -1
LAST_VERSION_WITH_NAMES: Final = 12  # Produce and Fetch name topics by id from 13 on
FETCH_BYTES: Final = 16 << 20


@dataclass(frozen=True)
class Batch:
    """A batch as the broker keeps it: its header's values and its records."""

    base_offset: int
    last_offset: int
    codec: str
    producer_id: int
    producer_epoch: int
    base_sequence: int
    transactional: bool
    control: bool
    log_append_time: bool
    crc_right: bool
    records: tuple[Record, ...]


def batch_of(
    records: Sequence[Record], codec: str = "none", timestamp_ms: int = 0, **fields: Any
) -> bytes:
    """A batch to be written. Offsets are those of the list; a timestamp below 0 becomes `timestamp_ms`."""
    numbered = [
        record._replace(
            offset=number,
            timestamp_ms=timestamp_ms if record.timestamp_ms < 0 else record.timestamp_ms,
        )
        for number, record in enumerate(records)
    ]
    return bytes(build_batch(numbered, compression=Compression[codec.upper()], **fields))


def append(cluster: Cluster, topic: str, partition: int, batch: bytes) -> int:
    """Append one batch with acks=all; its base offset."""
    produce = ProduceRequest
    request = produce(
        acks=-1,
        timeout_ms=20_000,
        topic_data=[
            produce.TopicProduceData(
                topic, partition_data=[produce.PartitionProduceData(partition, batch)]
            )
        ],
    )

    def attempt() -> int:
        leader = cluster.leader(topic, partition)
        (answer,) = leader.ask(request, LAST_VERSION_WITH_NAMES).responses[0].partition_responses
        check(f"appending to {topic}-{partition}", answer.error_code)
        return int(answer.base_offset)

    return cluster.retry(attempt)


def read(cluster: Cluster, topic: str, partition: int) -> list[Batch]:
    """Every batch of a partition, control batches included."""
    start, end = (list_offset(cluster, topic, partition, at) for at in (EARLIEST, LATEST))
    found: list[Batch] = []
    while start < end:
        fetched = _fetch(cluster, topic, partition, start)
        if not fetched:
            break  # compaction took what was there
        found += fetched
        start = fetched[-1].last_offset + 1
    return found


def read_values(cluster: Cluster, topic: str, partition: int) -> list[Record]:
    """Every record of a partition except the control records."""
    return [
        record
        for batch in read(cluster, topic, partition)
        if not batch.control
        for record in batch.records
    ]


def list_offset(cluster: Cluster, topic: str, partition: int, at: int) -> int:
    """The offset at a time in ms or at EARLIEST or LATEST; -1 if there is none so late."""
    ask = ListOffsetsRequest
    asked = ask.ListOffsetsPartition(partition, timestamp=at)
    request = ask(replica_id=-1, topics=[ask.ListOffsetsTopic(topic, [asked])])

    def attempt() -> int:
        (answer,) = cluster.leader(topic, partition).ask(request).topics[0].partitions
        check(f"offsets of {topic}-{partition}", answer.error_code)
        return int(answer.offset)

    return cluster.retry(attempt)


def _fetch(cluster: Cluster, topic: str, partition: int, offset: int) -> list[Batch]:
    ask = FetchRequest
    asked = ask.FetchPartition(partition, fetch_offset=offset, partition_max_bytes=FETCH_BYTES)
    request = ask(
        replica_id=-1,
        max_wait_ms=500,
        min_bytes=1,
        max_bytes=FETCH_BYTES,
        session_epoch=-1,
        topics=[ask.FetchTopic(topic, partitions=[asked])],
    )

    def attempt() -> list[Batch]:
        leader = cluster.leader(topic, partition)
        (answer,) = leader.ask(request, LAST_VERSION_WITH_NAMES).responses[0].partitions
        check(f"fetching {topic}-{partition}", answer.error_code)
        return [_batch(view) for view in batches(_whole(bytes(answer.records or b"")))]

    return cluster.retry(attempt)


def _whole(data: bytes) -> bytes:
    """`data` without the last batch, if that is cut off: a fetch ends where its bytes are used up."""
    position = 0
    while len(data) - position > 12:
        length = 12 + int.from_bytes(data[position + 8 : position + 12], "big")
        if position + length > len(data):
            break
        position += length
    return data[:position]


def _batch(view: RecordBatchView) -> Batch:
    return Batch(
        base_offset=view.base_offset,
        last_offset=view.last_offset,
        codec=view.compression.name.lower(),
        producer_id=view.producer_id,
        producer_epoch=view.producer_epoch,
        base_sequence=view.base_sequence,
        transactional=view.is_transactional,
        control=view.is_control,
        log_append_time=bool(view.timestamp_type),
        crc_right=view.check_crc(),
        records=tuple(read_records(view)),
    )
