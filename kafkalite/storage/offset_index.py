"""`.index`: from an offset to a position in the segment file.

    0                4               8
    | relative offset | position      |     8 bytes, both big-endian int32

An entry is (last offset of a batch, position where that batch begins). Kafka: `OffsetIndex`; which
batches get an entry is the segment's business (one at least every `index.interval.bytes`).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, NamedTuple

from kafkalite.storage.index import Index
from kafkalite.types import Offset


class OffsetPosition(NamedTuple):
    """An offset and the position in the segment file where its batch begins."""

    offset: Offset
    position: int


class OffsetIndex(Index):
    """Positions by offset."""

    ENTRY: ClassVar[Struct] = Struct(">ii")
    _OFFSET_FIELD: ClassVar[int] = 0

    __slots__ = ()

    @property
    def is_full(self) -> bool:
        """Whether the segment has to be rolled because this index can take no more."""
        return len(self) >= self.max_entries

    @property
    def last_offset(self) -> Offset:
        """The greatest offset in the index; the base offset when it is empty."""
        return Offset(self.base_offset + self._last[0]) if len(self) else self.base_offset

    def append(self, offset: Offset, position: int) -> None:
        """Add an entry. Offsets and positions grow; not when `is_full`."""
        assert len(self) == 0 or offset > self.last_offset, f"{offset} after {self.last_offset}"
        assert self.can_append_offset(offset), f"{offset} is too far from {self.base_offset}"
        self._append(offset - self.base_offset, position)

    def lookup(self, offset: Offset) -> OffsetPosition:
        """The greatest entry at or below `offset`; (base offset, 0) when there is none.

        Entries (10, 0), (25, 4096): lookup(24) is (10, 0), lookup(25) is (25, 4096). The entry is
        for the *last* offset of its batch, so the batch that holds `offset` is this one or a later
        one.
        """
        slot = self._floor(offset - self.base_offset, self._OFFSET_FIELD)
        return self.entry(slot) if slot >= 0 else OffsetPosition(self.base_offset, 0)

    def lookup_position(self, position: int) -> OffsetPosition:
        """The greatest entry whose position is at or below `position`; (base offset, 0) when there is none."""
        slot = self._floor(position, 1)
        return self.entry(slot) if slot >= 0 else OffsetPosition(self.base_offset, 0)

    def first_at_or_after(self, position: int) -> Offset | None:
        """The offset of the smallest entry whose position is at or above `position`; None when there is none."""
        slot = self._floor(position - 1, 1) + 1
        return self.entry(slot).offset if slot < len(self) else None

    def entry(self, slot: int) -> OffsetPosition:
        relative_offset, position = self._entry(slot)
        return OffsetPosition(Offset(self.base_offset + relative_offset), position)
