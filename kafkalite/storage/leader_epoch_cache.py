"""Which leader epoch wrote which offsets: how a follower or a consumer finds out that its log went
another way.

    leader epoch   start offset          offsets   0 .. 99 | 100 .. 149 | 150 .. 199 | 200 is the
    log end
         0              0                epoch        0    |     2      |     3      |
         2            100
         3            150                epoch 1 wrote nothing

    end_offset_for(0, 200) = (0, 100)    end_offset_for(3, 200) = (3, 200)    the latest ends at the
    log end end_offset_for(2, 200) = (2, 150)    end_offset_for(4, 200) = (-1, -1)    unknown, as
    yet end_offset_for(1, 200) = (0, 100)    the greatest epoch not above 1, and where the next one
    begins

Both columns grow from line to line, always. Kept in `leader-epoch-checkpoint`; the batches in the
log carry their epochs too, so a lost file can be made again. So a new epoch is saved no earlier than
the log is flushed: what recovery would not read again is in the file, and a start of 10 000 partitions
writes no files. Kafka: `LeaderEpochFileCache`; KIP-101, KIP-279.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from kafkalite.storage.checkpoints import read_leader_epochs, write_leader_epochs
from kafkalite.types import UNKNOWN_LEADER_EPOCH, UNKNOWN_OFFSET, LeaderEpoch, Offset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kafkalite.storage.filesystem import FileSystem


class LeaderEpochCache:
    """The epochs of one log. `load` reads the file; a new cache is empty."""

    __slots__ = ("_epochs", "_filesystem", "_is_saved", "_start_offsets", "path")

    def __init__(self, filesystem: FileSystem, path: Path) -> None:
        self._filesystem = filesystem
        self.path = path
        self._epochs: list[LeaderEpoch] = []
        self._start_offsets: list[Offset] = []
        self._is_saved = True

    def __repr__(self) -> str:
        return f"LeaderEpochCache({self.entries()})"

    def __len__(self) -> int:
        return len(self._epochs)

    def load(self) -> None:
        """Take the file's entries. Raises `CorruptCheckpointError`: then `clear` and assign from
        the batches.
        """
        self._epochs, self._start_offsets = [], []
        for epoch, start_offset in read_leader_epochs(self._filesystem, self.path):
            self._assign(epoch, start_offset)
        self._is_saved = True

    def entries(self) -> Sequence[tuple[LeaderEpoch, Offset]]:
        """(epoch, start offset), oldest first."""
        return list(zip(self._epochs, self._start_offsets, strict=True))

    @property
    def latest_epoch(self) -> LeaderEpoch:
        """-1 when nothing is known."""
        return self._epochs[-1] if self._epochs else UNKNOWN_LEADER_EPOCH

    def assign(self, epoch: LeaderEpoch, start_offset: Offset) -> None:
        """`epoch` begins at `start_offset`. Called at a new leadership and for the first batch of a
        new epoch.

        Nothing happens when it is known to begin there or before. Entries that contradict it, of
        the same or a later epoch or start, are dropped: with (0, 0) (2, 100) (3, 150), assign(4,
        120) leaves (0, 0) (2, 100) (4, 120). In memory only: see `save`.
        """
        if self._assign(epoch, start_offset):
            self._is_saved = False

    def save(self) -> bool:
        """Write the file if it lacks something; whoever flushes the log syncs it. True if there was something to
        write. Raises OSError.
        """
        if self._is_saved:
            return False
        self._write(sync=False)
        return True

    def end_offset_for(
        self, epoch: LeaderEpoch, log_end_offset: Offset
    ) -> tuple[LeaderEpoch, Offset]:
        """The greatest known epoch not above `epoch`, and the offset where it ended; (-1, -1) when
        unknown.

        Before the first known epoch: (`epoch`, start of the first), as Kafka. See the example
        above.
        """
        if epoch < 0 or not self._epochs or epoch > self._epochs[-1]:
            return UNKNOWN_LEADER_EPOCH, UNKNOWN_OFFSET
        if epoch == self._epochs[-1]:
            return epoch, log_end_offset
        higher = bisect_right(self._epochs, epoch)
        floor_epoch = self._epochs[higher - 1] if higher else epoch
        return floor_epoch, self._start_offsets[higher]

    def epoch_for_offset(self, offset: Offset) -> LeaderEpoch:
        """The epoch that wrote `offset`, -1 when it lies before the first known one."""
        slot = bisect_right(self._start_offsets, offset) - 1
        return self._epochs[slot] if slot >= 0 else UNKNOWN_LEADER_EPOCH

    def truncate_from_end(self, end_offset: Offset) -> None:
        """The log now ends at `end_offset`: epochs that begin there or later never were. Raises
        OSError.
        """
        kept = bisect_right(self._start_offsets, end_offset - 1)
        if kept < len(self._epochs):
            self._keep(kept)
            # Unsynced, as in Kafka: after a power loss, recovery finds where the log ends and
            # truncates again.
            self._write(sync=False)

    def truncate_from_start(self, start_offset: Offset) -> None:
        """The log now starts at `start_offset`: the epoch it lies in starts there, earlier ones are
        forgotten.

        With (0, 0) (2, 100) (3, 150), truncate_from_start(120) leaves (2, 120) (3, 150). Raises
        OSError.
        """
        first = bisect_right(self._start_offsets, start_offset) - 1
        if first < 0 or (first == 0 and self._start_offsets[0] == start_offset):
            return
        del self._epochs[:first], self._start_offsets[:first]
        self._start_offsets[0] = start_offset
        self._write(sync=False)

    def clear(self) -> None:
        """Forget everything, in the file too. Raises OSError."""
        self._keep(0)
        self._write(sync=True)

    def _assign(self, epoch: LeaderEpoch, start_offset: Offset) -> bool:
        assert epoch >= 0, f"epoch {epoch} has no beginning"
        assert start_offset >= 0, f"epoch {epoch} cannot begin at {start_offset}"
        if epoch == self.latest_epoch and start_offset >= self._start_offsets[-1]:
            return False
        kept = len(self._epochs)
        while kept and (
            self._epochs[kept - 1] >= epoch or self._start_offsets[kept - 1] >= start_offset
        ):
            kept -= 1
        self._keep(kept)
        self._epochs.append(epoch)
        self._start_offsets.append(start_offset)
        return True

    def _keep(self, count: int) -> None:
        del self._epochs[count:], self._start_offsets[count:]

    def _write(self, *, sync: bool) -> None:
        write_leader_epochs(self._filesystem, self.path, self.entries(), sync=sync)
        self._is_saved = True
