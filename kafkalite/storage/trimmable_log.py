"""A log that loses records: its end is cut off, its start moves up, compacted segments take the place of what they came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.errors import KafkaError
from kafkalite.storage import segment_swap
from kafkalite.storage.durable_log import DurableLog
from kafkalite.storage.producer_replay import load_latest_snapshot, remove_snapshots, replay
from kafkalite.storage.producer_state import snapshot_path
from kafkalite.storage.retention import count_deletable
from kafkalite.types import Offset

if TYPE_CHECKING:
    from kafkalite.storage.segment import Segment


class TrimmableLog(DurableLog):
    """See the module."""

    __slots__ = ()

    # The end

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

    # The start

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
            self._remove_snapshot(segment.base_offset)

    def _remove_snapshot(self, base_offset: Offset) -> None:
        snapshot = snapshot_path(self.directory, base_offset)
        if self.filesystem.exists(snapshot):
            self.filesystem.remove(snapshot)

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
                self._remove_snapshot(segment.base_offset)
        except OSError as error:
            self._go_offline(error)
            raise self._storage_error(error) from error
