"""Walking the batches of a segment file by their headers, a chunk of the file at a time."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from kafkalite_protocol.record_batch import (
    BATCH_LENGTH_POSITION,
    HEADER_BYTES,
    LOG_OVERHEAD,
    MAGIC,
    MIN_BATCH_LENGTH,
    RecordBatchView,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOKUP_CHUNK_BYTES = 4096
"""What a lookup reads at a time: the index leaves it that much to walk (`index.interval.bytes`)."""
SCAN_CHUNK_BYTES = 1 << 18
"""What recovery reads at a time; a batch larger than that is read in one piece."""

_PLACE = Struct(">qi11xi8xq")
"""baseOffset, batchLength, lastOffsetDelta, maxTimestamp: bytes 0 to 43 of the header."""


class Readable(Protocol):
    """What batches can be read from: a `File`, or a descriptor on its own."""

    def pread(self, position: int, length: int) -> bytes: ...


class BatchPlace(NamedTuple):
    """Where a batch lies and what it covers: the little of a header that lookups need."""

    position: int
    end: int
    """Position after the batch."""
    base_offset: int
    last_offset: int
    max_timestamp_ms: int


def batch_places(file: Readable, position: int, end: int) -> Iterator[BatchPlace]:
    """The whole batches from `position`, which must be the start of one, to `end`; stops before anything that isn't one."""
    chunk = b""
    chunk_start = position
    while position + HEADER_BYTES <= end:
        at = position - chunk_start
        if at + _PLACE.size > len(chunk):
            chunk = file.pread(position, min(LOOKUP_CHUNK_BYTES, end - position))
            chunk_start, at = position, 0
            if len(chunk) < _PLACE.size:
                return
        base_offset, batch_length, last_offset_delta, max_timestamp_ms = _PLACE.unpack_from(
            chunk, at
        )
        batch_end = position + LOG_OVERHEAD + batch_length
        if batch_length < MIN_BATCH_LENGTH or batch_end > end:
            return
        yield BatchPlace(
            position, batch_end, base_offset, base_offset + last_offset_delta, max_timestamp_ms
        )
        position = batch_end


def sound_batches(
    file: Readable, position: int, end: int, min_offset: int
) -> Iterator[RecordBatchView]:
    """The batches from `position` whose length, magic, offsets and CRC are right; stops at the first that is not.

    The first may begin at `min_offset`, and each of the others after the end of the one before. The views are of a
    buffer that holds a part of the file: their `position` is a place in that buffer.
    """
    chunk, at = memoryview(b""), 0
    while position + HEADER_BYTES <= end:
        if len(chunk) - at < HEADER_BYTES:
            chunk, at = _read(file, position, min(SCAN_CHUNK_BYTES, end - position)), 0
        size_bytes = _batch_bytes(chunk, at)
        if size_bytes < HEADER_BYTES or position + size_bytes > end:
            return
        if len(chunk) - at < size_bytes:
            length = min(max(SCAN_CHUNK_BYTES, size_bytes), end - position)
            chunk, at = _read(file, position, length), 0
        batch = RecordBatchView(chunk, at)
        if not _is_sound(batch, min_offset):
            return
        yield batch
        min_offset = batch.next_offset
        at += size_bytes
        position += size_bytes


def _is_sound(batch: RecordBatchView, min_offset: int) -> bool:
    return (
        batch.magic == MAGIC
        and batch.base_offset >= min_offset
        and batch.last_offset_delta >= 0
        and batch.check_crc()
    )


def _read(file: Readable, position: int, length: int) -> memoryview:
    data = file.pread(position, length)
    if len(data) != length:
        raise OSError(f"{len(data)} bytes at {position} of a log file instead of {length}")
    return memoryview(data)


def _batch_bytes(chunk: memoryview, at: int) -> int:
    length = int.from_bytes(
        chunk[at + BATCH_LENGTH_POSITION : at + LOG_OVERHEAD], "big", signed=True
    )
    return LOG_OVERHEAD + length
