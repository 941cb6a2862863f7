"""Which record is the first at or after a point in time? Found in two steps.

The log picks the segment and, by its indexes, where in the file to begin: quick, on the loop. `run` then walks the batches
from there and opens the one that holds the record: it may read from disk and decompress, so it can run in a worker thread.
It works on a file slice of its own and does not see what the log does meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import read_records

from kafkalite.errors import KafkaError
from kafkalite.storage.batch_scan import batch_places
from kafkalite.storage.file_slice import FileSlice
from kafkalite.types import LeaderEpoch, Offset


class TimestampAndOffset(NamedTuple):
    """A record found by time."""

    timestamp_ms: int
    offset: Offset
    leader_epoch: LeaderEpoch


class TimestampLookup:
    """`run` gives the first record with `timestamp_ms` or a later one and an offset of `min_offset` or more, or None."""

    __slots__ = ("_min_offset", "_slices", "_timestamp_ms")

    def __init__(self, slices: Sequence[FileSlice], timestamp_ms: int, min_offset: Offset) -> None:
        """`slices` are where to look, in order; each begins with a batch."""
        self._slices = slices
        self._timestamp_ms = timestamp_ms
        self._min_offset = min_offset

    def run(self) -> TimestampAndOffset | None:
        """Read and decompress as needed. Raises KafkaError(CORRUPT_MESSAGE) when a batch cannot be read."""
        for where in self._slices:
            for place in batch_places(where, 0, len(where)):
                if (
                    place.max_timestamp_ms >= self._timestamp_ms
                    and place.last_offset >= self._min_offset
                ):
                    found = self._in_batch(where.slice(place.position, place.end - place.position))
                    if found is not None:
                        return found
        return None

    def _in_batch(self, where: FileSlice) -> TimestampAndOffset | None:
        """None: the header promised more than the records keep."""
        try:
            batch = RecordBatchView(where.read())
            for record in read_records(batch):
                if record.timestamp_ms >= self._timestamp_ms and record.offset >= self._min_offset:
                    return TimestampAndOffset(
                        record.timestamp_ms, Offset(record.offset), LeaderEpoch(batch.leader_epoch)
                    )
        except ProtocolError as error:
            raise KafkaError(
                ErrorCode.CORRUPT_MESSAGE, f"A stored batch cannot be read: {error}"
            ) from error
        return None
