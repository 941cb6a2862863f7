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
import random
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import RecordBatchView

from kafkalite.errors import KafkaError
from kafkalite.storage import segment_swap
from kafkalite.storage.checkpoints import LEADER_EPOCH_CHECKPOINT
from kafkalite.storage.filesystem import AppendNotUndoneError
from kafkalite.storage.flush import FlushTask
from kafkalite.storage.index import CorruptIndexError
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.log_validator import (
    check_records,
    check_size,
    client_batch,
    followers_batches,
    stamp_time,
)
from kafkalite.storage.metadata_files import PARTITION_METADATA
from kafkalite.storage.producer_replay import (
    load_latest_snapshot,
    note_producer,
    rebuild_transaction_index,
    remove_snapshots,
    replay,
)
from kafkalite.storage.producer_state import (
    BatchMetadata,
    ProducerState,
    snapshot_offsets,
    snapshot_path,
    write_snapshot,
)
from kafkalite.storage.retention import count_deletable
from kafkalite.storage.timestamp_lookup import TimestampLookup
from kafkalite.types import NO_TIMESTAMP, LeaderEpoch, Offset, TopicPartition, Uuid

if TYPE_CHECKING:
    from pathlib import Path

    from kafkalite.clock import Clock
    from kafkalite.storage.file_slice import FileSlice
    from kafkalite.storage.filesystem import FileSystem, SyncTask
    from kafkalite.storage.leader_epoch_cache import LeaderEpochCache
    from kafkalite.storage.segment import Segment
    from kafkalite.storage.segments import Segments
    from kafkalite.storage.transaction_index import AbortedTransaction

_log = logging.getLogger(__name__)


class AppendOrigin(Enum):
    """Who appends: decides what is checked."""

    CLIENT = "client"
    COORDINATOR = "coordinator"
    """This broker itself, into its internal topics, and markers anywhere: the batch is known to be well made."""


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


class Log:
    """See the module. Made by `log_loader`."""

    __slots__ = (
        "_clock",
        "_files_made",
        "_files_synced",
        "_jitter_ms",
        "_last_flush_ms",
        "_leader_epochs",
        "_offline",
        "_rng",
        "_segments",
        "_truncations",
        "cleaned_offset",
        "config",
        "deleted_files",
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
        rng: random.Random,
        segments: Segments,
        leader_epochs: LeaderEpochCache,
        producer_state: ProducerState,
        log_start_offset: Offset,
        recovery_point: Offset,
        is_durable: bool,
    ) -> None:
        """`is_durable`: the names of all files are known to be on the disk, as after a clean stop."""
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self.directory = directory
        self.config = config
        self.filesystem = filesystem
        self.producer_state = producer_state
        self.log_start_offset = log_start_offset
        self.log_end_offset = segments.active.next_offset
        self.recovery_point = recovery_point
        self.cleaned_offset = Offset(0)
        """Everything below has been compacted. Kept by the log cleaner; may be below the log start."""
        self.deleted_files: list[Path] = []
        """Files of removed segments, renamed to `.deleted`; `LogManager` removes them after `file.delete.delay.ms`."""
        self._clock = clock
        self._rng = rng
        self._segments = segments
        self._leader_epochs = leader_epochs
        self._offline: str | None = None
        self._last_flush_ms = clock.now_ms()
        self._truncations = 0
        self._files_made = 0 if is_durable else 1
        self._files_synced = 0
        self._jitter_ms = self._new_jitter_ms()

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
        return self._segments.size_bytes

    @property
    def segments(self) -> Segments:
        """Oldest first. For looking at."""
        return self._segments

    @property
    def offline_reason(self) -> str | None:
        """Why the log refuses to be written, in plain words; None while it is in order. A restart recovers it."""
        return self._offline

    def reconfigure(self, config: LogConfig) -> None:
        """Topic configs have changed; they hold from the next append on."""
        self.config = config
        self.producer_state.expiration_ms = config.producer_id_expiration_ms
        self._segments.reconfigure(config)

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
        config = self.config
        if origin is AppendOrigin.CLIENT:
            batch = client_batch(records, config)
            check_records(batch, self.topic_partition, config, now_ms)
            if batch.producer_id >= 0:
                known = self.producer_state.check(batch)
                if known is not None:
                    return self._duplicate(known, leader_epoch, batch.total_bytes)
        else:
            batch = RecordBatchView(records)
            check_size(batch, config)
            if batch.producer_id >= 0:
                self.producer_state.check_producer_epoch(batch)
        append_time_ms = stamp_time(batch, config, now_ms)
        base_offset = self.log_end_offset
        batch.stamp(base_offset, leader_epoch)
        size_bytes = batch.total_bytes
        if size_bytes != len(records):
            records = records[:size_bytes]
        self._write(records, (batch,), now_ms)
        return AppendInfo(
            base_offset,
            Offset(base_offset + batch.last_offset_delta),
            append_time_ms,
            self.log_start_offset,
            False,
            leader_epoch,
            size_bytes,
        )

    def _duplicate(
        self, known: BatchMetadata, leader_epoch: LeaderEpoch, size_bytes: int
    ) -> AppendInfo:
        """What was answered to the batch that came first; with its timestamp as the append time (measured)."""
        return AppendInfo(
            known.first_offset,
            known.last_offset,
            known.timestamp_ms,
            self.log_start_offset,
            True,
            leader_epoch,
            size_bytes,
        )

    def append_as_follower(self, records: memoryview) -> AppendInfo:
        """Write whole batches verbatim, as the leader has them.

        Raises KafkaError: CORRUPT_MESSAGE when they are damaged, OFFSET_OUT_OF_RANGE when they do not follow the log end,
        KAFKA_STORAGE_ERROR when they cannot be written; then the log is as it was.
        """
        found = followers_batches(records, self.log_end_offset)
        first, last = found[0], found[-1]
        self._write(records, found, self._clock.now_ms())
        return AppendInfo(
            Offset(first.base_offset),
            Offset(last.last_offset),
            NO_TIMESTAMP,
            self.log_start_offset,
            False,
            LeaderEpoch(last.leader_epoch),
            len(records),
        )

    def _write(self, records: memoryview, found: Sequence[RecordBatchView], now_ms: int) -> None:
        if self._offline is not None:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, self._offline)
        last = found[-1]
        segment = self._segments.active
        try:
            if segment.should_roll(
                len(records),
                last.base_offset + last.last_offset_delta,
                last.max_timestamp_ms,
                now_ms,
                self._jitter_ms,
            ):
                segment = self._roll(Offset(found[0].base_offset), now_ms)
            if last.leader_epoch > self._leader_epochs.latest_epoch:
                self._assign_epochs(found)
            segment.append(records, found)
        except OSError as error:
            raise self._storage_error(error) from error
        self.log_end_offset = segment.next_offset
        for batch in found:
            if batch.producer_id >= 0:
                self._note_producer(batch, segment)

    def _assign_epochs(self, found: Sequence[RecordBatchView]) -> None:
        for batch in found:
            if batch.leader_epoch > self._leader_epochs.latest_epoch:
                self._leader_epochs.assign(
                    LeaderEpoch(batch.leader_epoch), Offset(batch.base_offset)
                )

    def _note_producer(self, batch: RecordBatchView, segment: Segment) -> None:
        aborted = note_producer(self.producer_state, batch)
        if aborted is None:
            return
        try:
            segment.transaction_index.append(aborted)
        except OSError as error:
            # The marker is in the log; without its entry readers would be shown what was aborted.
            self._go_offline(error)
            raise self._storage_error(error) from error

    def _storage_error(self, error: OSError) -> KafkaError:
        _log.error("%s: %s", self.topic_partition, error)
        if isinstance(error, AppendNotUndoneError):
            self._go_offline(error)
        return KafkaError(
            ErrorCode.KAFKA_STORAGE_ERROR,
            f"The log of {self.topic_partition} cannot be written: {error.strerror or error}",
        )

    def _go_offline(self, error: OSError) -> None:
        """May be called from any thread."""
        self._offline = (
            f"The log of {self.topic_partition} is out of order since a write failed ({error.strerror or error}). Check the "
            "disk, then restart the broker: it recovers what is on it"
        )
        _log.error("%s", self._offline)

    # Rolling and flushing

    def roll(self) -> None:
        """Begin a new segment at the log end, unless the active one is empty. Raises KafkaError(KAFKA_STORAGE_ERROR)."""
        try:
            if self._segments.active.size_bytes:
                self._roll(self.log_end_offset, self._clock.now_ms())
        except OSError as error:
            raise self._storage_error(error) from error

    def _roll(self, base_offset: Offset, now_ms: int) -> Segment:
        """The producers' state is written down for each segment's beginning: recovery starts from there."""
        self._segments.active.become_inactive()
        write_snapshot(self.filesystem, self.directory, base_offset, self.producer_state)
        self._files_made += 1
        segment = self._segments.roll(base_offset, now_ms)
        self._jitter_ms = self._new_jitter_ms()
        return segment

    def _new_jitter_ms(self) -> int:
        """`segment.jitter.ms`: so that not all partitions roll in the same moment."""
        jitter_ms = min(self.config.segment_jitter_ms, self.config.segment_ms)
        return self._rng.randrange(jitter_ms) if jitter_ms > 0 else 0

    @property
    def unflushed_records(self) -> int:
        return self.log_end_offset - self.recovery_point

    def is_flush_due(self, now_ms: int) -> bool:
        """By `flush.ms`, and once a segment is full: after a kill no more than the active one is to be recovered.

        Never once offline: what a failed flush left behind cannot be told by another one.
        """
        if self._offline is not None or self.unflushed_records <= 0:
            return False
        if self._segments.active.base_offset > self.recovery_point:
            return True
        return now_ms - self._last_flush_ms >= self.config.flush_ms

    def flush_task(self) -> FlushTask | None:
        """What makes everything appended so far durable; None when it is. Raises KafkaError(KAFKA_STORAGE_ERROR)."""
        if self.log_end_offset > self.recovery_point:
            self._save_leader_epochs()
        files_made = self._files_made
        names_are_synced = files_made == self._files_synced
        if self.log_end_offset <= self.recovery_point and names_are_synced:
            return None
        syncs: list[SyncTask] = []
        for segment in self._segments.from_offset(self.recovery_point):
            syncs += segment.sync_tasks()
        if not names_are_synced:
            syncs += self._name_syncs()
        return FlushTask(
            self.log_end_offset, self._truncations, files_made, syncs, self._go_offline
        )

    def _name_syncs(self) -> list[SyncTask]:
        """Files are only there after a power cut if the directories have been synced that name them."""
        filesystem, directory = self.filesystem, self.directory
        small = [directory / PARTITION_METADATA, directory / LEADER_EPOCH_CHECKPOINT]
        small += [snapshot_path(directory, base) for base in self._segments.base_offsets[-1:]]
        syncs = [filesystem.fsync_task(path) for path in small if filesystem.exists(path)]
        syncs.append(lambda: filesystem.fsync_directory(directory))
        if self._files_synced == 0:
            syncs.append(lambda: filesystem.fsync_directory(directory.parent))
        return syncs

    def flushed(self, task: FlushTask) -> None:
        """A flush task has run: recovery may begin where it ended."""
        self._files_synced = max(self._files_synced, task.files_made)
        if task.truncations == self._truncations:
            self.recovery_point = max(self.recovery_point, task.offset)
            self._last_flush_ms = self._clock.now_ms()

    def flush(self) -> None:
        """Make everything durable now. Raises KafkaError(KAFKA_STORAGE_ERROR)."""
        task = self.flush_task()
        if task is None:
            return
        try:
            task.run()
        except OSError as error:
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
        found = self._find(offset, max_bytes, upper_bound, min_one_batch=min_one_batch)
        return None if found is None else found[1]

    def read_committed(
        self, offset: Offset, max_bytes: int, *, upper_bound: Offset, min_one_batch: bool = True
    ) -> tuple[FileSlice | None, list[AbortedTransaction]]:
        """As `read`, and the aborted transactions of which the reader of these batches may meet records.

        May name some that begin after them: where they end is looked up in the sparse index. Raises KafkaError:
        OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR.
        """
        found = self._find(offset, max_bytes, upper_bound, min_one_batch=min_one_batch)
        if found is None:
            return None, []
        segment, piece = found
        end = min(upper_bound, segment.offset_bound(piece.position + piece.length))
        return piece, self.aborted_transactions(offset, end)

    def _find(
        self, offset: Offset, max_bytes: int, upper_bound: Offset, *, min_one_batch: bool
    ) -> tuple[Segment, FileSlice] | None:
        if not self.log_start_offset <= offset <= self.log_end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"offset {offset} is not within [{self.log_start_offset}, {self.log_end_offset}] of {self.topic_partition}",
            )
        if offset >= upper_bound:
            return None
        for segment in self._segments.from_offset(offset):
            if segment.base_offset >= upper_bound:
                break
            found = segment.read(offset, max_bytes, upper_bound, min_one_batch=min_one_batch)
            if found is not None:
                return (segment, found) if len(found) else None
        return None

    def aborted_transactions(
        self, fetch_offset: Offset, upper_bound: Offset
    ) -> list[AbortedTransaction]:
        """Those of which a reader of [fetch_offset, upper_bound) may meet records. Raises KafkaError(KAFKA_STORAGE_ERROR)."""
        found: list[AbortedTransaction] = []
        try:
            for segment in self._segments.from_offset(fetch_offset):
                aborted, is_complete = self._aborted_in(segment, fetch_offset, upper_bound)
                found += aborted
                if is_complete:
                    break
        except OSError as error:
            raise self._storage_error(error) from error
        return found

    def _aborted_in(
        self, segment: Segment, fetch_offset: Offset, upper_bound: Offset
    ) -> tuple[list[AbortedTransaction], bool]:
        index = segment.transaction_index
        try:
            return index.collect(fetch_offset, upper_bound)
        except CorruptIndexError as error:
            _log.warning("%s; making it again from the log", error)
        rebuild_transaction_index(
            self._segments,
            segment,
            self.filesystem,
            self.directory,
            self.config.producer_id_expiration_ms,
        )
        return index.collect(fetch_offset, upper_bound)

    def timestamp_lookup(self, timestamp_ms: int) -> TimestampLookup:
        """The search for the first record at or after a time, to be run anywhere."""
        slices = []
        for segment in self._segments.from_offset(self.log_start_offset):
            if segment.size_bytes and segment.max_timestamp().timestamp_ms >= timestamp_ms:
                slices.append(segment.slice_for_timestamp(timestamp_ms))
                if segment.base_offset >= self.log_start_offset:
                    break  # the first segment may have it below the log start only
        return TimestampLookup(slices, timestamp_ms, self.log_start_offset)

    def max_timestamp_lookup(self) -> TimestampLookup:
        """The search for the first record that has the greatest timestamp of the log."""
        newest_ms = max(
            segment.max_timestamp().timestamp_ms
            for segment in self._segments.from_offset(self.log_start_offset)
        )
        if newest_ms < 0:
            return TimestampLookup((), newest_ms, self.log_start_offset)
        return self.timestamp_lookup(newest_ms)

    # Compaction

    @property
    def truncations(self) -> int:
        """How often the end was cut off: what was read before may not be there any more."""
        return self._truncations

    def replace_segments(self, old: Sequence[Segment]) -> None:
        """Let the cleaned segment whose files lie ready, `.cleaned`, take the place of `old`: neighbours, not the active one.

        Slices of the old ones keep their files. Raises KafkaError(KAFKA_STORAGE_ERROR): the log is as it was, or offline and
        whole after a restart.
        """
        base_offset = old[0].base_offset
        try:
            segment_swap.complete(self.filesystem, self.directory, base_offset)
        except OSError as error:
            raise self._storage_error(error) from error
        try:
            self.deleted_files += self._segments.swap_in(old)
            for segment in old[1:]:
                snapshot = snapshot_path(self.directory, segment.base_offset)
                if self.filesystem.exists(snapshot):
                    self.filesystem.remove(snapshot)
        except OSError as error:
            self._go_offline(error)
            raise self._storage_error(error) from error

    # Leader epochs

    def assign_epoch_start(self, epoch: LeaderEpoch) -> None:
        """A new leadership begins at the log end."""
        self._leader_epochs.assign(epoch, self.log_end_offset)

    def _save_leader_epochs(self) -> None:
        try:
            if self._leader_epochs.save():
                self._files_made += 1
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

        Below the log start: everything goes and the log begins anew at `offset`. Raises KafkaError(KAFKA_STORAGE_ERROR).
        """
        if offset < self.log_start_offset:
            self.truncate_fully_and_start_at(offset)
        elif offset < self.log_end_offset:
            self._cut(lambda: self._cut_segments(offset))

    def _cut_segments(self, offset: Offset) -> None:
        self._segments.cut(offset)
        if self._segments.active.next_offset < self.log_start_offset:
            # The batch that went began below the log start: what is left has been deleted.
            self._segments.restart(self.log_start_offset, self._clock.now_ms())

    def truncate_fully_and_start_at(self, offset: Offset) -> None:
        """Remove everything; the next record gets `offset`. For a follower whose leader has nothing of what it has.

        Raises KafkaError(KAFKA_STORAGE_ERROR).
        """
        self._cut(lambda: self._segments.restart(offset, self._clock.now_ms()))
        self.log_start_offset = offset

    def _cut(self, cut_segments: Callable[[], None]) -> None:
        self._truncations += 1
        try:
            cut_segments()
            end = self.log_end_offset = self._segments.active.next_offset
            self.recovery_point = min(self.recovery_point, end)
            self.cleaned_offset = min(self.cleaned_offset, end)
            self._files_made += 1
            self._leader_epochs.truncate_from_end(end)
            remove_snapshots(self.filesystem, self.directory, above=end)
            self._restore_producers(end)
        except OSError as error:
            self._go_offline(error)
            raise self._storage_error(error) from error

    def _restore_producers(self, end: Offset) -> None:
        state = self.producer_state
        start = load_latest_snapshot(state, self.filesystem, self.directory, end)
        if start is None:
            start = self._segments[0].base_offset
        replay(state, self._segments.from_offset(start), start, end)

    def move_log_start_offset(self, offset: Offset) -> None:
        """Records below `offset` are gone for readers; their segments go with the next `delete_old_segments`.

            batches {[0,2][3,5][6,8]}, move_log_start_offset(4) -> log start 4, and read(4, ...) gives [3,5][6,8]

        A batch that holds `offset` stays whole: readers skip the records before it. Raises KafkaError: OFFSET_OUT_OF_RANGE
        above the log end, KAFKA_STORAGE_ERROR.
        """
        if offset <= self.log_start_offset:
            return
        if offset > self.log_end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"Offset {offset} lies behind the end of {self.topic_partition}, which is {self.log_end_offset}",
            )
        self.log_start_offset = offset
        try:
            self._leader_epochs.truncate_from_start(offset)
        except OSError as error:
            raise self._storage_error(error) from error

    def increment_log_start_offset(
        self, offset: Offset, *, before_removal: Callable[[], None] | None = None
    ) -> None:
        """`move_log_start_offset`, and the segments that lie below `offset` altogether are removed at once.

        `before_removal` is called in between: for who must not meet a log that begins between the old start and the new one
        after a kill. It may raise OSError. Raises KafkaError as `move_log_start_offset`.
        """
        if offset <= self.log_start_offset:
            return
        self.move_log_start_offset(offset)
        try:
            if before_removal is not None:
                before_removal()
            self._remove_below(offset)
        except OSError as error:
            raise self._storage_error(error) from error

    def delete_old_segments(self, high_watermark: Offset, now_ms: int, count_max: int) -> int:
        """Remove what `retention` says may go, `count_max` segments at most; returns how many those were.

        The log start moves up before any file is touched. When all of the log is too old, the active segment too, a new
        one is begun. Raises KafkaError(KAFKA_STORAGE_ERROR).
        """
        try:
            count = count_deletable(
                self._segments,
                self.config,
                log_start_offset=self.log_start_offset,
                high_watermark=high_watermark,
                now_ms=now_ms,
            )
            if count == 0:
                return 0
            if count > count_max:
                count = count_max
            elif count == len(self._segments):
                self._roll(self.log_end_offset, now_ms)
            start = self._segments[count].base_offset
            self.move_log_start_offset(start)
            self._remove_below(start)
        except OSError as error:
            raise self._storage_error(error) from error
        return count

    def _remove_below(self, offset: Offset) -> None:
        """The oldest first, each as a whole: wherever a kill comes, no hole is left. Raises OSError."""
        for segment in self._segments.take_below(offset):
            self.deleted_files += segment.mark_deleted()
            snapshot = snapshot_path(self.directory, segment.base_offset)
            if self.filesystem.exists(snapshot):
                self.filesystem.remove(snapshot)

    # Ending

    def close(self) -> None:
        """Flush, write the producers' snapshot and let go of the files: the next start need not look at them.

        Raises KafkaError(KAFKA_STORAGE_ERROR): then the log must be recovered at the next start.
        """
        if self._offline is not None:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, self._offline)
        try:
            self._write_last_snapshot()
            for segment in self._segments.from_offset(self.recovery_point):
                segment.complete()
            self.flush()
            for segment in self._segments:
                segment.close()
        except OSError as error:
            raise self._storage_error(error) from error

    def _write_last_snapshot(self) -> None:
        """With a snapshot of its end the log need not be read at the next start. Without any there are no producers."""
        end, directory = self.log_end_offset, self.directory
        snapshots = snapshot_offsets(self.filesystem.listdir(directory))
        if len(self.producer_state) == 0 and not snapshots:
            return
        if end not in snapshots:
            write_snapshot(self.filesystem, directory, end, self.producer_state)
            self.filesystem.fsync(snapshot_path(directory, end))
            self._files_made += 1
        for offset in snapshots:
            if offset != end and offset not in self._segments.base_offsets:
                self.filesystem.remove(snapshot_path(directory, offset))

    def abandon(self) -> None:
        """Let go of the files as they are, of a log that is about to be removed."""
        for segment in self._segments:
            segment.close()
