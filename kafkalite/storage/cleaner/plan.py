"""What of a log may be cleaned, and a picture of the log for a worker thread to clean by. Looks at what is in memory.

    segments            {0..39} {40..69} {70..99} {100..}      cleaned up to 40, open transaction from 85 on
    first dirty         40
    first uncleanable   70, since only whole segments are cleaned
    dirty ratio         bytes of {40..69} / bytes of {0..69}

Left alone are the active segment, what lies at or behind the last stable offset, and from the first dirty segment on that has a
record younger than min.compaction.lag.ms. A log is due when its dirty ratio is above min.cleanable.dirty.ratio, or something
dirty is older than max.compaction.lag.ms. Kafka: LogCleanerManager.cleanableOffsets, LogToClean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from kafkalite.storage.cleaner.batch_filter import LastBatch
from kafkalite.storage.segment_files import TRANSACTION_INDEX_SUFFIX

if TYPE_CHECKING:
    from pathlib import Path

    from kafkalite.storage.log import Log
    from kafkalite.storage.log_config import LogConfig
    from kafkalite.storage.segment import Segment
    from kafkalite.types import Offset, ProducerId


class CleanableRange(NamedTuple):
    """How dirty a log is."""

    first_dirty: Offset
    first_uncleanable: Offset
    """Base offset of a segment."""
    clean_bytes: int
    dirty_bytes: int
    """Of the segments that would be cleaned for the first time; more than 0."""
    is_overdue: bool
    """Something in it has waited for longer than max.compaction.lag.ms."""

    @property
    def dirty_ratio(self) -> float:
        return self.dirty_bytes / (self.clean_bytes + self.dirty_bytes)

    def is_due(self, config: LogConfig) -> bool:
        return self.is_overdue or self.dirty_ratio > config.min_cleanable_dirty_ratio


class SegmentToClean(NamedTuple):
    """A segment as it was when the plan was made."""

    segment: Segment
    """For the log's thread only: is it still there?"""
    base_offset: Offset
    next_offset: Offset
    size_bytes: int


class CleaningPlan(NamedTuple):
    """Everything that the cleaning of a log needs to know of it."""

    log: Log
    """For the log's thread only."""
    directory: Path
    config: LogConfig
    now_ms: int
    truncations: int
    first_dirty: Offset
    first_uncleanable: Offset
    segments: Sequence[SegmentToClean]
    """All below `first_uncleanable`, clean ones too."""
    transaction_indexes: Sequence[Path]
    """Of all segments: a transaction may begin in one that is cleaned and end in one that is not."""
    producers: Mapping[ProducerId, LastBatch]


def cleanable_range(log: Log, stable_offset: Offset, now_ms: int) -> CleanableRange | None:
    """None: nothing to clean. May read a header per dirty segment where a compaction lag is set. Raises OSError."""
    segments = log.segments
    first_dirty = log.cleaned_offset
    if not log.log_start_offset <= first_dirty <= log.log_end_offset:
        # Records were deleted, or the end of the log was lost: all of it counts as dirty.
        first_dirty = log.log_start_offset
    bound = min(stable_offset, segments.active.base_offset)
    if bound <= first_dirty or len(segments) == 1:
        return None
    lag_ms = log.config.min_compaction_lag_ms
    clean_bytes, dirty = 0, []
    first_uncleanable = segments.active.base_offset
    for segment in segments:
        is_dirty = segment.next_offset > first_dirty
        is_young = is_dirty and lag_ms > 0 and _newest_ms(segment) > now_ms - lag_ms
        if segment is segments.active or segment.next_offset > bound or is_young:
            first_uncleanable = segment.base_offset
            break
        if segment.base_offset < first_dirty:
            clean_bytes += segment.size_bytes
        if is_dirty:
            dirty.append(segment)
    dirty_bytes = sum(segment.size_bytes for segment in dirty)
    if dirty_bytes == 0:
        return None
    return CleanableRange(
        first_dirty,
        first_uncleanable,
        clean_bytes,
        dirty_bytes,
        _is_overdue(dirty, now_ms - log.config.max_compaction_lag_ms),
    )


def _newest_ms(segment: Segment) -> int:
    return segment.max_timestamp().timestamp_ms


def _is_overdue(dirty: Sequence[Segment], until_ms: int) -> bool:
    """Does a segment begin with a batch that is older than `until_ms`?"""
    if until_ms <= 0:
        return False
    return any(0 < segment.first_timestamp_ms() < until_ms for segment in dirty)


def make_plan(log: Log, what: CleanableRange, now_ms: int) -> CleaningPlan:
    """The picture of `log`, to be cleaned as `what` says."""
    segments = tuple(log.segments)
    return CleaningPlan(
        log,
        log.directory,
        log.config,
        now_ms,
        log.truncations,
        what.first_dirty,
        what.first_uncleanable,
        [
            SegmentToClean(each, each.base_offset, each.next_offset, each.size_bytes)
            for each in segments
            if each.base_offset < what.first_uncleanable
        ],
        [each.path(TRANSACTION_INDEX_SUFFIX) for each in segments],
        {
            producer_id: LastBatch(
                entry.batches[-1].last_offset if entry.batches else None, entry.epoch
            )
            for producer_id, entry in log.producer_state.active_producers.items()
        },
    )


def still_holds(plan: CleaningPlan) -> bool:
    """Is the log in order, and its end not cut off since? Its oldest segments may have been removed all the same."""
    return plan.log.truncations == plan.truncations and plan.log.offline_reason is None


def are_there(plan: CleaningPlan, segments: Sequence[SegmentToClean]) -> bool:
    """Has the log these segments still, as neighbours?"""
    now = plan.log.segments.from_offset(segments[0].base_offset)
    return [each.segment for each in segments] == list(islice(now, len(segments)))
