"""A log whose content can be made durable: segments are rolled, flushed, and closed.

appended     in the page cache: survives a killed process
flushed      below the recovery point: survives a power cut
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.errors import KafkaError
from kafkalite.storage.checkpoints import LEADER_EPOCH_CHECKPOINT
from kafkalite.storage.flush import FlushTask
from kafkalite.storage.metadata_files import PARTITION_METADATA
from kafkalite.storage.producer_state import snapshot_offsets, snapshot_path, write_snapshot
from kafkalite.storage.readable_log import ReadableLog
from kafkalite.types import Offset

if TYPE_CHECKING:
    from kafkalite.storage.filesystem import SyncTask
    from kafkalite.storage.segment import Segment


class DurableLog(ReadableLog):
    """See the module."""

    __slots__ = ()

    # Rolling

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

    # Flushing

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

    def _save_leader_epochs(self) -> None:
        try:
            if self._leader_epochs.save():
                self._files_made += 1
        except OSError as error:
            raise self._storage_error(error) from error

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
