"""The transaction index against a plain list."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafkalite.storage.index import CorruptIndexError
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.storage.transaction_index import AbortedTransaction, TransactionIndex
from kafkalite.types import Offset, ProducerId
from tests.storage.faulty_filesystem import FaultyFileSystem

FROM_KAFKA = "0000 0000000000000001 000000000000002f 0000000000000037 0000000000000038"
"""An entry that 4.3.0 wrote: producer 1 aborted [47, 55]."""


def aborted(producer_id: int, first: int, last: int, stable: int) -> AbortedTransaction:
    return AbortedTransaction(ProducerId(producer_id), Offset(first), Offset(last), Offset(stable))


def open_index(directory: Path) -> TransactionIndex:
    return TransactionIndex(RealFileSystem(), directory / "0.txnindex", Offset(0))


transactions = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 30), st.integers(1, 9), st.integers(0, 20)),
    max_size=15,
)


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    steps=transactions, low=st.integers(0, 150), length=st.integers(0, 60), cut=st.integers(0, 150)
)
def test_collect_finds_what_overlaps_the_range(
    steps: list[tuple[int, int, int, int]], low: int, length: int, cut: int
) -> None:
    model, last = [], 0
    for producer_id, reach, step, open_for in steps:
        last += step
        model.append(aborted(producer_id, max(0, last - reach), last, max(0, last + 1 - open_for)))
    with TemporaryDirectory() as directory:
        index = open_index(Path(directory))
        for entry in model:
            index.append(entry)

        def check(index: TransactionIndex) -> None:
            found, complete = index.collect(Offset(low), Offset(low + length))
            wanted = [e for e in model if e.last_offset >= low and e.first_offset < low + length]
            closing = [e for e in model if e.last_stable_offset >= low + length]
            assert complete == bool(closing)
            if complete:  # what comes after the first that closes the range begins behind it
                wanted = [e for e in wanted if e.last_offset <= closing[0].last_offset]
            assert found == wanted
            assert index.entries() == model
            assert len(index) == len(model)

        check(index)
        check(open_index(Path(directory)))
        index.truncate_to(Offset(cut))
        model = [e for e in model if e.last_offset < cut]
        check(index)
        check(open_index(Path(directory)))
        model.append(aborted(9, 500, 510, 511))
        index.append(model[-1])
        check(open_index(Path(directory)))


def test_bytes_are_kafkas(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.append(aborted(1, 47, 55, 56))
    assert index.path.read_bytes() == bytes.fromhex(FROM_KAFKA)


def test_the_file_is_made_with_the_first_entry(tmp_path: Path) -> None:
    filesystem = FaultyFileSystem(tmp_path)
    index = TransactionIndex(filesystem, tmp_path / "0.txnindex", Offset(0))
    index.sanity_check()
    index.reset()
    index.truncate_to(Offset(0))
    assert index.collect(Offset(0), Offset(100)) == ([], False)
    assert index.sync_task() is None
    index.close()
    assert filesystem.operations == []
    index.append(aborted(1, 0, 5, 6))
    assert index.sync_task() is not None
    assert filesystem.operations == ["create 0.txnindex", "append 0.txnindex 0+34"]


def test_half_an_entry_at_the_end_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "0.txnindex").write_bytes(bytes.fromhex(FROM_KAFKA) + b"half")
    with pytest.raises(CorruptIndexError, match="no multiple of 34"):
        open_index(tmp_path).sanity_check()


def test_an_entry_of_another_version_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "0.txnindex").write_bytes(b"\0\1" + bytes.fromhex(FROM_KAFKA)[2:])
    with pytest.raises(CorruptIndexError, match="version 1"):
        open_index(tmp_path).sanity_check()


def test_an_entry_that_ends_before_the_segment_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "0.txnindex").write_bytes(bytes.fromhex(FROM_KAFKA))
    index = TransactionIndex(RealFileSystem(), tmp_path / "0.txnindex", Offset(56))
    with pytest.raises(CorruptIndexError, match="before the segment"):
        index.sanity_check()


def test_reset_makes_a_corrupt_index_usable(tmp_path: Path) -> None:
    (tmp_path / "0.txnindex").write_bytes(b"garbage")
    index = open_index(tmp_path)
    index.reset()
    index.append(aborted(1, 47, 55, 56))
    assert index.path.read_bytes() == bytes.fromhex(FROM_KAFKA)


def test_transactions_that_end_out_of_order_are_our_mistake(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.append(aborted(1, 0, 5, 6))
    with pytest.raises(AssertionError, match="goes back"):
        index.append(aborted(2, 0, 5, 6))


def test_a_long_index_is_read_in_pieces_from_where_the_range_begins(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    for n in range(300):
        index.append(aborted(n, 10 * n, 10 * n + 5, 10 * n + 6))
    for low, high in ((0, 1), (1290, 1300), (0, 2000), (2994, 3000), (3000, 4000)):
        found, _ = index.collect(Offset(low), Offset(high))
        wanted = [n for n in range(300) if 10 * n + 5 >= low and 10 * n < high]
        assert [each.producer_id for each in found] == wanted


def test_an_index_that_was_cut_behind_our_back_is_corrupt(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    for n in range(3):
        index.append(aborted(n, 10 * n, 10 * n + 5, 10 * n + 6))
    (tmp_path / "0.txnindex").write_bytes((tmp_path / "0.txnindex").read_bytes()[:40])
    with pytest.raises(CorruptIndexError, match="ends before"):
        index.collect(Offset(0), Offset(100))
