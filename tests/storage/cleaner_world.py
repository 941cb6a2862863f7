"""Cleaning logs in tests, and what readers find in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kafkalite_protocol.compression import Compression
from kafkalite_protocol.control_records import ControlRecordType, read_end_transaction_marker
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import Record, build_batch, read_records

from kafkalite.storage.cleaner.cleaning import CleanedGroup, Cleaning, MapLimits
from kafkalite.storage.cleaner.log_cleaner import Candidate, LogCleaner
from kafkalite.storage.cleaner.plan import CleanableRange, cleanable_range, make_plan
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.types import Offset, TopicPartition
from tests.storage.log_world import NOW_MS, all_batches

COMPACTED = LogConfig(
    compact=True, delete=False, segment_bytes=1000, index_interval_bytes=100, delete_retention_ms=50
)

KeyValue = tuple[bytes | None, bytes | None]


class NoPace:
    """As fast as it goes."""

    def step(self) -> None:
        pass

    def moved(self, size_bytes: int) -> None:
        pass


class OneLog:
    """As much of a LogManager as the cleaner needs, for one log."""

    def __init__(self, log: Log | None) -> None:
        self.current = log

    def log(self, topic_partition: TopicPartition) -> Log | None:
        return self.current

    def cleaner_checkpoint_task(self) -> Callable[[], None]:
        return lambda: None


def keyed(
    *pairs: KeyValue,
    timestamp_ms: int = NOW_MS,
    compression: Compression = Compression.NONE,
    producer_id: int = -1,
    sequence: int = -1,
    transactional: bool = False,
) -> memoryview:
    """A producer's batch of these keys and values; None for a value is a tombstone."""
    records = [
        Record(index, timestamp_ms, key, value, []) for index, (key, value) in enumerate(pairs)
    ]
    return memoryview(
        build_batch(
            records,
            compression=compression,
            producer_id=producer_id,
            producer_epoch=0 if producer_id >= 0 else -1,
            base_sequence=sequence,
            transactional=transactional,
        )
    )


def stable_offset(log: Log) -> Offset:
    """As a replica without followers has it."""
    unstable = log.first_unstable_offset
    return log.log_end_offset if unstable is None else min(unstable, log.log_end_offset)


def range_of(log: Log, now_ms: int = NOW_MS) -> CleanableRange | None:
    return cleanable_range(log, stable_offset(log), now_ms)


def begin(log: Log, now_ms: int = NOW_MS, limits: MapLimits | None = None) -> Cleaning:
    """A cleaning of all that may be cleaned, due or not."""
    what = range_of(log, now_ms)
    assert what is not None, "there is something to clean"
    plan = make_plan(log, what, now_ms)
    return Cleaning(plan, log.filesystem, limits or MapLimits(), NoPace())


def finish(log: Log, cleaning: Cleaning) -> list[CleanedGroup]:
    """All steps of a cleaning, in this thread."""
    cleaner = LogCleaner(OneLog(log))  # type: ignore[arg-type]
    cleaning.prepare()
    groups = []
    while (group := cleaning.next_group()) is not None:
        cleaner.swap_in(cleaning, group)
        groups.append(group)
    cleaner.finished(cleaning)()
    return groups


def clean(log: Log, now_ms: int = NOW_MS, limits: MapLimits | None = None) -> list[CleanedGroup]:
    """Clean all that may be cleaned."""
    return finish(log, begin(log, now_ms, limits))


def candidates(log: Log) -> list[Candidate]:
    return [Candidate(log, stable_offset(log))]


class Found(NamedTuple):
    """A record as a reader sees it."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int


def records_of(batch: RecordBatchView) -> list[Found]:
    return [
        Found(
            record.offset,
            None if record.key is None else bytes(record.key),
            None if record.value is None else bytes(record.value),
            record.timestamp_ms,
        )
        for record in read_records(batch)
    ]


def uncommitted_records(log: Log) -> list[Found]:
    """What a read_uncommitted reader of the whole log gets."""
    return [
        record
        for batch in all_batches(log)
        if not batch.is_control
        for record in records_of(batch)
        if record.offset >= log.log_start_offset
    ]


def committed_records(log: Log) -> list[Found]:
    """What a read_committed reader of the whole log gets, by the client's own rules."""
    end = stable_offset(log)
    to_come = sorted(
        log.aborted_transactions(log.log_start_offset, end), key=lambda each: each.first_offset
    )
    aborting: set[int] = set()
    found: list[Found] = []
    for batch in all_batches(log):
        if batch.base_offset >= end:
            break
        while to_come and to_come[0].first_offset <= batch.last_offset:
            aborting.add(to_come.pop(0).producer_id)
        if batch.is_control:
            marker = read_end_transaction_marker(batch)
            if marker is not None and marker.type is ControlRecordType.ABORT:
                aborting.discard(batch.producer_id)
        elif not (batch.is_transactional and batch.producer_id in aborting):
            found += [each for each in records_of(batch) if each.offset >= log.log_start_offset]
    return found


def pairs_of(log: Log) -> list[tuple[int, bytes | None, bytes | None]]:
    """(offset, key, value) of all records."""
    return [(each.offset, each.key, each.value) for each in uncommitted_records(log)]
