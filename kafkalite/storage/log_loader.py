"""From a directory to a `Log`: after a clean stop, after a kill, or brand new.

    clean stop   the recovery point is the log end; segments are taken as they are, nothing is read
    kill         from the segment that holds the recovery point on, every batch is read and checked; the first that is not
                 whole ends the log; indexes, leader epochs and producers are made again
    leftovers    `.deleted` and `.cleaned` go; `.swap` is complete and takes the place of what it replaces
Kafka: LogLoader.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from kafkalite.storage.batch_scan import batch_places
from kafkalite.storage.checkpoints import LEADER_EPOCH_CHECKPOINT, CorruptCheckpointError
from kafkalite.storage.leader_epoch_cache import LeaderEpochCache
from kafkalite.storage.log import Log, note_producer, restore_producers
from kafkalite.storage.producer_snapshot import CorruptSnapshotError
from kafkalite.storage.producer_state import (
    ProducerState,
    snapshot_offsets,
    snapshot_path,
)
from kafkalite.storage.segment import Segment
from kafkalite.storage.segment_files import (
    CLEANED_SUFFIX,
    DELETED_SUFFIX,
    INDEX_SUFFIXES,
    LOG_SUFFIX,
    SEGMENT_SUFFIXES,
    SWAP_SUFFIX,
    base_offset_of,
    suffix_of,
)
from kafkalite.types import LeaderEpoch, Offset, TopicPartition, Uuid

if TYPE_CHECKING:
    from pathlib import Path

    from kafkalite_protocol.record_batch import BatchHeader

    from kafkalite.clock import Clock
    from kafkalite.storage.filesystem import FileSystem
    from kafkalite.storage.log_config import LogConfig

_log = logging.getLogger(__name__)

FIRST_OFFSET: Final = Offset(0)


class LogLoader:
    """Loads the logs of one data directory."""

    def __init__(self, filesystem: FileSystem, clock: Clock) -> None:
        self._filesystem = filesystem
        self._clock = clock

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
        names = self._clear_leftovers(directory)
        segments = self._segments(directory, names, config, log_start_offset)
        leader_epochs = LeaderEpochCache(self._filesystem, directory / LEADER_EPOCH_CHECKPOINT)
        producers = ProducerState(config.producer_id_expiration_ms)
        try:
            leader_epochs.load()
        except CorruptCheckpointError as error:
            _log.warning("%s; it is made again from the log", error)
            leader_epochs.clear()
            clean, recovery_point = False, segments[0].base_offset
        clean = clean and recovery_point >= segments[-1].base_offset
        if clean:
            segments[-1].next_offset = recovery_point
            has_snapshot = f"{recovery_point:020d}.snapshot" in names
        else:
            self._recover(directory, segments, recovery_point, leader_epochs)
            has_snapshot = True
        end_offset = segments[-1].next_offset
        leader_epochs.truncate_from_end(Offset(end_offset + 1))
        if has_snapshot:
            self._restore_producers(producers, directory, segments, end_offset)
        start = min(max(log_start_offset, segments[0].base_offset), end_offset)
        return Log(
            topic_partition,
            topic_id,
            directory,
            config,
            filesystem=self._filesystem,
            clock=self._clock,
            segments=segments,
            leader_epochs=leader_epochs,
            producer_state=producers,
            log_start_offset=Offset(start),
            recovery_point=Offset(recovery_point if clean else min(recovery_point, end_offset)),
        )

    # Files

    def _clear_leftovers(self, directory: Path) -> set[str]:
        """Finish or undo what was under way; the names that remain."""
        filesystem = self._filesystem
        names = set(filesystem.listdir(directory))
        for name in sorted(names):
            if name.endswith((DELETED_SUFFIX, CLEANED_SUFFIX, ".tmp")):
                filesystem.remove(directory / name)
                names.discard(name)
        swaps = sorted(name for name in names if name.endswith(LOG_SUFFIX + SWAP_SUFFIX))
        for name in swaps:
            self._take_swap(directory, name, names)
        for name in sorted(name for name in names if name.endswith(SWAP_SUFFIX)):
            target = name.removesuffix(SWAP_SUFFIX)
            filesystem.rename(directory / name, directory / target)
            names.discard(name)
            names.add(target)
        for name in sorted(names):
            base_offset = base_offset_of(name)
            is_index = base_offset is not None and suffix_of(name) in INDEX_SUFFIXES
            if is_index and f"{name.partition('.')[0]}{LOG_SUFFIX}" not in names:
                filesystem.remove(directory / name)
                names.discard(name)
        return names

    def _take_swap(self, directory: Path, name: str, names: set[str]) -> None:
        """A cleaned segment that was complete: the segments that it replaces go, then the suffix."""
        first = base_offset_of(name)
        assert first is not None, "the cleaner names its files by offset"
        file = self._filesystem.open(directory / name)
        end = first + 1
        for place in batch_places(file, 0, file.size):
            end = place.last_offset + 1
        file.close()
        for other in sorted(names):
            base_offset = base_offset_of(other)
            if (
                base_offset is not None
                and first <= base_offset < end
                and suffix_of(other) in SEGMENT_SUFFIXES
            ):
                self._filesystem.remove(directory / other)
                names.discard(other)

    def _segments(
        self, directory: Path, names: set[str], config: LogConfig, log_start_offset: Offset
    ) -> list[Segment]:
        found = (base_offset_of(name) for name in names if suffix_of(name) == LOG_SUFFIX)
        bases = sorted(base for base in found if base is not None)
        now_ms = self._clock.now_ms()
        if not bases:
            return [
                Segment(
                    self._filesystem,
                    directory,
                    log_start_offset,
                    config,
                    created_ms=now_ms,
                    create=True,
                )
            ]
        ends = [*bases[1:], bases[-1]]
        return [
            Segment(self._filesystem, directory, base, config, created_ms=now_ms, next_offset=end)
            for base, end in zip(bases, ends, strict=True)
        ]

    # After a kill

    def _recover(
        self,
        directory: Path,
        segments: list[Segment],
        recovery_point: Offset,
        leader_epochs: LeaderEpochCache,
    ) -> None:
        """Check the segments that may hold what was not flushed, and cut the log at the first batch that is not whole."""

        def note_epoch(batch: BatchHeader) -> None:
            if batch.leader_epoch > leader_epochs.latest_epoch:
                leader_epochs.assign(LeaderEpoch(batch.leader_epoch), Offset(batch.base_offset))

        for index, segment in enumerate(segments):
            is_last = index == len(segments) - 1
            if not is_last and segment.next_offset <= recovery_point:
                continue
            expected = segment.next_offset
            cut_bytes = segment.recover(note_epoch)
            if cut_bytes:
                _log.warning(
                    "%s: cut off %d bytes that are no whole batch, at offset %d",
                    directory.name,
                    cut_bytes,
                    segment.next_offset,
                )
            if is_last:
                break
            if cut_bytes or (segment.next_offset < expected and cut_bytes):
                self._drop_segments(directory, segments, index + 1)
                break
            segment.become_inactive()
            segment.next_offset = expected

    def _drop_segments(self, directory: Path, segments: list[Segment], first: int) -> None:
        """What comes after a hole was never acknowledged as a whole: it goes."""
        for segment in segments[first:]:
            _log.warning("%s: removing %s, which lies behind the cut", directory.name, segment)
            segment.remove()
        del segments[first:]

    def _restore_producers(
        self, producers: ProducerState, directory: Path, segments: list[Segment], end_offset: Offset
    ) -> None:
        for offset in snapshot_offsets(self._filesystem.listdir(directory)):
            if offset > end_offset:
                self._filesystem.remove(snapshot_path(directory, offset))
        try:
            restore_producers(producers, self._filesystem, directory, segments, end_offset)
        except CorruptSnapshotError as error:
            _log.warning("%s; it is made again from the log", error)
            producers.clear()
            for segment in segments:
                for batch in segment.sound_batches_from(segment.base_offset):
                    if batch.producer_id >= 0:
                        note_producer(producers, batch)
