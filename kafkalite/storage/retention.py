"""Which segments of a log are past keeping: its oldest ones, as many as these rules take one after the other.

    log start    all of the segment's offsets lie below the log start offset; with any cleanup.policy
    size         what would remain is still retention.bytes or more; with cleanup.policy=delete
    time         its newest record is older than retention.ms; with cleanup.policy=delete

    segments {0..39} {40..69} {70..}, log start 45 -> the first; and if all are too old -> all three, the active one, too

A segment that reaches above the high watermark stays, so that the log start never passes it. Records without timestamps
are as old as the file. Looks only. Kafka: UnifiedLog.deleteOldSegments, deletableSegments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kafkalite.storage.segment_files import LOG_SUFFIX

if TYPE_CHECKING:
    from kafkalite.storage.log_config import LogConfig
    from kafkalite.storage.segment import Segment
    from kafkalite.storage.segments import Segments
    from kafkalite.types import Offset


def count_deletable(
    segments: Segments,
    config: LogConfig,
    *,
    log_start_offset: Offset,
    high_watermark: Offset,
    now_ms: int,
) -> int:
    """How many segments may go, from the oldest on. All of them: a new active one is needed first. Raises OSError."""
    if len(segments) == 1 and segments.active.size_bytes == 0:
        return 0
    count = 0
    bases = segments.base_offsets
    while count + 1 < len(bases) and bases[count + 1] <= min(log_start_offset, high_watermark):
        count += 1
    if config.delete and config.retention_bytes >= 0:
        count = _count_while(segments, count, high_watermark, _is_surplus(segments, count, config))
    if config.delete and config.retention_ms >= 0:
        oldest_ms = now_ms - config.retention_ms
        count = _count_while(
            segments, count, high_watermark, lambda segment: time_of(segment) < oldest_ms
        )
    return count


def time_of(segment: Segment) -> int:
    """The timestamp of its newest record; without any, when the file was last written."""
    newest_ms = segment.max_timestamp().timestamp_ms
    if newest_ms >= 0:
        return newest_ms
    return segment.filesystem.modified_ms(segment.path(LOG_SUFFIX))


def _count_while(
    segments: Segments, count: int, high_watermark: Offset, may_go: Callable[[Segment], bool]
) -> int:
    """`count` and the segments from there on that `may_go`, up to the first that may not."""
    bases = segments.base_offsets
    while count < len(segments):
        segment = segments[count]
        is_active = count + 1 == len(segments)
        end = segment.next_offset if is_active else bases[count + 1]
        if end > high_watermark or (is_active and segment.size_bytes == 0) or not may_go(segment):
            break
        count += 1
    return count


def _is_surplus(segments: Segments, first: int, config: LogConfig) -> Callable[[Segment], bool]:
    """A segment without which the log would still have `retention.bytes`; to be asked from `first` on, in order."""
    sizes = [segment.size_bytes for segment in segments]
    surplus_bytes = sum(sizes[first:]) - config.retention_bytes

    def may_go(segment: Segment) -> bool:
        nonlocal surplus_bytes
        surplus_bytes -= segment.size_bytes
        return surplus_bytes >= 0

    return may_go
