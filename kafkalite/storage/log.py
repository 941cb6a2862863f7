"""The log of one partition: its segments, in order, and what is known about what is in them.

    log start offset <= recovery point <= log end offset

    appended     in the page cache: survives a killed process
    flushed      below the recovery point: survives a power cut

One thread appends, truncates and reads positions. What blocks is handed out as tasks that can run elsewhere (`flush_task`,
`timestamp_lookup`) and whose result comes back (`flushed`). High watermarks are not known here: they are the replica's.
Kafka: UnifiedLog, LocalLog.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from kafkalite_protocol.control_records import ControlRecordType, read_end_transaction_marker
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import BatchHeader, RecordBatchView, TimestampType, batches

from kafkalite.errors import KafkaError
from kafkalite.storage.log_config import NEVER_MS, LogConfig
from kafkalite.storage.log_validator import check_records, client_batch
from kafkalite.storage.metadata_files import PARTITION_METADATA
from kafkalite.storage.producer_state import (
    ProducerState,
    read_snapshot,
    snapshot_offsets,
    snapshot_path,
    write_snapshot,
)
from kafkalite.storage.segment import Segment
from kafkalite.storage.timestamp_lookup import TimestampLookup
from kafkalite.types import NO_TIMESTAMP, LeaderEpoch, Offset, TopicPartition, Uuid

if TYPE_CHECKING:
    from pathlib import Path

    from kafkalite.clock import Clock
    from kafkalite.storage.file_slice import FileSlice
    from kafkalite.storage.filesystem import FileSystem, SyncTask
    from kafkalite.storage.leader_epoch_cache import LeaderEpochCache

_log = logging.getLogger(__name__)


class AppendOrigin(Enum):
    """Who appends: decides what is checked."""

    CLIENT = "client"
    COORDINATOR = "coordinator"
    """This broker itself, into its internal topics: the batch is known to be well made."""


class AppendInfo(NamedTuple):
    """What became of an append."""

    base_offset: Offset
    last_offset: Offset
    log_append_time_ms: int
    """-1 unless the topic stamps append times; for a duplicate the timestamp of the batch that it repeats."""
    log_start_offset: Offset
    duplicate: bool
    """The batch was there already; nothing was written."""
    leader_epoch: LeaderEpoch
    size_bytes: int


class FlushTask(NamedTuple):
    """Makes a log durable up to `offset`. `run` in any thread, then `Log.flushed(task)` on the log's own."""

    offset: Offset
    syncs: Sequence[SyncTask]

    def run(self) -> None:
        """Raises OSError: then nothing is known to be durable."""
        for sync in self.syncs:
            sync()


class Log:
    """See the module. Made by `log_loader`."""

    __slots__ = (
        "_base_offsets",
        "_clock",
        "_directory_is_new",
        "_last_flush_ms",
        "_leader_epochs",
        "_roll_jitter_ms",
        "_segments",
        "config",
        "directory",
        "filesystem",
        "log_end_offset",
        "log_start_offset",
        "producer_state",
        "recovery_point",
        "topic_id",
        "topic_partition",
    )

    def __init__(
        self,
        topic_partition: TopicPartition,
        topic_id: Uuid,
        directory: Path,
        config: LogConfig,
        *,
        filesystem: FileSystem,
        clock: Clock,
        segments: list[Segment],
        leader_epochs: LeaderEpochCache,
        producer_state: ProducerState,
        log_start_offset: Offset,
        recovery_point: Offset,
    ) -> None:
        assert segments, "a log has an active segment"
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self.directory = directory
        self.config = config
        self.filesystem = filesystem
        self._clock = clock
        self._segments = segments
        self._base_offsets = [segment.base_offset for segment in segments]
        self._leader_epochs = leader_epochs
        self.producer_state = producer_state
        self.log_start_offset = log_start_offset
        self.log_end_offset = segments[-1].next_offset
        self.recovery_point = recovery_point
        self._last_flush_ms = clock.now_ms()
        self._directory_is_new = recovery_point == 0
        self._roll_jitter_ms = 0

    def __repr__(self) -> str:
        return f"Log({self.topic_partition}, {self.log_start_offset}..{self.log_end_offset})"

    # What it is

    @property
    def local_log_start_offset(self) -> Offset:
        """First offset on local disk: the log start while nothing is tiered."""
        return self.log_start_offset

    @property
    def first_unstable_offset(self) -> Offset | None:
        """First offset of the oldest open transaction, None when none is open."""
        return self.producer_state.first_unstable_offset if len(self.producer_state) else None

    @property
    def size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self._segments)

    @property
    def segments(self) -> Sequence[Segment]:
        """Oldest first; the last is the active one. For looking at."""
        return self._segments

    @property
    def active(self) -> Segment:
        return self._segments[-1]

    def reconfigure(self, config: LogConfig) -> None:
        """Topic configs have changed; they hold from the next append on."""
        self.config = config
        for segment in self._segments:
            segment.config = config

    # Appending

    def append_as_leader(
        self,
        records: memoryview,
        leader_epoch: LeaderEpoch,
        now_ms: int,
        *,
        origin: AppendOrigin = AppendOrigin.CLIENT,
    ) -> AppendInfo:
        """Check one batch, give it offsets and epoch in place, and write it. `records` must be writable.

        Raises KafkaError with what is wrong with the batch, and KAFKA_STORAGE_ERROR when it cannot be written: then
        the log is as it was.
        """
        if origin is AppendOrigin.CLIENT:
            batch = client_batch(records, self.config)
            check_records(batch, self.topic_partition, self.config, now_ms)
            if batch.producer_id >= 0 and (known := self.producer_state.check(batch)) is not None:
                return AppendInfo(
                    known.first_offset,
                    known.last_offset,
                    known.timestamp_ms,
                    self.log_start_offset,
                    duplicate=True,
                    leader_epoch=leader_epoch,
                    size_bytes=batch.total_bytes,
                )
        else:
            batch = RecordBatchView(records)
        append_time_ms = NO_TIMESTAMP
        if self.config.message_timestamp_type is TimestampType.LOG_APPEND_TIME:
            append_time_ms = now_ms
            batch.stamp_log_append_time(now_ms)
        base_offset = self.log_end_offset
        batch.stamp(base_offset, leader_epoch)
        end = batch.end
        self._write(records if end == len(records) else records[:end], (batch,), now_ms)
        return AppendInfo(
            base_offset,
            Offset(batch.last_offset),
            append_time_ms,
            self.log_start_offset,
            duplicate=False,
            leader_epoch=leader_epoch,
            size_bytes=end,
        )

    def append_as_follower(self, records: memoryview) -> AppendInfo:
        """Write batches verbatim, as the leader has them. Raises KafkaError as `append_as_leader`."""
        found = list(batches(records))
        assert found, "a follower appends what it has fetched"
        first, last = found[0], found[-1]
        assert first.base_offset >= self.log_end_offset, "a follower continues where its log ends"
        self._write(records, found, self._clock.now_ms())
        return AppendInfo(
            Offset(first.base_offset),
            Offset(last.last_offset),
            NO_TIMESTAMP,
            self.log_start_offset,
            duplicate=False,
            leader_epoch=LeaderEpoch(last.leader_epoch),
            size_bytes=len(records),
        )

    def _write(self, records: memoryview, found: Sequence[RecordBatchView], now_ms: int) -> None:
        last = found[-1]
        last_offset = Offset(last.last_offset)
        active = self._segments[-1]
        try:
            if active.should_roll(
                len(records), last_offset, last.max_timestamp_ms, now_ms, self._roll_jitter_ms
            ):
                active = self._roll(now_ms, Offset(found[0].base_offset))
            active.append(records, found)
            self._note(found)
        except OSError as error:
            raise self._storage_error(error) from error
        self.log_end_offset = Offset(last_offset + 1)
        config = self.config
        if config.flush_messages != NEVER_MS and self.unflushed_records >= config.flush_messages:
            self.flush()

    def _note(self, found: Iterable[RecordBatchView]) -> None:
        """Leader epochs and producers, as the batches tell of them."""
        latest_epoch = self._leader_epochs.latest_epoch
        for batch in found:
            if batch.leader_epoch > latest_epoch:
                self._leader_epochs.assign(
                    LeaderEpoch(batch.leader_epoch), Offset(batch.base_offset)
                )
                latest_epoch = LeaderEpoch(batch.leader_epoch)
            if batch.producer_id >= 0:
                note_producer(self.producer_state, batch)

    def _storage_error(self, error: OSError) -> KafkaError:
        _log.error("%s: %s", self.topic_partition, error)
        return KafkaError(
            ErrorCode.KAFKA_STORAGE_ERROR,
            f"the log of {self.topic_partition} could not be written: {error.strerror or error}",
        )

    # Rolling and flushing

    def roll(self) -> None:
        """Begin a new segment at the log end. Nothing happens while the active one is empty."""
        if self.active.size_bytes:
            self._roll(self._clock.now_ms(), self.log_end_offset)

    def _roll(self, now_ms: int, base_offset: Offset) -> Segment:
        self.active.become_inactive()
        if len(self.producer_state):
            write_snapshot(self.filesystem, self.directory, base_offset, self.producer_state)
        segment = Segment(
            self.filesystem,
            self.directory,
            base_offset,
            self.config,
            created_ms=now_ms,
            create=True,
        )
        self._segments.append(segment)
        self._base_offsets.append(base_offset)
        self._directory_is_new = True
        return segment

    @property
    def unflushed_records(self) -> int:
        return self.log_end_offset - self.recovery_point

    def is_flush_due(self, now_ms: int) -> bool:
        """By `flush.ms`."""
        flush_ms = self.config.flush_ms
        return (
            flush_ms != NEVER_MS
            and self.unflushed_records > 0
            and now_ms - self._last_flush_ms >= flush_ms
        )

    def flush_task(self) -> FlushTask | None:
        """What makes everything appended so far durable; None when it is."""
        if self.log_end_offset <= self.recovery_point and not self._directory_is_new:
            return None
        syncs: list[SyncTask] = []
        for segment in self._segments:
            if segment.next_offset >= self.recovery_point:
                syncs += segment.sync_tasks()
                snapshot = snapshot_path(self.directory, segment.base_offset)
                if self.filesystem.exists(snapshot):
                    syncs.append(self.filesystem.fsync_task(snapshot))
        if self._directory_is_new:
            metadata = self.directory / PARTITION_METADATA
            if self.filesystem.exists(metadata):
                syncs.append(self.filesystem.fsync_task(metadata))
            directory, parent = self.directory, self.directory.parent
            syncs.append(lambda: self.filesystem.fsync_directory(directory))
            syncs.append(lambda: self.filesystem.fsync_directory(parent))
            self._directory_is_new = False
        return FlushTask(self.log_end_offset, syncs)

    def flushed(self, task: FlushTask) -> None:
        """A flush task has run: recovery may begin where it ended."""
        self.recovery_point = Offset(
            max(self.recovery_point, min(task.offset, self.log_end_offset))
        )
        self._last_flush_ms = self._clock.now_ms()

    def flush(self) -> None:
        """Make everything durable now. Raises KafkaError(KAFKA_STORAGE_ERROR)."""
        task = self.flush_task()
        if task is None:
            return
        try:
            task.run()
        except OSError as error:
            self._directory_is_new = True
            raise self._storage_error(error) from error
        self.flushed(task)

    # Reading

    def read(
        self, offset: Offset, max_bytes: int, *, upper_bound: Offset, min_one_batch: bool = True
    ) -> FileSlice | None:
        """Whole batches from the one that holds `offset`, from one segment, below `upper_bound`; None when there are none.

            batches {[0,2][3,5][6,8]}, read(4, 1) -> [3,5]    read(4, 1, min_one_batch=False) -> None    read(9, ...) -> None

        Raises KafkaError(OFFSET_OUT_OF_RANGE) below the log start or above the log end.
        """
        if not self.log_start_offset <= offset <= self.log_end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"offset {offset} is not within [{self.log_start_offset}, {self.log_end_offset}] of {self.topic_partition}",
            )
        if offset >= upper_bound:
            return None
        index = max(0, bisect_right(self._base_offsets, offset) - 1)
        for segment in self._segments[index:]:
            if segment.base_offset >= upper_bound:
                return None
            found = segment.read(offset, max_bytes, upper_bound, min_one_batch=min_one_batch)
            if found is not None:
                return found if len(found) else None
        return None

    def timestamp_lookup(self, timestamp_ms: int) -> TimestampLookup:
        """The search for the first record at or after a time, to be run anywhere."""
        for segment in self._segments:
            if segment.size_bytes and segment.max_timestamp().timestamp_ms >= timestamp_ms:
                where = segment.slice_for_timestamp(timestamp_ms)
                return TimestampLookup(where, timestamp_ms, self.log_start_offset)
        return TimestampLookup(None, timestamp_ms, self.log_start_offset)

    def max_timestamp_lookup(self) -> TimestampLookup:
        """The search for the first record that has the greatest timestamp of the log."""
        newest_ms = max(
            (
                segment.max_timestamp().timestamp_ms
                for segment in self._segments
                if segment.size_bytes
            ),
            default=NO_TIMESTAMP,
        )
        if newest_ms < 0:
            return TimestampLookup(None, newest_ms, self.log_start_offset)
        return self.timestamp_lookup(newest_ms)

    # Leader epochs

    def assign_epoch_start(self, epoch: LeaderEpoch) -> None:
        """A new leadership begins at the log end. Raises KafkaError(KAFKA_STORAGE_ERROR)."""
        try:
            self._leader_epochs.assign(epoch, self.log_end_offset)
        except OSError as error:
            raise self._storage_error(error) from error

    @property
    def latest_epoch(self) -> LeaderEpoch:
        return self._leader_epochs.latest_epoch

    def end_offset_for_epoch(self, epoch: LeaderEpoch) -> tuple[LeaderEpoch, Offset]:
        """The greatest known epoch not above `epoch` and where it ended; (-1, -1) when unknown."""
        return self._leader_epochs.end_offset_for(epoch, self.log_end_offset)

    def epoch_for_offset(self, offset: Offset) -> LeaderEpoch:
        """The epoch that wrote `offset`, -1 when unknown."""
        return self._leader_epochs.epoch_for_offset(offset)

    # Cutting

    def truncate_to(self, offset: Offset) -> None:
        """Remove the batch that holds `offset` and everything after it.

            {[0,2][3,5][6,8]}, truncate_to(6) -> {[0,2][3,5]}    truncate_to(4) -> {[0,2]}    truncate_to(9) -> unchanged

        Raises KafkaError(KAFKA_STORAGE_ERROR).
        """
        if offset >= self.log_end_offset:
            return
        assert offset >= self.log_start_offset, "what is below the log start is gone already"
        try:
            self._cut_segments(offset)
            self.log_end_offset = self.active.next_offset
            self.recovery_point = min(self.recovery_point, self.log_end_offset)
            self._leader_epochs.truncate_from_end(self.log_end_offset)
            self._restore_producers()
        except OSError as error:
            raise self._storage_error(error) from error

    def _cut_segments(self, offset: Offset) -> None:
        while len(self._segments) > 1 and self.active.base_offset >= offset:
            self._drop_segment(self._segments.pop())
            self._base_offsets.pop()
        if self.active.base_offset >= offset:
            # The only one left begins at or after the cut: an empty one takes its place.
            self._drop_segment(self._segments.pop())
            self._base_offsets.pop()
            segment = Segment(
                self.filesystem,
                self.directory,
                offset,
                self.config,
                created_ms=self._clock.now_ms(),
                create=True,
            )
            self._segments.append(segment)
            self._base_offsets.append(offset)
        else:
            self.active.truncate_to(offset)

    def _drop_segment(self, segment: Segment) -> None:
        segment.remove()
        snapshot = snapshot_path(self.directory, segment.base_offset)
        if self.filesystem.exists(snapshot):
            self.filesystem.remove(snapshot)

    def _restore_producers(self) -> None:
        restore_producers(
            self.producer_state,
            self.filesystem,
            self.directory,
            self._segments,
            self.log_end_offset,
        )

    def increment_log_start_offset(self, offset: Offset) -> None:
        """Records below `offset` are gone for readers; segments that lie below it altogether are removed.

        A batch that holds `offset` stays whole: readers skip the records before it.
        """
        if offset <= self.log_start_offset:
            return
        assert offset <= self.log_end_offset, "the start cannot pass the end"
        self.log_start_offset = offset
        self.recovery_point = max(self.recovery_point, offset)
        try:
            while len(self._segments) > 1 and self._segments[1].base_offset <= offset:
                self._base_offsets.pop(0)
                self._drop_segment(self._segments.pop(0))
            self._leader_epochs.truncate_from_start(offset)
        except OSError as error:
            raise self._storage_error(error) from error

    # Ending

    def close(self) -> None:
        """Flush, write the producers' snapshot and let go of the files: the next start need not look at them.

        Raises KafkaError(KAFKA_STORAGE_ERROR).
        """
        try:
            if len(self.producer_state):
                write_snapshot(
                    self.filesystem, self.directory, self.log_end_offset, self.producer_state
                )
                self.filesystem.fsync(snapshot_path(self.directory, self.log_end_offset))
                self._directory_is_new = True
            self._drop_other_snapshots()
            self.flush()
            for segment in self._segments:
                segment.close()
        except OSError as error:
            raise self._storage_error(error) from error

    def abandon(self) -> None:
        """Let go of the files of a log whose directory is about to be removed."""
        for segment in self._segments:
            segment.close()

    def _drop_other_snapshots(self) -> None:
        """Snapshots are for the beginnings of segments and for the log end; others are left from earlier stops."""
        kept = {*self._base_offsets, self.log_end_offset} if len(self.producer_state) else set()
        for offset in snapshot_offsets(self.filesystem.listdir(self.directory)):
            if offset not in kept:
                self.filesystem.remove(snapshot_path(self.directory, offset))


def note_producer(state: ProducerState, batch: BatchHeader) -> None:
    """Take note in `state` of a batch that has a producer id: records, or the marker that ends a transaction."""
    if not batch.is_control:
        state.update(batch)
        return
    assert isinstance(batch, RecordBatchView), "a marker's record is needed"
    marker = read_end_transaction_marker(batch)
    if marker is not None:
        state.complete(
            batch,
            aborted=marker.type is ControlRecordType.ABORT,
            coordinator_epoch=marker.coordinator_epoch,
        )


def restore_producers(
    state: ProducerState,
    filesystem: FileSystem,
    directory: Path,
    segments: Sequence[Segment],
    end_offset: Offset,
) -> None:
    """Make `state` what the log below `end_offset` says: the last snapshot, and the batches since.

    A segment's beginning has a snapshot if any producer was known there, so the last segment is as far as one must go back.
    """
    state.clear()
    start = segments[-1].base_offset
    known = snapshot_offsets(filesystem.listdir(directory))
    usable = [offset for offset in known if start <= offset <= end_offset]
    for offset in reversed(usable):
        read_snapshot(filesystem, directory, offset, state)
        start = offset
        break
    for batch in segments[-1].sound_batches_from(start):
        if batch.producer_id >= 0 and batch.base_offset < end_offset:
            note_producer(state, batch)
