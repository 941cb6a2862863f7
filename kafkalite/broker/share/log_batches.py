"""The batches of a piece of the log, as acquiring needs them: where they lie, and which of them nobody may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kafkalite_protocol.record_batch import HEADER_BYTES, read_header

from kafkalite.storage.batch_scan import batch_places
from kafkalite.storage.file_slice import FileSlice
from kafkalite.storage.transaction_index import AbortedTransaction

_TRANSACTIONAL = 1 << 4
_CONTROL = 1 << 5


class LogBatch(NamedTuple):
    """One batch; `position` and `end` are places in the slice."""

    first: int
    last: int
    position: int
    end: int
    is_aborted: bool
    """Of a transaction that was aborted: not for those who read committed records."""


def log_batches(piece: FileSlice, aborted: Sequence[AbortedTransaction]) -> Iterator[LogBatch]:
    """The whole batches of `piece`, read as they are asked for."""
    for place in batch_places(piece, 0, len(piece)):
        yield LogBatch(
            place.base_offset,
            place.last_offset,
            place.position,
            place.end,
            bool(aborted) and _is_aborted(piece, place.position, aborted),
        )


def _is_aborted(piece: FileSlice, position: int, aborted: Sequence[AbortedTransaction]) -> bool:
    header = read_header(piece.pread(position, HEADER_BYTES))
    if header.attributes & (_TRANSACTIONAL | _CONTROL) != _TRANSACTIONAL:
        return False
    return any(
        each.producer_id == header.producer_id
        and each.first_offset <= header.base_offset <= each.last_offset
        for each in aborted
    )
