"""Where the batches appended last begin: what a consumer at the tail asks for is found without reading the file.

Two sorted columns of the last few hundred batches of an active segment, searched by bisection:

    last_offsets   [  9,   19,   29 ]        end of the log: position 300
    positions      [  0,  100,  200 ]        offset 12 -> the batch at 100;  at most 150 bytes from 0 -> ends at 100
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

KEPT_BATCHES = 128
"""At least so many are remembered, at most twice as many: 4 KiB per partition that is written to."""


class RecentBatches:
    """The positions of the newest batches of one segment file, without a gap up to its end."""

    __slots__ = ("_last_offsets", "_positions", "_start_offset")

    def __init__(self) -> None:
        self._last_offsets = array("q")
        self._positions = array("q")
        self._start_offset = 0

    def append(self, base_offset: int, last_offset: int, position: int) -> None:
        """A batch was written at `position`, after all those before."""
        if not self._positions:
            self._start_offset = base_offset
        elif len(self._positions) == 2 * KEPT_BATCHES:
            self._start_offset = self._last_offsets[KEPT_BATCHES - 1] + 1
            del self._last_offsets[:KEPT_BATCHES]
            del self._positions[:KEPT_BATCHES]
        self._last_offsets.append(last_offset)
        self._positions.append(position)

    def clear(self) -> None:
        """Forget everything, after the file was cut."""
        del self._last_offsets[:]
        del self._positions[:]

    def position_of(self, offset: int, end: int) -> int | None:
        """Start of the first batch that ends at or after `offset`; `end` if there is none; None when not remembered."""
        if not self._positions or offset < self._start_offset:
            return None
        index = bisect_left(self._last_offsets, offset)
        return self._positions[index] if index < len(self._positions) else end

    def boundary_at_or_before(self, position: int) -> int | None:
        """The last start of a batch that is not past `position`; None when not remembered."""
        if not self._positions or position < self._positions[0]:
            return None
        return self._positions[bisect_right(self._positions, position) - 1]

    def boundary_after(self, position: int, end: int) -> int | None:
        """The end of the batch that starts at `position`; None when not remembered."""
        if not self._positions or position < self._positions[0]:
            return None
        index = bisect_right(self._positions, position)
        return self._positions[index] if index < len(self._positions) else end
