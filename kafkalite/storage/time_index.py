"""`.timeindex`: from a timestamp to an offset in the segment.

    0                     8                12
    | timestamp            | relative offset |     big-endian int64 (ms), int32

An entry (t, o) says: the batch that ends with offset o is the first one to reach timestamp t, so
what comes before it is earlier than t and every record later than t lies behind o. Timestamps grow
from entry to entry. Kafka: `TimeIndex`.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, NamedTuple

from kafkalite.storage.index import Index
from kafkalite.types import NO_TIMESTAMP, Offset


class TimestampOffset(NamedTuple):
    """A timestamp in milliseconds, -1 for none, and the offset it was reached at."""

    timestamp_ms: int
    offset: Offset


class TimeIndex(Index):
    """Offsets by greatest timestamp so far."""

    ENTRY: ClassVar[Struct] = Struct(">qi")
    _OFFSET_FIELD: ClassVar[int] = 1

    __slots__ = ()

    @property
    def is_full(self) -> bool:
        """Whether the segment has to be rolled. One place is kept for the entry made on roll."""
        return len(self) >= self.max_entries - 1

    @property
    def last_entry(self) -> TimestampOffset:
        """The greatest timestamp in the index; (-1, base offset) when it is empty."""
        if len(self) == 0:
            return TimestampOffset(NO_TIMESTAMP, self.base_offset)
        timestamp_ms, relative_offset = self._last
        return TimestampOffset(timestamp_ms, Offset(self.base_offset + relative_offset))

    def maybe_append(self, timestamp_ms: int, offset: Offset) -> None:
        """Add an entry if its timestamp is greater than the last one's; otherwise do nothing.

        Offsets never go back. The segment calls this along with each offset index entry and, with
        its greatest timestamp, on roll and close.
        """
        last = self.last_entry
        if timestamp_ms <= last.timestamp_ms:
            return
        assert offset >= last.offset, f"offset {offset} after {last}"
        assert self.can_append_offset(offset), f"{offset} is too far from {self.base_offset}"
        self._append(timestamp_ms, offset - self.base_offset)

    def lookup(self, timestamp_ms: int) -> TimestampOffset:
        """The greatest entry at or below the timestamp; (-1, base offset) when there is none.

        Entries (1000, 5), (3000, 9): lookup(2999) is (1000, 5), lookup(3000) is (3000, 9). The
        first record at or after the timestamp is in the batch of that entry's offset or behind it.
        """
        slot = self._floor(timestamp_ms, 0)
        return self.entry(slot) if slot >= 0 else TimestampOffset(NO_TIMESTAMP, self.base_offset)

    def entry(self, slot: int) -> TimestampOffset:
        timestamp_ms, relative_offset = self._entry(slot)
        return TimestampOffset(timestamp_ms, Offset(self.base_offset + relative_offset))
