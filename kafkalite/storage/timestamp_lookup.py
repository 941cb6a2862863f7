"""Which record is the first at or after a point in time? Found in two steps.

The log picks the segment and, by its indexes, where in the file to begin: quick, on the loop. `run` then walks the batches
from there and opens the one that holds the record: it may read from disk and decompress, so it can run in a worker thread.
It works on a file slice of its own and does not see what the log does meanwhile.
"""

from __future__ import annotations

from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.record_batch import HEADER_BYTES, RecordBatchView, read_header
from kafkalite_protocol.records import read_records

from kafkalite.errors import KafkaError
from kafkalite.storage.file_slice import FileSlice
from kafkalite.types import LeaderEpoch, Offset

_CHUNK_BYTES = 64 * 1024


class TimestampAndOffset(NamedTuple):
    """A record found by time."""

    timestamp_ms: int
    offset: Offset
    leader_epoch: LeaderEpoch


class TimestampLookup:
    """`run` gives the first record with `timestamp_ms` or a later one and an offset of `min_offset` or more, or None."""

    __slots__ = ("_min_offset", "_slice", "_timestamp_ms")

    def __init__(self, where: FileSlice | None, timestamp_ms: int, min_offset: Offset) -> None:
        self._slice = where
        self._timestamp_ms = timestamp_ms
        self._min_offset = min_offset

    def run(self) -> TimestampAndOffset | None:
        """Read and decompress as needed. Raises KafkaError(CORRUPT_MESSAGE) when the batch cannot be read."""
        position = 0
        while self._slice is not None and position + HEADER_BYTES <= len(self._slice):
            length = min(_CHUNK_BYTES, len(self._slice) - position)
            chunk = memoryview(self._slice.slice(position, length).read())
            if len(chunk) < HEADER_BYTES:
                return None  # cut off meanwhile
            at = 0
            while at + HEADER_BYTES <= len(chunk):
                header = read_header(chunk, at)
                if (
                    header.max_timestamp_ms >= self._timestamp_ms
                    and header.last_offset >= self._min_offset
                ):
                    found = self._in_batch(position + at, header.total_bytes)
                    if found is not None:
                        return found
                at += header.total_bytes
            position += at
        return None

    def _in_batch(self, position: int, size_bytes: int) -> TimestampAndOffset | None:
        assert self._slice is not None, "the batch was found in it"
        data = self._slice.slice(position, min(size_bytes, len(self._slice) - position)).read()
        try:
            batch = RecordBatchView(data)
            for record in read_records(batch):
                if record.timestamp_ms >= self._timestamp_ms and record.offset >= self._min_offset:
                    return TimestampAndOffset(
                        record.timestamp_ms, Offset(record.offset), LeaderEpoch(batch.leader_epoch)
                    )
        except ProtocolError as error:
            raise KafkaError(
                ErrorCode.CORRUPT_MESSAGE, f"a stored batch cannot be read: {error}"
            ) from error
        return None
