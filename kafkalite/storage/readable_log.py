"""A log that can be read: by offset, by timestamp, and for what transactions took back.

Nothing here changes the log, but for an index that is made again where it is found corrupt.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.errors import KafkaError
from kafkalite.storage.index import CorruptIndexError
from kafkalite.storage.log_state import LogState
from kafkalite.storage.producer_replay import rebuild_transaction_index
from kafkalite.storage.timestamp_lookup import TimestampLookup
from kafkalite.types import Offset

if TYPE_CHECKING:
    from kafkalite.storage.file_slice import FileSlice
    from kafkalite.storage.segment import Segment
    from kafkalite.storage.transaction_index import AbortedTransaction

_log = logging.getLogger(__name__)


class ReadableLog(LogState):
    """See the module."""

    __slots__ = ()

    def read(
        self, offset: Offset, max_bytes: int, *, upper_bound: Offset, min_one_batch: bool = True
    ) -> FileSlice | None:
        """Whole batches from the one that holds `offset`, from one segment, below `upper_bound`; None when there are none.

            batches {[0,2][3,5][6,8]}, read(4, 1) -> [3,5]    read(4, 1, min_one_batch=False) -> None    read(9, ...) -> None

        Raises KafkaError(OFFSET_OUT_OF_RANGE) below the log start or above the log end.
        """
        found = self._find(offset, max_bytes, upper_bound, min_one_batch=min_one_batch)
        return None if found is None else found[1]

    def read_committed(
        self, offset: Offset, max_bytes: int, *, upper_bound: Offset, min_one_batch: bool = True
    ) -> tuple[FileSlice | None, list[AbortedTransaction]]:
        """As `read`, and the aborted transactions of which the reader of these batches may meet records.

        May name some that begin after them: where they end is looked up in the sparse index. Raises KafkaError:
        OFFSET_OUT_OF_RANGE, KAFKA_STORAGE_ERROR.
        """
        found = self._find(offset, max_bytes, upper_bound, min_one_batch=min_one_batch)
        if found is None:
            return None, []
        segment, piece = found
        end = min(upper_bound, segment.offset_bound(piece.position + piece.length))
        return piece, self.aborted_transactions(offset, end)

    def _find(
        self, offset: Offset, max_bytes: int, upper_bound: Offset, *, min_one_batch: bool
    ) -> tuple[Segment, FileSlice] | None:
        if not self.log_start_offset <= offset <= self.log_end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"offset {offset} is not within [{self.log_start_offset}, {self.log_end_offset}] of {self.topic_partition}",
            )
        if offset >= upper_bound:
            return None
        for segment in self._segments.from_offset(offset):
            if segment.base_offset >= upper_bound:
                break
            found = segment.read(offset, max_bytes, upper_bound, min_one_batch=min_one_batch)
            if found is not None:
                return (segment, found) if len(found) else None
        return None

    def aborted_transactions(
        self, fetch_offset: Offset, upper_bound: Offset
    ) -> list[AbortedTransaction]:
        """Those of which a reader of [fetch_offset, upper_bound) may meet records. Raises KafkaError(KAFKA_STORAGE_ERROR)."""
        found: list[AbortedTransaction] = []
        try:
            for segment in self._segments.from_offset(fetch_offset):
                aborted, is_complete = self._aborted_in(segment, fetch_offset, upper_bound)
                found += aborted
                if is_complete:
                    break
        except OSError as error:
            raise self._storage_error(error) from error
        return found

    def _aborted_in(
        self, segment: Segment, fetch_offset: Offset, upper_bound: Offset
    ) -> tuple[list[AbortedTransaction], bool]:
        index = segment.transaction_index
        try:
            return index.collect(fetch_offset, upper_bound)
        except CorruptIndexError as error:
            _log.warning("%s; making it again from the log", error)
        rebuild_transaction_index(
            self._segments,
            segment,
            self.filesystem,
            self.directory,
            self.config.producer_id_expiration_ms,
        )
        return index.collect(fetch_offset, upper_bound)

    def timestamp_lookup(self, timestamp_ms: int) -> TimestampLookup:
        """The search for the first record at or after a time, to be run anywhere."""
        slices = []
        for segment in self._segments.from_offset(self.log_start_offset):
            if segment.size_bytes and segment.max_timestamp().timestamp_ms >= timestamp_ms:
                slices.append(segment.slice_for_timestamp(timestamp_ms))
                if segment.base_offset >= self.log_start_offset:
                    break  # the first segment may have it below the log start only
        return TimestampLookup(slices, timestamp_ms, self.log_start_offset)

    def max_timestamp_lookup(self) -> TimestampLookup:
        """The search for the first record that has the greatest timestamp of the log."""
        newest_ms = max(
            segment.max_timestamp().timestamp_ms
            for segment in self._segments.from_offset(self.log_start_offset)
        )
        if newest_ms < 0:
            return TimestampLookup((), newest_ms, self.log_start_offset)
        return self.timestamp_lookup(newest_ms)
