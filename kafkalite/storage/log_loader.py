"""From a directory to a `Log`: brand new, after a clean stop, or after a kill.

    clean stop   the recovery point is the log end; nothing is read but a snapshot of the producers, if there is one
    kill         from the segment that holds the recovery point on, every batch is read and checked; the first that is not
                 sound ends the log; indexes, leader epochs and producers are made again
    leftovers    `.deleted` goes; of what the log cleaner was about, `.cleaned` goes, and `.swap`, being complete, takes the
                 place of the segments that it was made from

Kafka: LogLoader.
"""

from __future__ import annotations

import logging
import random
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from kafkalite_protocol.record_batch import RecordBatchView

from kafkalite.clock import Clock
from kafkalite.storage.batch_scan import batch_places
from kafkalite.storage.checkpoints import LEADER_EPOCH_CHECKPOINT, CorruptCheckpointError
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.leader_epoch_cache import LeaderEpochCache
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.producer_replay import (
    load_latest_snapshot,
    note_producer,
    remove_snapshots,
    replay,
)
from kafkalite.storage.producer_state import ProducerState, snapshot_offsets
from kafkalite.storage.segment import Segment
from kafkalite.storage.segment_files import (
    CLEANED_SUFFIX,
    DELETED_SUFFIX,
    INDEX_SUFFIXES,
    LOG_SUFFIX,
    OFFSET_INDEX_SUFFIX,
    SEGMENT_SUFFIXES,
    SWAP_SUFFIX,
    TIME_INDEX_SUFFIX,
    base_offset_of,
    suffix_of,
)
from kafkalite.storage.segments import Segments
from kafkalite.types import LeaderEpoch, Offset, TopicPartition, Uuid

_log = logging.getLogger(__name__)

FIRST_OFFSET: Final = Offset(0)
_TEMPORARY_SUFFIX: Final = ".tmp"


class _Parts(NamedTuple):
    """What a log is made of, while it is being put together."""

    directory: Path
    segments: list[Segment]
    leader_epochs: LeaderEpochCache
    producers: ProducerState


class LogLoader:
    """Loads logs, one by one."""

    def __init__(self, filesystem: FileSystem, clock: Clock, rng: random.Random) -> None:
        self._filesystem = filesystem
        self._clock = clock
        self._rng = rng

    def load(
        self,
        directory: Path,
        topic_partition: TopicPartition,
        topic_id: Uuid,
        config: LogConfig,
        *,
        recovery_point: Offset = FIRST_OFFSET,
        log_start_offset: Offset = FIRST_OFFSET,
        clean: bool = False,
    ) -> Log:
        """The log in `directory`, which exists. `recovery_point` and `log_start_offset` as the checkpoints have them.

        Raises OSError.
        """
        names = clear_leftovers(self._filesystem, directory)
        parts = self._parts(directory, names, config, log_start_offset)
        try:
            parts.leader_epochs.load()
        except CorruptCheckpointError as error:
            _log.warning("%s; it is made again from the log", error)
            parts.leader_epochs.clear()
            clean, recovery_point = False, FIRST_OFFSET
        clean = clean and _can_be_the_end(recovery_point, parts.segments[-1])
        if clean:
            self._take_as_it_is(parts, names, recovery_point)
        else:
            self._recover(parts, recovery_point)
        segments = Segments(self._filesystem, directory, config, parts.segments)
        end = segments.active.next_offset
        if end < log_start_offset:
            # Deleted up to there, and what was behind is lost: offsets must not be given out again.
            segments.restart(log_start_offset, self._clock.now_ms())
            remove_snapshots(self._filesystem, directory, above=FIRST_OFFSET)
            parts.producers.clear()
            end = log_start_offset
        log_start_offset = max(log_start_offset, segments[0].base_offset)
        parts.leader_epochs.truncate_from_end(Offset(end + 1))
        parts.leader_epochs.truncate_from_start(log_start_offset)
        return self._log(
            parts,
            topic_partition,
            topic_id,
            config,
            segments=segments,
            log_start_offset=log_start_offset,
            recovery_point=min(recovery_point, end),
            is_durable=clean,
        )

    def create(
        self,
        directory: Path,
        topic_partition: TopicPartition,
        topic_id: Uuid,
        config: LogConfig,
    ) -> Log:
        """A log in a directory that was just made: there is nothing to look for. Raises OSError."""
        parts = self._parts(directory, set(), config, FIRST_OFFSET)
        return self._log(
            parts,
            topic_partition,
            topic_id,
            config,
            segments=Segments(self._filesystem, directory, config, parts.segments),
            log_start_offset=FIRST_OFFSET,
            recovery_point=FIRST_OFFSET,
            is_durable=False,
        )

    def _parts(
        self, directory: Path, names: set[str], config: LogConfig, log_start_offset: Offset
    ) -> _Parts:
        return _Parts(
            directory,
            self._segments(directory, names, config, log_start_offset),
            LeaderEpochCache(self._filesystem, directory / LEADER_EPOCH_CHECKPOINT),
            ProducerState(config.producer_id_expiration_ms),
        )

    def _log(
        self,
        parts: _Parts,
        topic_partition: TopicPartition,
        topic_id: Uuid,
        config: LogConfig,
        *,
        segments: Segments,
        log_start_offset: Offset,
        recovery_point: Offset,
        is_durable: bool,
    ) -> Log:
        return Log(
            topic_partition,
            topic_id,
            parts.directory,
            config,
            filesystem=self._filesystem,
            clock=self._clock,
            rng=self._rng,
            segments=segments,
            leader_epochs=parts.leader_epochs,
            producer_state=parts.producers,
            log_start_offset=log_start_offset,
            recovery_point=recovery_point,
            is_durable=is_durable,
        )

    def _segments(
        self, directory: Path, names: set[str], config: LogConfig, log_start_offset: Offset
    ) -> list[Segment]:
        """One for each `.log`; an empty one if there is none. Their ends are those that the next ones' names tell."""
        found = (base_offset_of(name) for name in names if suffix_of(name) == LOG_SUFFIX)
        bases = sorted(base for base in found if base is not None)
        create = not bases
        if create:
            bases = [log_start_offset]
        now_ms = self._clock.now_ms()
        ends = [*bases[1:], bases[-1]]
        segments = [
            Segment(
                self._filesystem,
                directory,
                base,
                config,
                created_ms=now_ms,
                next_offset=end,
                create=create,
            )
            for base, end in zip(bases, ends, strict=True)
        ]
        for segment in segments[:-1]:
            self._rebuild_missing_indexes(segment, names)
        return segments

    def _rebuild_missing_indexes(self, segment: Segment, names: set[str]) -> None:
        """Without an index each lookup would read the segment from its start."""
        wanted = (segment.path(OFFSET_INDEX_SUFFIX).name, segment.path(TIME_INDEX_SUFFIX).name)
        missing = [name for name in wanted if name not in names]
        if missing and segment.size_bytes > segment.config.index_interval_bytes:
            _log.warning(
                "%s: %s is missing; making it again from the log",
                segment.directory,
                " and ".join(missing),
            )
            segment.rebuild_indexes()

    # After a clean stop

    def _take_as_it_is(self, parts: _Parts, names: set[str], end: Offset) -> None:
        active = parts.segments[-1]
        active.next_offset = end
        self._rebuild_missing_indexes(active, names)
        if not snapshot_offsets(names):
            return  # no producers: a stop that knew some would have written a snapshot
        start = load_latest_snapshot(parts.producers, self._filesystem, parts.directory, end)
        if start is None:
            start = parts.segments[0].base_offset
        if start < end:
            replay(parts.producers, parts.segments, start, end)

    # After a kill

    def _recover(self, parts: _Parts, recovery_point: Offset) -> None:
        """Check the segments that may hold what was not flushed, and cut the log at the first batch that is not sound."""
        segments = parts.segments
        first = next(
            (index for index, it in enumerate(segments) if it.next_offset > recovery_point),
            len(segments) - 1,
        )
        self._restore_producers(parts, first)
        for index in range(first, len(segments)):
            segment, is_last = segments[index], index == len(segments) - 1
            cut_bytes = segment.recover(partial(_note, parts, segment))
            if cut_bytes:
                _log.warning(
                    "%s: %d bytes from offset %d on are no sound batch; the log is cut there",
                    parts.directory.name,
                    cut_bytes,
                    segment.next_offset,
                )
                self._remove_from(segments, index + 1)
                break
            if not is_last:
                self._close_recovered(segment, segments[index + 1].base_offset)
        end = segments[-1].next_offset
        remove_snapshots(self._filesystem, parts.directory, above=end)

    def _close_recovered(self, segment: Segment, next_base: Offset) -> None:
        """Offsets may be missing at a segment's end: compacted away, or lost with the power while later ones were not."""
        if segment.next_offset < next_base:
            _log.warning(
                "%s: offsets %d to %d are missing",
                segment.directory.name,
                segment.next_offset,
                next_base - 1,
            )
        segment.become_inactive()

    def _restore_producers(self, parts: _Parts, first: int) -> None:
        """What the producers were where the first segment to be recovered begins."""
        segments, producers = parts.segments, parts.producers
        start = segments[first].base_offset
        snapshot = load_latest_snapshot(producers, self._filesystem, parts.directory, start)
        replay(
            producers,
            segments[:first],
            segments[0].base_offset if snapshot is None else snapshot,
            start,
        )

    def _remove_from(self, segments: list[Segment], first: int) -> None:
        """What lies behind a hole cannot be kept: offsets would be missing."""
        while len(segments) > first:
            segment = segments.pop()
            _log.warning("%s lies behind the cut and is removed", segment.log.path)
            segment.remove()


def _can_be_the_end(recovery_point: Offset, active: Segment) -> bool:
    """Does the checkpoint of a clean stop go with the last segment?"""
    if active.size_bytes == 0:
        return recovery_point == active.base_offset
    return recovery_point > active.base_offset


def _note(parts: _Parts, segment: Segment, batch: RecordBatchView) -> None:
    """What a recovered batch tells of leader epochs, producers and aborted transactions."""
    if batch.leader_epoch > parts.leader_epochs.latest_epoch:
        parts.leader_epochs.assign(LeaderEpoch(batch.leader_epoch), Offset(batch.base_offset))
    if batch.producer_id >= 0:
        aborted = note_producer(parts.producers, batch)
        if aborted is not None:
            segment.transaction_index.append(aborted)


# Leftovers


def clear_leftovers(filesystem: FileSystem, directory: Path) -> set[str]:
    """Finish or undo what was under way when the process ended; the names of the files that remain. Raises OSError."""
    names = set(filesystem.listdir(directory))
    cleaned = [base_offset_of(name) for name in names if name.endswith(CLEANED_SUFFIX)]
    first_cleaned = min((base for base in cleaned if base is not None), default=None)
    for name in sorted(names):
        base = base_offset_of(name)
        # Swaps behind a `.cleaned` belong to a set that is not complete: they go, what they were made from stays.
        incomplete = (
            name.endswith(SWAP_SUFFIX)
            and first_cleaned is not None
            and base is not None
            and base >= first_cleaned
        )
        if incomplete or name.endswith((DELETED_SUFFIX, CLEANED_SUFFIX, _TEMPORARY_SUFFIX)):
            _remove(filesystem, directory, names, name)
    for name in sorted(name for name in names if name.endswith(LOG_SUFFIX + SWAP_SUFFIX)):
        _remove_replaced(filesystem, directory, names, name)
    for name in sorted(name for name in names if name.endswith(SWAP_SUFFIX)):
        target = name.removesuffix(SWAP_SUFFIX)
        filesystem.rename(directory / name, directory / target)
        names.remove(name)
        names.add(target)
    for name in sorted(names):
        log_name = name.partition(".")[0] + LOG_SUFFIX
        if suffix_of(name) in INDEX_SUFFIXES and log_name not in names:
            _remove(filesystem, directory, names, name)
    return names


def _remove(filesystem: FileSystem, directory: Path, names: set[str], name: str) -> None:
    filesystem.remove(directory / name)
    names.remove(name)


def _remove_replaced(
    filesystem: FileSystem, directory: Path, names: set[str], swap_name: str
) -> None:
    """The segments that a complete swap was made from: those that begin within it."""
    first = base_offset_of(swap_name)
    assert first is not None, "the cleaner names its files by offset"
    file = filesystem.open(directory / swap_name)
    end = first + 1
    for place in batch_places(file, 0, file.size):
        end = place.last_offset + 1
    file.close()
    for name in sorted(names):
        base = base_offset_of(name)
        if base is not None and first <= base < end and suffix_of(name) in SEGMENT_SUFFIXES:
            _remove(filesystem, directory, names, name)
