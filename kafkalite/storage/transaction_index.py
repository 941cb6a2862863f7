"""`.txnindex`: the aborted transactions that end in a segment.

    0         2             10             18            26                    34
    | version | producer id | first offset | last offset | last stable offset  |   big-endian
      int16=0    int64         int64          int64          int64

One entry per aborted transaction, appended with its marker, so last offsets grow. Kafka:
`TransactionIndex`, `AbortedTxn`. The file is made with the first entry: most segments have none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from kafkalite.storage.index import CorruptIndexError
from kafkalite.types import Offset, ProducerId

if TYPE_CHECKING:
    from pathlib import Path

    from kafkalite.storage.filesystem import FileSystem, SyncTask

_ENTRY = Struct(">hqqqq")
_PIECE_BYTES = 64 * _ENTRY.size
_VERSION = 0
_NOT_LOADED = -1


class AbortedTransaction(NamedTuple):
    """`first_offset` is that of its first record, `last_offset` that of its ABORT marker.

    `last_stable_offset` was the partition's just after the marker: a reader whose range ends at or
    below it need not look for further transactions.
    """

    producer_id: ProducerId
    first_offset: Offset
    last_offset: Offset
    last_stable_offset: Offset


class TransactionIndex:
    """The aborted transactions of one segment, on disk only; nothing is touched before first use."""

    __slots__ = ("_file", "_filesystem", "_last_offset", "_size", "base_offset")

    def __init__(self, filesystem: FileSystem, path: Path, base_offset: Offset) -> None:
        self._filesystem = filesystem
        self._file = filesystem.open(path)
        self.base_offset = base_offset
        self._size = _NOT_LOADED
        self._last_offset = -1

    def __repr__(self) -> str:
        return f"TransactionIndex({self.path})"

    @property
    def path(self) -> Path:
        return self._file.path

    @path.setter
    def path(self, path: Path) -> None:
        """The file was renamed to `path`."""
        self._file.path = path

    def __len__(self) -> int:
        """Number of entries."""
        if self._size == _NOT_LOADED:
            self._load()
        return self._size // _ENTRY.size

    def append(self, aborted: AbortedTransaction) -> None:
        """Add an entry; its last offset is greater than those before."""
        assert len(self) == 0 or aborted.last_offset > self._last_offset, f"{aborted} goes back"
        if self._size == 0:
            self._filesystem.open(self.path, create=True).close()
        self._file.append([encode_aborted_transaction(aborted)])
        self._size += _ENTRY.size
        self._last_offset = aborted.last_offset

    def collect(
        self, fetch_offset: Offset, upper_bound: Offset
    ) -> tuple[list[AbortedTransaction], bool]:
        """The aborted transactions that a reader of [fetch_offset, upper_bound) has to know.

        The flag says that the list is complete; otherwise transactions that end in later segments
        may overlap the range too.
        """
        found = []
        for aborted in self._entries_from(self._first_that_ends_at(fetch_offset)):
            if aborted.first_offset < upper_bound:
                found.append(aborted)
            if aborted.last_stable_offset >= upper_bound:
                return found, True
        return found, False

    def _first_that_ends_at(self, offset: Offset) -> int:
        """Slot of the first entry that ends at `offset` or later: entries are in the order of their ends."""
        return bisect_left(range(len(self)), offset, key=lambda slot: self._entry(slot).last_offset)

    def _entry(self, slot: int) -> AbortedTransaction:
        return _parse_entries(self._read(slot * _ENTRY.size, _ENTRY.size), self.path)[0]

    def _entries_from(self, slot: int) -> Iterator[AbortedTransaction]:
        """Read piece by piece: most readers need the first few."""
        position = slot * _ENTRY.size
        while position < self._size:
            piece = self._read(position, min(_PIECE_BYTES, self._size - position))
            yield from _parse_entries(piece, self.path)
            position += len(piece)

    def entries(self) -> list[AbortedTransaction]:
        """All entries, read from the file. Raises `CorruptIndexError`."""
        if len(self) == 0:
            return []
        return _parse_entries(self._read(0, self._size), self.path)

    def truncate_to(self, offset: Offset) -> None:
        """Drop the transactions that end at `offset` or later."""
        kept = [entry for entry in self.entries() if entry.last_offset < offset]
        if len(kept) < len(self):
            self._size = len(kept) * _ENTRY.size
            self._file.truncate(self._size)
            self._last_offset = kept[-1].last_offset if kept else -1

    def reset(self) -> None:
        """Drop everything, whatever is in the file."""
        if self._filesystem.exists(self.path):
            self._file.truncate(0)
        self._size, self._last_offset = 0, -1

    def sanity_check(self) -> None:
        """Raise `CorruptIndexError` when the file cannot be an index of this segment."""
        size = self._filesystem.size(self.path) if self._filesystem.exists(self.path) else 0
        if size % _ENTRY.size:
            raise self._corrupt(f"its {size} bytes are no multiple of {_ENTRY.size}")
        for entry in self.entries():
            if entry.last_offset < self.base_offset:
                raise self._corrupt(f"{entry} ends before the segment begins")

    def sync_task(self) -> SyncTask | None:
        """What makes the entries durable, for a worker thread; None when there are none."""
        return self._file.fsync_task() if self._size > 0 else None

    def close(self) -> None:
        """Let go of the file. It may be used again."""
        self._file.close()

    def _load(self) -> None:
        size = self._filesystem.size(self.path) if self._filesystem.exists(self.path) else 0
        self._size = size - size % _ENTRY.size
        if self._size:
            last = self._file.pread(self._size - _ENTRY.size, _ENTRY.size)
            self._last_offset = _parse_entries(last, self.path)[-1].last_offset

    def _read(self, position: int, length: int) -> bytes:
        data = self._file.pread(position, length)
        if len(data) != length:
            raise self._corrupt(f"it ends before the {self._size} bytes that it had")
        return data

    def _corrupt(self, reason: str) -> CorruptIndexError:
        return _corrupt(self.path, reason)


def read_aborted_transactions(filesystem: FileSystem, path: Path) -> list[AbortedTransaction]:
    """The whole entries of the file at `path`; none where there is no such file. For other threads than that of the log.

    Raises `CorruptIndexError`, OSError.
    """
    if not filesystem.exists(path):
        return []
    data = filesystem.read_bytes(path)
    return _parse_entries(data[: len(data) - len(data) % _ENTRY.size], path)


def encode_aborted_transaction(aborted: AbortedTransaction) -> bytes:
    """The entry's 34 bytes."""
    return _ENTRY.pack(_VERSION, *aborted)


def _parse_entries(data: bytes, path: Path) -> list[AbortedTransaction]:
    found = []
    for version, producer_id, first_offset, last_offset, stable_offset in _ENTRY.iter_unpack(data):
        if version != _VERSION:
            raise _corrupt(path, f"it has an entry of version {version}")
        found.append(
            AbortedTransaction(
                ProducerId(producer_id),
                Offset(first_offset),
                Offset(last_offset),
                Offset(stable_offset),
            )
        )
    return found


def _corrupt(path: Path, reason: str) -> CorruptIndexError:
    return CorruptIndexError(f"index {path} is corrupt: {reason}")
