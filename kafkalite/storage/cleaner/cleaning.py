"""One cleaning of one log, by a plan: what runs in a worker thread.

    segments  {0..39} {40..69} {70..99}      segment.bytes lets the first two become one
    prepare      the map of keys; groups [{0..39} {40..69}] [{70..99}]
    next_group   writes {0..69} as `.cleaned` files; they are swapped in on the log's thread
    next_group   writes {70..99}; None after that

The map may be full before the dirty part ends: then what is behind stays dirty, and is cleaned another time.
Kafka: Cleaner.doClean, buildOffsetMap, groupSegmentsBySize, cleanSegments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.records import iter_records

from kafkalite.storage.batch_scan import sound_batches
from kafkalite.storage.cleaner.batch_filter import BatchFilter, CleaningRules
from kafkalite.storage.cleaner.errors import UncleanableLogError
from kafkalite.storage.cleaner.offset_map import OffsetMap
from kafkalite.storage.cleaner.pace import paced
from kafkalite.storage.cleaner.segment_writer import CleanedSegmentWriter, remove_cleaned_files
from kafkalite.storage.cleaner.transactions import CleanedTransactions
from kafkalite.storage.index import RELATIVE_OFFSET_MAX, CorruptIndexError
from kafkalite.storage.segment_files import (
    LOG_SUFFIX,
    OFFSET_INDEX_SUFFIX,
    TIME_INDEX_SUFFIX,
    segment_path,
)
from kafkalite.storage.transaction_index import AbortedTransaction, read_aborted_transactions
from kafkalite.types import Offset

if TYPE_CHECKING:
    from pathlib import Path

    from kafkalite_protocol.record_batch import RecordBatchView

    from kafkalite.storage.cleaner.pace import Pace
    from kafkalite.storage.cleaner.plan import CleaningPlan, SegmentToClean
    from kafkalite.storage.filesystem import FileSystem

_SEGMENTS_PER_GROUP_MAX = 20
"""Swapping a group in renames the files of each segment on the event loop, which takes some 0.2 ms. Kafka has no such limit;
what is left apart is merged the next time."""


class MapLimits(NamedTuple):
    """How much the map of keys may hold at once: log.cleaner.dedupe.buffer.size and .io.buffer.load.factor."""

    max_bytes: int = 134_217_728
    load_factor: float = 0.9


@contextmanager
def _unreadable_is_uncleanable() -> Iterator[None]:
    try:
        yield
    except (ProtocolError, CorruptIndexError) as error:
        raise UncleanableLogError(str(error)) from error


class CleanedGroup(NamedTuple):
    """Segments for which another one lies ready."""

    segments: Sequence[SegmentToClean]


class Cleaning:
    """See the module. `prepare`, then `next_group` until None. `plan.log` is not touched here.

    Both raise UncleanableLogError, CleaningAbortedError, OSError. One thread at a time.
    """

    def __init__(
        self, plan: CleaningPlan, filesystem: FileSystem, limits: MapLimits, pace: Pace
    ) -> None:
        self.plan = plan
        self.pace = pace
        self.end_offset = plan.first_dirty
        """Everything below has been cleaned once all groups are swapped in; known once prepared."""
        self.read_bytes = self.written_bytes = 0
        """Of the groups so far: their segments' sizes, and the sizes of what takes their place."""
        self._filesystem = filesystem
        self._limits = limits
        self._groups: Iterator[Sequence[SegmentToClean]] = iter(())
        self._transactions = CleanedTransactions(())
        self._filter: BatchFilter

    def prepare(self) -> None:
        """Build the map and plan the groups."""
        with _unreadable_is_uncleanable():
            self._prepare()

    def next_group(self) -> CleanedGroup | None:
        """Write the next segment that is to take the place of others; None: that was all.

        What was swapped in before is durable afterwards.
        """
        self._filesystem.fsync_directory(self.plan.directory)
        group = next(self._groups, None)
        if group is None:
            return None
        try:
            with _unreadable_is_uncleanable():
                return self._clean(group)
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Remove what is not to be swapped in. Raises OSError."""
        remove_cleaned_files(self._filesystem, self.plan.directory)

    def _prepare(self) -> None:
        plan = self.plan
        remove_cleaned_files(self._filesystem, plan.directory)
        aborted = [
            each
            for path in plan.transaction_indexes
            for each in read_aborted_transactions(self._filesystem, path)
        ]
        offsets = self._map_keys(aborted)
        self.end_offset = Offset(offsets.latest_offset + 1)
        self._transactions = CleanedTransactions(aborted)
        rules = CleaningRules(
            plan.now_ms, plan.config.delete_retention_ms, plan.first_uncleanable, plan.producers
        )
        self._filter = BatchFilter(rules, offsets, self._transactions, self.pace)
        reached = [each for each in plan.segments if each.base_offset < self.end_offset]
        self._groups = iter(self._grouped(reached))

    # The map

    def _map_keys(self, aborted: Sequence[AbortedTransaction]) -> OffsetMap:
        """The last offset of each key from the first dirty offset on, until all is seen or the map is full."""
        plan, limits = self.plan, self._limits
        transactions = CleanedTransactions(
            each for each in aborted if each.last_offset >= plan.first_dirty
        )
        offsets = OffsetMap(
            limits.max_bytes, limits.load_factor, plan.first_uncleanable - plan.first_dirty
        )
        for segment in plan.segments:
            if segment.next_offset <= plan.first_dirty:
                continue
            for batch in self._batches(segment):
                if batch.last_offset < plan.first_dirty:
                    continue
                if transactions.is_useless(batch) or batch.is_control:
                    offsets.latest_offset = batch.last_offset
                elif not self._map_batch(offsets, batch):
                    return offsets
            # Offsets may be missing at a segment's end.
            offsets.latest_offset = segment.next_offset - 1
        return offsets

    def _map_batch(self, offsets: OffsetMap, batch: RecordBatchView) -> bool:
        """False: the map is full."""
        first_dirty = self.plan.first_dirty
        for record in paced(iter_records(batch), self.pace):
            if record.key is None or record.offset < first_dirty:
                continue
            if offsets.is_full:
                return False
            offsets.put(record.key, record.offset)
        offsets.latest_offset = batch.last_offset
        return True

    # Copying

    def _grouped(self, segments: Sequence[SegmentToClean]) -> list[list[SegmentToClean]]:
        """Neighbours that go into one segment: by what they have now, none of its limits can be exceeded."""
        config = self.plan.config
        groups: list[list[SegmentToClean]] = []
        log_bytes = offset_bytes = time_bytes = 0
        for segment in segments:
            sizes = segment.size_bytes, *self._index_sizes(segment)
            log_bytes += sizes[0]
            offset_bytes += sizes[1]
            time_bytes += sizes[2]
            if (
                groups
                and len(groups[-1]) < _SEGMENTS_PER_GROUP_MAX
                and log_bytes <= config.segment_bytes
                and max(offset_bytes, time_bytes) <= config.segment_index_bytes
                and segment.next_offset - 1 - groups[-1][0].base_offset <= RELATIVE_OFFSET_MAX
            ):
                groups[-1].append(segment)
            else:
                groups.append([segment])
                log_bytes, offset_bytes, time_bytes = sizes
        return groups

    def _index_sizes(self, segment: SegmentToClean) -> tuple[int, int]:
        paths = (self._path(segment, suffix) for suffix in (OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX))
        offset_bytes, time_bytes = (
            self._filesystem.size(path) if self._filesystem.exists(path) else 0 for path in paths
        )
        return offset_bytes, time_bytes

    def _clean(self, group: Sequence[SegmentToClean]) -> CleanedGroup:
        plan = self.plan
        writer = CleanedSegmentWriter(
            self._filesystem, plan.directory, group[0].base_offset, plan.config
        )
        for segment in group:
            for batch in self._batches(segment):
                remaining = self._filter.filter(batch)
                if remaining is not None:
                    writer.append(remaining)
                    self.pace.moved(remaining.total_bytes)
        writer.finish(self._transactions.take_kept(), self._path(group[-1], LOG_SUFFIX))
        self.read_bytes += sum(segment.size_bytes for segment in group)
        self.written_bytes += writer.size_bytes
        return CleanedGroup(group)

    # Reading

    def _batches(self, segment: SegmentToClean) -> Iterator[RecordBatchView]:
        """All batches of a segment."""
        path = self._path(segment, LOG_SUFFIX)
        file = self._filesystem.open(path, transient=True)
        read_bytes = 0
        try:
            for batch in sound_batches(file, 0, segment.size_bytes, segment.base_offset):
                self.pace.step()
                yield batch
                read_bytes += batch.total_bytes
                self.pace.moved(batch.total_bytes)
        finally:
            file.close()
        if read_bytes != segment.size_bytes:
            raise UncleanableLogError(f"{path} has no sound batch at position {read_bytes}")

    def _path(self, segment: SegmentToClean, suffix: str) -> Path:
        return segment_path(self.plan.directory, segment.base_offset, suffix)
