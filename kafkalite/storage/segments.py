"""The segments of one log, in order: the last is the active one, which alone is appended to.

base offsets   [ 0, 40, 70 ]            segments {0..39} {40..69} {70..}
from_offset(55)                         {40..69} and {70..}
cut(55)                                 {0..39} {40..54}, the last one active
take_below(40)                          removes {0..39}; take_below(41) too
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

from kafkalite.storage import segment_swap
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.segment import Segment
from kafkalite.types import Offset


class Segments(Sequence[Segment]):
    """At least one segment, ascending by base offset."""

    __slots__ = ("_base_offsets", "_config", "_directory", "_filesystem", "_segments", "active")

    def __init__(
        self,
        filesystem: FileSystem,
        directory: Path,
        config: LogConfig,
        segments: Sequence[Segment],
    ) -> None:
        assert segments, "a log has an active segment"
        self._filesystem = filesystem
        self._directory = directory
        self._config = config
        self._segments = list(segments)
        self._base_offsets = [segment.base_offset for segment in segments]
        self.active = self._segments[-1]

    def __len__(self) -> int:
        return len(self._segments)

    def __getitem__(self, index: int) -> Segment:  # type: ignore[override]  # slices are not needed
        return self._segments[index]

    def __iter__(self) -> Iterator[Segment]:
        return iter(tuple(self._segments))

    @property
    def size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self._segments)

    @property
    def base_offsets(self) -> Sequence[Offset]:
        return self._base_offsets

    def from_offset(self, offset: Offset) -> Iterator[Segment]:
        """The segment that `offset` belongs to, and those after it."""
        first = max(0, bisect_right(self._base_offsets, offset) - 1)
        for index in range(first, len(self._segments)):
            yield self._segments[index]

    def reconfigure(self, config: LogConfig) -> None:
        self._config = config
        for segment in self._segments:
            segment.config = config

    def roll(self, base_offset: Offset, now_ms: int) -> Segment:
        """Begin a new active segment; an empty one is not left before it. Raises OSError, with nothing changed."""
        empty = self.active if self.active.size_bytes == 0 else None
        if empty is not None and empty.base_offset == base_offset:
            return empty
        segment = self._new(base_offset, now_ms)
        if empty is not None:
            self._pop()
        self._push(segment)
        if empty is not None:
            empty.remove()
        return segment

    def cut(self, offset: Offset) -> None:
        """Remove the batch that holds `offset` and all after it. Raises OSError.

        From the end, a step at a time, so that a crash leaves a log without a hole.
        """
        while len(self._segments) > 1 and self.active.base_offset >= offset:
            self._pop().remove()
        assert self.active.base_offset <= offset, "the log does not reach so far back"
        self.active.truncate_to(offset)

    def restart(self, base_offset: Offset, now_ms: int) -> None:
        """Remove everything and begin anew at `base_offset`. Raises OSError."""
        while self._segments:
            self._pop().remove()
        self._push(self._new(base_offset, now_ms))

    def take_below(self, offset: Offset) -> list[Segment]:
        """Take out the segments all of whose offsets are below `offset`; never the active one. Their files are left."""
        count = 0
        while count + 1 < len(self._segments) and self._base_offsets[count + 1] <= offset:
            count += 1
        taken = self._segments[:count]
        del self._segments[:count], self._base_offsets[:count]
        return taken

    def swap_in(self, old: Sequence[Segment]) -> list[Path]:
        """Put the files `.swap` of the first one's offset in the place of `old`, which are neighbours; never the active one.

        Returns the files `.deleted` that are left to be removed. Raises OSError: then only a restart can go on.
        """
        first, last = old[0], old[-1]
        at = self._base_offsets.index(first.base_offset)
        deleted = [path for segment in old for path in segment.mark_deleted()]
        segment_swap.put_in_place(self._filesystem, self._directory, first.base_offset)
        cleaned = Segment(
            self._filesystem,
            self._directory,
            first.base_offset,
            self._config,
            created_ms=last.created_ms,
            next_offset=last.next_offset,
        )
        self._segments[at : at + len(old)] = [cleaned]
        self._base_offsets[at : at + len(old)] = [cleaned.base_offset]
        return deleted

    def _new(self, base_offset: Offset, now_ms: int) -> Segment:
        return Segment(
            self._filesystem,
            self._directory,
            base_offset,
            self._config,
            created_ms=now_ms,
            create=True,
        )

    def _push(self, segment: Segment) -> None:
        self._segments.append(segment)
        self._base_offsets.append(segment.base_offset)
        self.active = segment

    def _pop(self) -> Segment:
        self._base_offsets.pop()
        segment = self._segments.pop()
        if self._segments:
            self.active = self._segments[-1]
        return segment
