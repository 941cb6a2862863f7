"""What the offset index and the time index share: sorted entries of one size in a mapped file.

    | entry 0 | entry 1 | ... | entry n-1 | zero bytes up to the allocated size |

Each entry is a pair of big-endian integers, growing from entry to entry. Indexes are sparse: they
say where to start looking, and the log itself gives the answer. A lost entry costs time, a wrong
one would cost data, so entries are dropped by overwriting them with zeros.

The file of the active segment grows by doubling (Kafka allocates 10 MiB at once, which ten
thousand partitions cannot afford) and is cut to its entries when the segment is rolled or closed.
After a kill the zero bytes are still there: the number of entries is then found by bisection.

Nothing is touched before the first use: an index that is never asked holds no map.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path
    from struct import Struct

    from kafkalite.storage.filesystem import FileSystem, SyncTask
    from kafkalite.types import Offset

RELATIVE_OFFSET_MAX = 2**31 - 1
"""Indexes keep offsets relative to the segment's base offset, as Java's signed int."""

_INITIAL_FILE_BYTES = 4096
_NOT_LOADED = -1


class CorruptIndexError(Exception):
    """An index file that cannot be right. It is rebuilt from the log; nothing is lost."""


class Index:
    """Entries `(first, second)`, appended in order, looked up by bisection.

    `max_size_bytes` is the topic's `segment.index.bytes`: when so many bytes are used the segment
    is rolled. Subclasses give meaning to the two numbers.
    """

    ENTRY: ClassVar[Struct]
    _OFFSET_FIELD: ClassVar[int]
    """Which of the two numbers is the relative offset."""

    __slots__ = (
        "_allocated_bytes",
        "_count",
        "_file",
        "_filesystem",
        "_last",
        "base_offset",
        "max_entries",
    )

    def __init__(
        self, filesystem: FileSystem, path: Path, base_offset: Offset, max_size_bytes: int
    ) -> None:
        self._filesystem = filesystem
        self._file = filesystem.mapped(path)
        self.base_offset = base_offset
        self.max_entries = max_size_bytes // self.ENTRY.size
        self._count = _NOT_LOADED
        self._allocated_bytes = 0
        self._last = (0, 0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._file.path})"

    @property
    def path(self) -> Path:
        return self._file.path

    @path.setter
    def path(self, path: Path) -> None:
        """The file was renamed to `path`."""
        self._file.path = path

    def __len__(self) -> int:
        """Number of entries."""
        if self._count == _NOT_LOADED:
            self._load()
        return self._count

    @property
    def size_bytes(self) -> int:
        """Bytes of all entries: the size of the file once trimmed."""
        return len(self) * self.ENTRY.size

    def can_append_offset(self, offset: Offset) -> bool:
        """Whether `offset` is near enough to the base offset to be written as a relative one."""
        return 0 <= offset - self.base_offset <= RELATIVE_OFFSET_MAX

    def truncate_to(self, offset: Offset) -> None:
        """Drop the entries that are for `offset` or a later one.

        Entries for 10, 20, 30: `truncate_to(20)` leaves 10; `truncate_to(21)` leaves 10 and 20.
        """
        last_kept = self._floor(offset - self.base_offset - 1, self._OFFSET_FIELD)
        self._drop_from(last_kept + 1)

    def reset(self) -> None:
        """Drop all entries, whatever is in the file."""
        self._file.truncate(0)
        self._count, self._allocated_bytes, self._last = 0, 0, (0, 0)

    def trim(self) -> None:
        """Cut the file to its entries, making it if need be. No-op before first use."""
        if self._count != _NOT_LOADED:
            self._allocated_bytes = self.size_bytes
            self._file.truncate(self._allocated_bytes)

    def close(self) -> None:
        """Trim and unmap. It may be used again."""
        self.trim()
        self._file.close()

    def sync_task(self) -> SyncTask | None:
        """What makes the entries durable, for a worker thread; None before first use."""
        if self._count <= 0:
            return None
        return self._filesystem.fsync_task(self.path)

    def sanity_check(self) -> None:
        """Raise `CorruptIndexError` when the file cannot be an index of this segment.

        Looks at the length, the first and the last entry, as Kafka does; the middle is trusted.
        """
        if self._filesystem.exists(self.path):
            size = self._filesystem.size(self.path)
            if size % self.ENTRY.size:
                raise self._corrupt(f"its {size} bytes are no multiple of {self.ENTRY.size}")
        if len(self) == 0:
            return
        first, last = self._entry(0), self._last
        if min(first) < 0 or last[0] < first[0] or last[1] < first[1]:
            raise self._corrupt(f"entries go from {first} to {last}")

    def _corrupt(self, reason: str) -> CorruptIndexError:
        return CorruptIndexError(f"index {self.path} is corrupt: {reason}")

    def _load(self) -> None:
        """Count the entries of the file as it is, zero bytes at its end not counted."""
        size = self._filesystem.size(self.path) if self._filesystem.exists(self.path) else 0
        slots = size // self.ENTRY.size
        self._allocated_bytes = slots * self.ENTRY.size
        self._count = self._count_entries(slots) if slots else 0
        if self._count:
            self._last = self._entry(self._count - 1)

    def _count_entries(self, slots: int) -> int:
        """How many of `slots` are entries: all before the zero bytes at the end.

        Both numbers grow, so only the first entry may be all zeros; bisection looks at it only after it has found that
        the second slot is empty.
        """
        memory = self._file.memory(slots * self.ENTRY.size)
        unpack, step = self.ENTRY.unpack_from, self.ENTRY.size

        def is_zero(slot: int) -> bool:
            return unpack(memory, slot * step) == (0, 0)

        return bisect_left(range(slots), True, key=is_zero)

    def _entry(self, slot: int) -> tuple[int, int]:
        assert 0 <= slot < self._count, f"slot {slot} of {self._count}"
        memory = self._file.memory(self._count * self.ENTRY.size)
        first, second = self.ENTRY.unpack_from(memory, slot * self.ENTRY.size)
        return first, second

    def _floor(self, target: int, field: int) -> int:
        """Slot of the greatest entry whose `field` is <= target; -1 when all are greater."""
        count = len(self)
        if count == 0 or target >= self._last[field]:
            return count - 1
        memory = self._file.memory(count * self.ENTRY.size)
        unpack, step = self.ENTRY.unpack_from, self.ENTRY.size
        return bisect_right(range(count), target, key=lambda s: unpack(memory, s * step)[field]) - 1

    def _append(self, first: int, second: int) -> None:
        count = len(self)
        assert count < self.max_entries, f"{self!r} is full; the segment should have been rolled"
        position = count * self.ENTRY.size
        if position == self._allocated_bytes:
            self._allocated_bytes = self._next_size_bytes()
        memory = self._file.memory(self._allocated_bytes)
        self.ENTRY.pack_into(memory, position, first, second)
        self._count = count + 1
        self._last = (first, second)

    def _next_size_bytes(self) -> int:
        """Size to grow the file to: doubled, a whole number of entries, not over the maximum."""
        entries = max(_INITIAL_FILE_BYTES // self.ENTRY.size, 2 * self._count)
        return min(entries, self.max_entries) * self.ENTRY.size

    def _drop_from(self, count: int) -> None:
        """Keep the first `count` entries; the others become zero bytes."""
        if count >= len(self):
            return
        step = self.ENTRY.size
        memory = self._file.memory(self._count * step)
        memory[count * step : self._count * step] = bytes((self._count - count) * step)
        self._count = count
        self._last = self._entry(count - 1) if count else (0, 0)
