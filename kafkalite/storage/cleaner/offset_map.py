"""The last offset of each key, in a bounded amount of memory.

A hash table with open addressing over two arrays: 16 bytes of a digest stand for the key, whatever its length, and 8 bytes
hold the offset. A key is found by its digest alone: two keys with the same 128 bits are not expected to meet.

    slot       0        1        2        3
    digest   | ab...  | 00...  | 3f...  | 00...  |
    offset+1 | 18     | 0      | 5      | 0      |        0: the slot is free; its search ends there

Both are anonymous maps: they are zero without being written, and only the pages that are used become memory.
Kafka: SkimpyOffsetMap, which has 24 bytes a slot too.
"""

from __future__ import annotations

from hashlib import blake2b
from mmap import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kafkalite_protocol.buffers import Buffer

_DIGEST_BYTES = 16
_OFFSET_BYTES = 8
SLOT_BYTES = _DIGEST_BYTES + _OFFSET_BYTES
NOT_FOUND = -1


class OffsetMap:
    """Keys of records and the last offset that was put for each."""

    __slots__ = ("_capacity", "_count", "_digests", "_offsets_plus_1", "_slots", "latest_offset")

    def __init__(self, max_bytes: int, load_factor: float, expected_keys: int) -> None:
        """`max_bytes` bounds the table, `load_factor` how full it may become (0 to 1).

        `expected_keys` is the most that can come: the table is not made larger than they need.
        """
        slots = min(max_bytes // SLOT_BYTES, int(expected_keys / load_factor) + 1)
        self._slots = max(2, slots)
        # One slot stays free, or the search for a key that is not there would not end.
        self._capacity = max(1, min(int(self._slots * load_factor), self._slots - 1))
        self._digests = mmap(-1, self._slots * _DIGEST_BYTES)
        self._offsets_plus_1 = memoryview(mmap(-1, self._slots * _OFFSET_BYTES)).cast("q")
        self._count = 0
        self.latest_offset = NOT_FOUND
        """Everything in the dirty part up to here is in the map."""

    def __len__(self) -> int:
        """Number of keys."""
        return self._count

    @property
    def is_full(self) -> bool:
        return self._count >= self._capacity

    def put(self, key: Buffer, offset: int) -> None:
        """Remember `offset` as the last one of `key`. Not when full."""
        assert not self.is_full, "the caller stops at a full map"
        digest = blake2b(key, digest_size=_DIGEST_BYTES).digest()
        offsets, digests = self._offsets_plus_1, self._digests
        slot = int.from_bytes(digest[:8], "big") % self._slots
        while offsets[slot]:
            at = slot * _DIGEST_BYTES
            if digests[at : at + _DIGEST_BYTES] == digest:
                break
            slot = slot + 1 if slot + 1 < self._slots else 0
        else:
            at = slot * _DIGEST_BYTES
            digests[at : at + _DIGEST_BYTES] = digest
            self._count += 1
        offsets[slot] = offset + 1
        self.latest_offset = offset

    def get(self, key: Buffer) -> int:
        """The last offset of `key`; -1 when it is not in the map."""
        digest = blake2b(key, digest_size=_DIGEST_BYTES).digest()
        offsets, digests = self._offsets_plus_1, self._digests
        slot = int.from_bytes(digest[:8], "big") % self._slots
        while offset_plus_1 := offsets[slot]:
            at = slot * _DIGEST_BYTES
            if digests[at : at + _DIGEST_BYTES] == digest:
                return offset_plus_1 - 1
            slot = slot + 1 if slot + 1 < self._slots else 0
        return NOT_FOUND
