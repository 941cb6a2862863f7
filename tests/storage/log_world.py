"""Batches and logs for tests of the log."""

from __future__ import annotations

import random
from pathlib import Path

from kafkalite_protocol.compression import Compression
from kafkalite_protocol.control_records import (
    ControlRecordType,
    EndTransactionMarker,
    build_end_transaction_marker,
)
from kafkalite_protocol.record_batch import RecordBatchView, batches
from kafkalite_protocol.records import Record, build_batch

from kafkalite.clock import ManualClock
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.log_loader import LogLoader
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.types import LeaderEpoch, Offset, TopicPartition, Uuid

NOW_MS = 1_700_000_000_000
TP = TopicPartition("orders", 0)
TOPIC_ID = Uuid(bytes(range(16)))
EPOCH = LeaderEpoch(0)
ALL = 1 << 30


def batch(
    values: int | list[bytes] = 1,
    *,
    timestamp_ms: int = NOW_MS,
    timestamps_ms: list[int] | None = None,
    compression: Compression = Compression.NONE,
    keys: list[bytes | None] | None = None,
    producer_id: int = -1,
    producer_epoch: int = -1,
    sequence: int = -1,
    transactional: bool = False,
    value_bytes: int = 10,
) -> memoryview:
    """As a producer sends it: one record for each value, or that many."""
    if isinstance(values, int):
        values = [b"%0*d" % (value_bytes, index) for index in range(values)]
    times = timestamps_ms or [timestamp_ms] * len(values)
    records = [
        Record(index, times[index], keys[index] if keys else None, value, [])
        for index, value in enumerate(values)
    ]
    return memoryview(
        build_batch(
            records,
            compression=compression,
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            base_sequence=sequence,
            transactional=transactional,
        )
    )


def marker(producer_id: int, producer_epoch: int, *, commit: bool) -> memoryview:
    """The end of a transaction, as the transaction coordinator writes it."""
    kind = ControlRecordType.COMMIT if commit else ControlRecordType.ABORT
    return memoryview(
        build_end_transaction_marker(
            EndTransactionMarker(kind, 0),
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            timestamp_ms=NOW_MS,
        )
    )


def open_log(
    directory: Path,
    config: LogConfig | None = None,
    *,
    filesystem: FileSystem | None = None,
    clock: ManualClock | None = None,
    recovery_point: int = 0,
    log_start_offset: int = 0,
    clean: bool = False,
) -> Log:
    """The log in `directory`, which is made if it is not there."""
    filesystem = filesystem or RealFileSystem()
    if not filesystem.exists(directory):
        filesystem.mkdir(directory)
    loader = LogLoader(filesystem, clock or ManualClock(NOW_MS), random.Random(0))
    return loader.load(
        directory,
        TP,
        TOPIC_ID,
        config or LogConfig(),
        recovery_point=Offset(recovery_point),
        log_start_offset=Offset(log_start_offset),
        clean=clean,
    )


def reopen(log: Log, *, clean: bool = False, recovery_point: int | None = None) -> Log:
    """The log again as another process finds it: after its own clean stop, or after a kill."""
    if clean:
        log.close()
        recovery_point = log.recovery_point
    return open_log(
        log.directory,
        log.config,
        recovery_point=log.recovery_point if recovery_point is None else recovery_point,
        log_start_offset=log.log_start_offset,
        clean=clean,
    )


def append(log: Log, *records: memoryview, now_ms: int = NOW_MS) -> None:
    for each in records:
        log.append_as_leader(each, EPOCH, now_ms)


def read(log: Log, offset: int, max_bytes: int = ALL, *, upper_bound: int | None = None) -> bytes:
    """What one read gives; empty for nothing."""
    bound = log.log_end_offset if upper_bound is None else Offset(upper_bound)
    piece = log.read(Offset(offset), max_bytes, upper_bound=bound)
    return b"" if piece is None else piece.read()


def all_batches(log: Log) -> list[RecordBatchView]:
    """Everything from the segment of the log start on, across segments."""
    found: list[RecordBatchView] = []
    offset = log.log_start_offset
    while data := read(log, offset):
        found += batches(data)
        offset = Offset(found[-1].next_offset)
    return found


def ranges(log: Log) -> list[tuple[int, int]]:
    """(first, last) offset of each batch."""
    return [(each.base_offset, each.last_offset) for each in all_batches(log)]
