"""One segment of a log: a file of batches with a sparse offset index and a sparse time index beside it.

The `.log` file is the truth. The indexes say where to start looking and can be made again from it, so a corrupt one
is rebuilt where it is met. Nothing is opened before it is used; a segment loaded after a clean stop learns the state
of its tail (`_activate`) at the first append.

    offset 25, index: [ (9, 0) (19, 4210) ]        floor of 25 is (19, 4210): walk headers from byte 4210
    .log:  | 0-9 | 10-19 | 20-29 | 30-39 |         until a batch ends at or after 25: 20-29
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kafkalite_protocol.record_batch import LOG_OVERHEAD

from kafkalite.storage.batch_scan import batch_places, sound_batches
from kafkalite.storage.file_slice import FileSlice
from kafkalite.storage.filesystem import AppendNotUndoneError
from kafkalite.storage.index import RELATIVE_OFFSET_MAX, CorruptIndexError
from kafkalite.storage.metadata_files import CLEAN_SHUTDOWN
from kafkalite.storage.offset_index import OffsetIndex
from kafkalite.storage.recent_batches import RecentBatches
from kafkalite.storage.segment_files import (
    DELETED_SUFFIX,
    LOG_SUFFIX,
    OFFSET_INDEX_SUFFIX,
    SEGMENT_SUFFIXES,
    TIME_INDEX_SUFFIX,
    TRANSACTION_INDEX_SUFFIX,
    segment_path,
)
from kafkalite.storage.time_index import TimeIndex, TimestampOffset
from kafkalite.storage.transaction_index import TransactionIndex
from kafkalite.types import NO_TIMESTAMP, UNKNOWN_OFFSET, Offset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from kafkalite_protocol.record_batch import BatchHeader, RecordBatchView

    from kafkalite.storage.batch_scan import BatchPlace
    from kafkalite.storage.filesystem import FileSystem, SyncTask
    from kafkalite.storage.log_config import LogConfig

_log = logging.getLogger(__name__)


class Segment:
    """The batches from `base_offset` up to the next segment.

    `next_offset` is the offset after the last batch. For a segment loaded without being read it is the base offset of the
    segment after it, which may be more where records were compacted away.
    """

    __slots__ = (
        "_active",
        "_bytes_since_index_entry",
        "_first_timestamp_ms",
        "_index_is_full",
        "_indexes_are_checked",
        "_max_timestamp_ms",
        "_max_timestamp_offset",
        "_offset_index",
        "_recent",
        "_time_index",
        "base_offset",
        "config",
        "created_ms",
        "directory",
        "filesystem",
        "log",
        "next_offset",
        "size_bytes",
        "transaction_index",
    )

    def __init__(
        self,
        filesystem: FileSystem,
        directory: Path,
        base_offset: Offset,
        config: LogConfig,
        *,
        created_ms: int,
        next_offset: Offset | None = None,
        create: bool = False,
    ) -> None:
        """`next_offset` as it is known from elsewhere; None: the segment is empty, or `recover` is about to find out."""
        self.filesystem = filesystem
        self.directory = directory
        self.base_offset = base_offset
        self.config = config
        self.created_ms = created_ms
        self.next_offset = base_offset if next_offset is None else next_offset
        self.log = filesystem.open(self.path(LOG_SUFFIX), create=create)
        self.size_bytes = 0 if create else self.log.size
        index_bytes = config.segment_index_bytes
        self._offset_index = OffsetIndex(
            filesystem, self.path(OFFSET_INDEX_SUFFIX), base_offset, index_bytes
        )
        self._time_index = TimeIndex(
            filesystem, self.path(TIME_INDEX_SUFFIX), base_offset, index_bytes
        )
        self.transaction_index = TransactionIndex(
            filesystem, self.path(TRANSACTION_INDEX_SUFFIX), base_offset
        )
        self._recent = RecentBatches()
        self._bytes_since_index_entry = 0
        self._index_is_full = False
        self._indexes_are_checked = create
        self._first_timestamp_ms = NO_TIMESTAMP
        self._max_timestamp_ms = NO_TIMESTAMP
        self._max_timestamp_offset = UNKNOWN_OFFSET
        self._active = create

    def __repr__(self) -> str:
        return f"Segment({self.directory.name}, {self.base_offset}..{self.next_offset})"

    def path(self, suffix: str) -> Path:
        return segment_path(self.directory, self.base_offset, suffix)

    # Appending

    def should_roll(
        self, size_bytes: int, last_offset: int, timestamp_ms: int, now_ms: int, jitter_ms: int
    ) -> bool:
        """Must batches of `size_bytes` that end at `last_offset` go to a new segment?

        `segment.bytes` would be exceeded, an index is full, the offset is too far from the base offset to be indexed, or
        `segment.ms` has passed between the first batch's timestamp and this one's (Kafka: LogSegment.shouldRoll).
        Raises OSError as `append` does.
        """
        if last_offset - self.base_offset > RELATIVE_OFFSET_MAX:
            return True
        if self.size_bytes == 0:
            return False
        if not self._active:
            self._activate()
        config = self.config
        if self._index_is_full or self.size_bytes + size_bytes > config.segment_bytes:
            return True
        first_ms = self._first_timestamp_ms
        waited_ms = timestamp_ms - first_ms if first_ms >= 0 else now_ms - self.created_ms
        return waited_ms > config.segment_ms - jitter_ms

    def append(self, records: memoryview, batches: Sequence[BatchHeader]) -> None:
        """Write `records`, which are exactly `batches`, at the end. All or nothing: raises OSError with the segment as it was."""
        if not self._active:
            self._activate()
        position = self.log.append((records,))
        try:
            for batch in batches:
                last_offset = batch.base_offset + batch.last_offset_delta
                size_bytes = LOG_OVERHEAD + batch.batch_length
                self._take_note(
                    batch.base_offset, last_offset, batch.max_timestamp_ms, position, size_bytes
                )
                position += size_bytes
        except OSError as error:
            self._undo_append(Offset(batches[0].base_offset), error)
            raise
        self.size_bytes = position
        last = batches[-1]
        self.next_offset = Offset(last.base_offset + last.last_offset_delta + 1)

    def _take_note(
        self, base_offset: int, last_offset: int, timestamp_ms: int, position: int, size_bytes: int
    ) -> None:
        """A batch lies at `position`: remember it, and index it if more than `index.interval.bytes` lie between it and
        the batch that was indexed last.

        The index can be full only while it is made again, under a smaller interval than it was first made with:
        what lies behind its last entry is then found by walking.
        """
        if timestamp_ms > self._max_timestamp_ms:
            self._max_timestamp_ms = timestamp_ms
            self._max_timestamp_offset = Offset(last_offset)
        if position == 0:
            self._first_timestamp_ms = timestamp_ms
        if (
            self._bytes_since_index_entry > self.config.index_interval_bytes
            and not self._index_is_full
        ):
            self._offset_index.append(Offset(last_offset), position)
            self._time_index.maybe_append(self._max_timestamp_ms, self._max_timestamp_offset)
            self._index_is_full = self._offset_index.is_full or self._time_index.is_full
            self._bytes_since_index_entry = 0
        self._bytes_since_index_entry += size_bytes
        self._recent.append(base_offset, last_offset, position)

    def _undo_append(self, offset: Offset, cause: OSError) -> None:
        """An index could not grow: cut off the batches from `offset` on, which were just written."""
        try:
            self.log.truncate(self.size_bytes)
            self._forget_from(offset)
        except OSError as error:
            raise AppendNotUndoneError(
                error.errno, f"cannot cut off a failed append: {error.strerror}", str(self.log.path)
            ) from cause

    def _activate(self) -> None:
        """Learn of the tail what appending needs to know. After a clean stop, at the first append.

        Raises OSError when the file does not end where it did at the clean stop.
        """
        offset_index, time_index = self._indexes()
        self._max_timestamp_ms, self._max_timestamp_offset = time_index.last_entry
        position = offset_index.lookup(self.next_offset).position
        end, next_offset = position, int(self.base_offset)
        for place in batch_places(self.log, position, self.size_bytes):
            self._recent.append(place.base_offset, place.last_offset, place.position)
            self._see_timestamp(place)
            end, next_offset = place.end, place.last_offset + 1
        if end != self.size_bytes or next_offset != self.next_offset:
            raise OSError(
                f"{self.log.path} ends at offset {next_offset}, byte {end} of {self.size_bytes}, but was closed at "
                f"offset {self.next_offset}: it was changed since. To have the log recovered remove the file "
                f"{CLEAN_SHUTDOWN} from the data directory while the broker is stopped, and start it again"
            )
        first = next(batch_places(self.log, 0, self.size_bytes), None)
        self._first_timestamp_ms = first.max_timestamp_ms if first else NO_TIMESTAMP
        self._index_is_full = offset_index.is_full or time_index.is_full
        self._bytes_since_index_entry = self.size_bytes - position
        self._active = True

    def _see_timestamp(self, place: BatchPlace) -> None:
        if place.max_timestamp_ms > self._max_timestamp_ms:
            self._max_timestamp_ms = place.max_timestamp_ms
            self._max_timestamp_offset = Offset(place.last_offset)

    # Reading

    def read(
        self, offset: Offset, max_bytes: int, upper_bound: Offset, *, min_one_batch: bool
    ) -> FileSlice | None:
        """Whole batches from the one that holds `offset`, or the first after it: as many as fit in `max_bytes` and end
        below `upper_bound`. None: no batch here ends at or after `offset`.
        """
        start = self._position_of(offset)
        end = self.size_bytes
        if start == end:
            return None
        if upper_bound < self.next_offset:
            end = max(start, self._position_of(upper_bound))
        if end - start > max_bytes:
            end = self._cut(start, start + max_bytes, end, min_one_batch=min_one_batch)
        return FileSlice(self.log, start, end - start)

    def sound_batches_from(self, offset: Offset) -> Iterator[RecordBatchView]:
        """The batches that end at or after `offset`, whole and checked; for what must look inside."""
        position = self._position_of(offset)
        return sound_batches(self.log, position, self.size_bytes, self.base_offset)

    def _position_of(self, offset: Offset) -> int:
        """Start of the first batch that ends at or after `offset`; the size when there is none."""
        position = self._recent.position_of(offset, self.size_bytes)
        if position is not None:
            return position
        if offset <= self.base_offset:
            return 0
        start = self._indexes()[0].lookup(offset).position
        for place in batch_places(self.log, start, self.size_bytes):
            if place.last_offset >= offset:
                return place.position
        return self.size_bytes

    def _cut(self, start: int, limit: int, end: int, *, min_one_batch: bool) -> int:
        """The last end of a batch in (start, limit]; if there is none, the end of the first batch, or `start`."""
        boundary = self._recent.boundary_at_or_before(limit)
        if boundary is None:
            boundary = max(start, self._indexes()[0].lookup_position(limit).position)
            for place in batch_places(self.log, boundary, end):
                if place.end > limit:
                    break
                boundary = place.end
        if boundary > start:
            return boundary
        if not min_one_batch:
            return start
        return (
            self._recent.boundary_after(start, end) or next(batch_places(self.log, start, end)).end
        )

    def offset_bound(self, position: int) -> Offset:
        """An offset that no batch which ends at or before `position` reaches; not always the smallest (the index is sparse)."""
        if position >= self.size_bytes:
            return self.next_offset
        return self._indexes()[0].first_at_or_after(position) or self.next_offset

    # Time

    def max_timestamp(self) -> TimestampOffset:
        """The greatest timestamp, and the last offset of the batch that has it; -1 and -1 without batches."""
        if self._max_timestamp_ms == NO_TIMESTAMP and self.size_bytes:
            self._find_max_timestamp()
        return TimestampOffset(self._max_timestamp_ms, self._max_timestamp_offset)

    def first_timestamp_ms(self) -> int:
        """The greatest timestamp of the first batch; -1 without batches."""
        if self._first_timestamp_ms == NO_TIMESTAMP and self.size_bytes:
            first = next(batch_places(self.log, 0, self.size_bytes), None)
            self._first_timestamp_ms = first.max_timestamp_ms if first else NO_TIMESTAMP
        return self._first_timestamp_ms

    def _find_max_timestamp(self) -> None:
        """The last entry of the time index, and what the batches after it have."""
        offset_index, time_index = self._indexes()
        self._max_timestamp_ms, self._max_timestamp_offset = time_index.last_entry
        start = offset_index.lookup(self._max_timestamp_offset).position
        for place in batch_places(self.log, start, self.size_bytes):
            self._see_timestamp(place)

    def slice_for_timestamp(self, timestamp_ms: int) -> FileSlice:
        """The part of the file that holds the first record not older than `timestamp_ms`, if the segment has one."""
        offset_index, time_index = self._indexes()
        start = offset_index.lookup(time_index.lookup(timestamp_ms).offset).position
        return FileSlice(self.log, start, self.size_bytes - start)

    # Cutting, flushing, closing

    def truncate_to(self, offset: Offset) -> None:
        """Remove the batch that holds `offset` and all after it. Raises OSError.

        Batches 0-9, 10-19, 20-29: truncate_to(15) leaves 0-9, and `next_offset` is 10.
        """
        position = self._position_of(offset)
        self.log.truncate(position)
        self.size_bytes = position
        self._forget_from(offset)
        self.next_offset = self.base_offset
        start = self._offset_index.lookup(offset).position
        self._bytes_since_index_entry = position - start
        for place in batch_places(self.log, start, position):
            self.next_offset = Offset(place.last_offset + 1)
            self._recent.append(place.base_offset, place.last_offset, place.position)
        self._find_max_timestamp()
        first = next(batch_places(self.log, 0, position), None)
        self._first_timestamp_ms = first.max_timestamp_ms if first else NO_TIMESTAMP
        self._active = True

    def _forget_from(self, offset: Offset) -> None:
        """Drop what the indexes have of `offset` and later ones, and all that is remembered."""
        for index in self._indexes():
            index.truncate_to(offset)
        self.transaction_index.truncate_to(offset)
        self._index_is_full = self._offset_index.is_full or self._time_index.is_full
        self._active = False
        self._recent.clear()
        self._max_timestamp_ms = NO_TIMESTAMP
        self._max_timestamp_offset = UNKNOWN_OFFSET

    def become_inactive(self) -> None:
        """No append will follow."""
        self.complete()
        self._recent.clear()

    def complete(self) -> None:
        """Complete the indexes, cut them to their entries and give back what was reserved. Raises OSError."""
        self._complete_time_index()
        self._offset_index.trim()
        self._time_index.trim()
        self.log.trim()

    def _complete_time_index(self) -> None:
        """With the greatest timestamp as its last entry, the index answers for it without the log being read."""
        if self._active and self._max_timestamp_ms >= 0:
            self._time_index.maybe_append(self._max_timestamp_ms, self._max_timestamp_offset)

    def sync_tasks(self) -> list[SyncTask]:
        """What makes the segment durable; for a worker thread."""
        indexes = (self._offset_index, self._time_index, self.transaction_index)
        tasks = [index.sync_task() for index in indexes]
        return [self.log.fsync_task(), *(task for task in tasks if task is not None)]

    def close(self) -> None:
        """Complete the indexes and let go of all files. The segment may be used again."""
        self._complete_time_index()
        self._offset_index.close()
        self._time_index.close()
        self.transaction_index.close()
        self.log.close()

    def mark_deleted(self) -> list[Path]:
        """Rename the files to `.deleted`; they are to be removed once nobody can be reading them. Returns them."""
        self.close()
        marked = []
        for suffix in SEGMENT_SUFFIXES:
            path = self.path(suffix)
            if self.filesystem.exists(path):
                target = path.with_name(path.name + DELETED_SUFFIX)
                self.filesystem.rename(path, target)
                marked.append(target)
        return marked

    def remove(self) -> None:
        """Remove the files. Slices in flight keep theirs."""
        self.close()
        for suffix in SEGMENT_SUFFIXES:
            path = self.path(suffix)
            if self.filesystem.exists(path):
                self.filesystem.remove(path)

    # Recovery

    def recover(self, on_batch: Callable[[RecordBatchView], None]) -> int:
        """Read every batch, cut the file before the first that is not sound, make the indexes again.

        The transaction index is emptied; `on_batch`, which is called with each batch, may add to it. Returns the bytes cut
        off. Raises OSError.
        """
        self._reset_indexes()
        self.transaction_index.reset()
        file_bytes = self.log.size
        self.size_bytes, self.next_offset = 0, self.base_offset
        for batch in sound_batches(self.log, 0, file_bytes, self.base_offset):
            if not self._offset_index.can_append_offset(Offset(batch.last_offset)):
                break
            on_batch(batch)
            size_bytes = batch.total_bytes
            self._take_note(
                batch.base_offset,
                batch.last_offset,
                batch.max_timestamp_ms,
                self.size_bytes,
                size_bytes,
            )
            self.size_bytes += size_bytes
            self.next_offset = Offset(batch.next_offset)
        if self.size_bytes < file_bytes:
            self.log.truncate(self.size_bytes)
        else:
            self.log.trim()
        self._active = True
        return file_bytes - self.size_bytes

    def _reset_indexes(self) -> None:
        self._offset_index.reset()
        self._time_index.reset()
        self._recent.clear()
        self._bytes_since_index_entry = 0
        self._index_is_full = False
        self._first_timestamp_ms = NO_TIMESTAMP
        self._max_timestamp_ms, self._max_timestamp_offset = NO_TIMESTAMP, UNKNOWN_OFFSET
        self._indexes_are_checked = True

    def rebuild_indexes(self) -> None:
        """Make the offset index and the time index again from the headers of the batches."""
        self._reset_indexes()
        for place in batch_places(self.log, 0, self.size_bytes):
            size_bytes = place.end - place.position
            self._take_note(
                place.base_offset,
                place.last_offset,
                place.max_timestamp_ms,
                place.position,
                size_bytes,
            )
        if self._max_timestamp_ms >= 0:
            self._time_index.maybe_append(self._max_timestamp_ms, self._max_timestamp_offset)
        self._recent.clear()

    def _indexes(self) -> tuple[OffsetIndex, TimeIndex]:
        """The indexes, looked over before their first use; corrupt ones are made again."""
        if not self._indexes_are_checked:
            self._indexes_are_checked = True
            try:
                self._offset_index.sanity_check()
                self._time_index.sanity_check()
                self._check_index_end()
            except CorruptIndexError as error:
                _log.warning("%s; making it again from the log", error)
                self.rebuild_indexes()
        return self._offset_index, self._time_index

    def _check_index_end(self) -> None:
        """The last entries must lie within the log, or lookups would begin past its end."""
        last = len(self._offset_index) - 1
        if last < 0:
            return
        offset, position = self._offset_index.entry(last)
        if offset >= self.next_offset or position >= self.size_bytes:
            raise CorruptIndexError(f"index {self._offset_index.path} goes past the end of its log")
        if self._time_index.last_entry.offset >= self.next_offset:
            raise CorruptIndexError(f"index {self._time_index.path} goes past the end of its log")
