"""The batches of the log as a share group meets them: where they lie, and those of aborted transactions."""

from __future__ import annotations

import pytest
from kafkalite_protocol.control_records import (
    ControlRecordType,
    EndTransactionMarker,
    build_end_transaction_marker,
)
from kafkalite_protocol.records import Record, build_batch

from kafkalite.broker.share.log_batches import log_batches
from kafkalite.storage.file_slice import FileSlice
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.storage.transaction_index import AbortedTransaction
from kafkalite.types import Offset, ProducerId

NOW_MS = 1_700_000_000_000


def batch(base_offset: int, count: int = 2, producer_id: int = -1) -> bytearray:
    transactional = producer_id >= 0
    return build_batch(
        [Record(base_offset + n, NOW_MS, None, b"v", []) for n in range(count)],
        base_offset=base_offset,
        producer_id=producer_id,
        producer_epoch=0 if transactional else -1,
        base_sequence=0 if transactional else -1,
        transactional=transactional,
    )


@pytest.fixture
def piece(tmp_path):
    """Offsets 0-1 plain, 2-3 of producer 7, 4-5 of producer 8, 6 the end of 7's transaction, 7-8 again of 7."""
    marker = build_end_transaction_marker(
        EndTransactionMarker(ControlRecordType.ABORT, 0),
        producer_id=7,
        producer_epoch=0,
        base_offset=6,
        timestamp_ms=NOW_MS,
    )
    data = batch(0) + batch(2, producer_id=7) + batch(4, producer_id=8) + marker
    data += batch(7, producer_id=7)
    path = tmp_path / "log"
    path.write_bytes(b"before" + data)
    file = RealFileSystem().open(path)
    yield FileSlice(file, len(b"before"), len(data))
    file.close()


def test_batches_are_told_with_their_places_in_the_slice(piece) -> None:
    found = list(log_batches(piece, []))
    assert [(each.first, each.last) for each in found] == [(0, 1), (2, 3), (4, 5), (6, 6), (7, 8)]
    assert found[0].position == 0
    assert found[-1].end == len(piece)
    assert not any(each.is_aborted for each in found)


def test_only_the_records_of_the_aborted_transaction_are_kept_back(piece) -> None:
    aborted = AbortedTransaction(ProducerId(7), Offset(2), Offset(6), Offset(7))
    found = [each.first for each in log_batches(piece, [aborted]) if each.is_aborted]
    assert found == [2]
