"""Producer state against a plain list of batches, and against bytes and rules of Apache Kafka 4.3.0."""

from __future__ import annotations

from pathlib import Path

import pytest
from crc32c import crc32c
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import MAX_SEQUENCE, BatchHeader, RecordBatchView
from kafkalite_protocol.records import Record, build_batch

from kafkalite.errors import KafkaError
from kafkalite.storage.producer_snapshot import CorruptSnapshotError
from kafkalite.storage.producer_state import (
    BatchMetadata,
    ProducerState,
    read_snapshot,
    snapshot_offsets,
    snapshot_path,
    write_snapshot,
)
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.storage.transaction_index import AbortedTransaction
from kafkalite.types import Offset, ProducerId

HOUR_MS = 3_600_000
NOW_MS = 1_700_000_000_000

SNAPSHOTS_OF_KAFKA = {
    "a producer of single records": "0001677b1ba0 00000001"
    "0000000000000000 0000 0000001b 000000000000001b 00000000 000001a1fcf73658 ffffffff ffffffffffffffff",
    "a committed and an open transaction": "0001d3722707 00000003"
    "0000000000000000 0000 0000000b 000000000000000b 0000000b 000001a1fcf731e8 ffffffff ffffffffffffffff"
    "0000000000000001 0000 00000023 0000000000000031 0000000b 000001a1fcf7391f 00000000 ffffffffffffffff"
    "0000000000000002 0000 00000000 0000000000000033 00000000 000001a1fcf73b1e ffffffff 0000000000000033",
}
"""Written by 4.3.0 on roll and clean stop."""


def batch(
    producer_id: int,
    epoch: int,
    sequence: int,
    count: int = 1,
    *,
    at: int = 0,
    timestamp_ms: int = NOW_MS,
    transactional: bool = False,
) -> BatchHeader:
    records = [Record(at + n, timestamp_ms, None, b"v", []) for n in range(count)]
    return RecordBatchView(
        build_batch(
            records,
            base_offset=at,
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=sequence,
            transactional=transactional,
        )
    )


def state_after(*batches: BatchHeader, expiration_ms: int = HOUR_MS) -> ProducerState:
    state = ProducerState(expiration_ms)
    for each in batches:
        assert state.check(each) is None
        state.update(each)
    return state


def error_of(state: ProducerState, each: BatchHeader) -> ErrorCode:
    with pytest.raises(KafkaError) as raised:
        state.check(each)
    assert str(each.producer_id) in (raised.value.message or ""), "the message says whose"
    return raised.value.code


def reload(state: ProducerState) -> ProducerState:
    again = ProducerState(HOUR_MS)
    again.decode(state.encode())
    return again


def sequence_after(sequence: int, count: int) -> int:
    """Counted out one by one, as the rule is told: after 2**31 - 1 comes 0."""
    for _ in range(count):
        sequence = 0 if sequence == 2**31 - 1 else sequence + 1
    return sequence


# The rules


@pytest.mark.parametrize("first", [0, 17, MAX_SEQUENCE])
def test_the_first_batch_of_an_unknown_producer_may_have_any_sequence(first: int) -> None:
    assert state_after().check(batch(7, 3, first)) is None


def test_each_of_the_last_five_batches_is_known_again() -> None:
    sent = [batch(7, 0, 10 * n, 10, at=100 * n, timestamp_ms=NOW_MS + n) for n in range(6)]
    state = state_after(*sent)
    assert error_of(state, sent[0]) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    for n in range(1, 6):
        known = state.check(batch(7, 0, 10 * n, 10))
        assert known == BatchMetadata(10 * n, 10 * n + 9, Offset(100 * n + 9), 9, NOW_MS + n)
        assert known.first_offset == 100 * n


def test_part_of_a_remembered_batch_is_out_of_order() -> None:
    state = state_after(batch(7, 0, 0, 10))
    assert error_of(state, batch(7, 0, 0, 9)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert error_of(state, batch(7, 0, 1, 9)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_gap_is_out_of_order() -> None:
    state = state_after(batch(7, 0, 0, 10))
    assert error_of(state, batch(7, 0, 11)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert state.check(batch(7, 0, 10)) is None


@pytest.mark.parametrize("epoch", [4, -1])
def test_a_lower_epoch_is_fenced(epoch: int) -> None:
    state = state_after(batch(7, 5, 0))
    assert error_of(state, batch(7, epoch, 1)) is ErrorCode.INVALID_PRODUCER_EPOCH


def test_a_higher_epoch_begins_with_sequence_zero() -> None:
    state = state_after(batch(7, 5, 0), batch(7, 5, 1))
    assert error_of(state, batch(7, 6, 2)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    state.update(batch(7, 6, 0, at=2))
    assert error_of(state, batch(7, 5, 1)) is ErrorCode.INVALID_PRODUCER_EPOCH, "no duplicate now"


def test_sequences_wrap_within_a_batch_and_between_batches() -> None:
    state = state_after(
        batch(7, 0, MAX_SEQUENCE - 5, 5), batch(7, 0, MAX_SEQUENCE, 3, at=5), batch(7, 0, 2, at=8)
    )
    known = state.check(batch(7, 0, MAX_SEQUENCE, 3))
    assert known is not None
    assert (known.first_sequence, known.last_sequence, known.first_offset) == (MAX_SEQUENCE, 1, 5)
    known = reload(state_after(batch(7, 0, MAX_SEQUENCE, 3))).check(batch(7, 0, MAX_SEQUENCE, 3))
    assert known is not None, "the first sequence is found again across the wrap"


def test_check_changes_nothing() -> None:
    state = state_after(batch(7, 0, 0))
    before = state.encode()
    state.check(batch(7, 0, 1))
    state.check(batch(8, 0, 0))
    error_of(state, batch(7, 0, 5))
    assert state.encode() == before


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    first=st.sampled_from([0, 3, MAX_SEQUENCE - 4]),
    steps=st.lists(
        st.tuples(
            st.sampled_from([7, 8]),  # producer
            st.sampled_from([0, 0, 0, 0, 1, -1]),  # epochs ahead
            st.sampled_from(["next", "next", "next", "again", "zero", "gap"]),
            st.integers(1, 4),  # records; how far back to repeat
            st.booleans(),  # restart before it
        ),
        max_size=25,
    ),
)
def test_the_answer_depends_on_the_last_five_batches_of_the_epoch(
    first: int, steps: list[tuple[int, int, str, int, bool]]
) -> None:
    state = ProducerState(HOUR_MS)
    kept: dict[int, list[tuple[int, int, int, int]]] = {}  # (epoch, first, last, base offset)
    end_offset = 0
    for producer_id, ahead, what, number, restart in steps:
        if restart:
            state = reload(state)
            kept = {key: batches[-1:] for key, batches in kept.items()}
        known = kept.get(producer_id, [])
        epoch = (known[-1][0] if known else 5) + ahead
        sequence = sequence_after(known[-1][2], 1) if known else first
        count = number
        if what == "zero":
            sequence = 0
        elif what == "gap":
            sequence = sequence_after(sequence, 2)
        elif what == "again" and len(known) >= number:
            sequence = known[-number][1]
            count = known[-number][3 - 1] - sequence + 1
            count = count if count > 0 else count + 2**31
        sent = batch(producer_id, epoch, sequence, count, at=end_offset)
        last = sequence_after(sequence, count - 1)

        same = [b for b in known if b[:3] == (epoch, sequence, last)]
        if not known:
            expected: object = None
        elif same:
            expected = same[0][3]
        elif epoch < known[-1][0]:
            expected = ErrorCode.INVALID_PRODUCER_EPOCH
        elif sequence == (0 if epoch > known[-1][0] else sequence_after(known[-1][2], 1)):
            expected = None
        else:
            expected = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER

        try:
            answer = state.check(sent)
            outcome: object = answer if answer is None else answer.first_offset
        except KafkaError as error:
            outcome = error.code
        assert outcome == expected
        if outcome is None:
            state.update(sent)
            of_epoch = [b for b in known if b[0] == epoch]
            kept[producer_id] = [*of_epoch, (epoch, sequence, last, end_offset)][-5:]
            end_offset += count


# Transactions


def test_a_transaction_holds_back_the_stable_offset_until_its_marker() -> None:
    state = state_after(
        batch(7, 0, 0, 5, at=10, transactional=True),
        batch(8, 0, 0, 5, at=15, transactional=True),
        batch(7, 0, 5, 5, at=20, transactional=True),
    )
    assert state.first_unstable_offset == 10
    ended = state.complete(batch(7, 0, -1, at=25), aborted=True, coordinator_epoch=3)
    assert ended == AbortedTransaction(ProducerId(7), Offset(10), Offset(25), Offset(15))
    assert state.first_unstable_offset == 15
    assert state.complete(batch(8, 0, -1, at=26), aborted=False, coordinator_epoch=3) is None
    assert state.first_unstable_offset is None


def test_the_last_transaction_leaves_everything_stable() -> None:
    state = state_after(batch(7, 0, 0, 5, at=10, transactional=True))
    ended = state.complete(batch(7, 0, -1, at=15), aborted=True, coordinator_epoch=3)
    assert ended == AbortedTransaction(ProducerId(7), Offset(10), Offset(15), Offset(16))


def test_a_marker_without_records_ends_nothing() -> None:
    state = ProducerState(HOUR_MS)
    assert state.complete(batch(7, 0, -1), aborted=True, coordinator_epoch=3) is None
    assert state.active_producers[ProducerId(7)].coordinator_epoch == 3
    assert state.check(batch(7, 0, 0)) is None
    assert error_of(state, batch(7, 0, 1)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_marker_of_a_higher_epoch_fences_the_producer() -> None:
    state = state_after(batch(7, 0, 0, transactional=True))
    state.complete(batch(7, 1, -1, at=1), aborted=False, coordinator_epoch=3)
    assert error_of(state, batch(7, 0, 1)) is ErrorCode.INVALID_PRODUCER_EPOCH
    assert state.check(batch(7, 1, 0)) is None


def test_a_batch_outside_the_open_transaction_is_refused() -> None:
    state = state_after(batch(7, 0, 0, transactional=True))
    assert error_of(state, batch(7, 0, 1)) is ErrorCode.INVALID_TXN_STATE
    assert state.check(batch(7, 0, 1, transactional=True)) is None


@pytest.mark.parametrize(
    ("epoch", "coordinator_epoch", "transaction_version", "answer"),
    [
        (5, 3, 1, None),
        (6, 3, 1, None),
        (4, 3, 1, ErrorCode.INVALID_PRODUCER_EPOCH),
        (5, 2, 1, ErrorCode.TRANSACTION_COORDINATOR_FENCED),
        (6, 3, 2, None),
        (5, 3, 2, ErrorCode.INVALID_PRODUCER_EPOCH),
    ],
)
def test_markers_of_old_producers_and_coordinators_are_fenced(
    epoch: int, coordinator_epoch: int, transaction_version: int, answer: ErrorCode | None
) -> None:
    state = ProducerState(HOUR_MS)
    state.complete(batch(7, 5, -1), aborted=True, coordinator_epoch=3)
    state.update(batch(7, 5, 0, at=1, transactional=True))
    outcome = None
    try:
        state.check_marker(
            batch(7, epoch, -1),
            coordinator_epoch=coordinator_epoch,
            transaction_version=transaction_version,
        )
    except KafkaError as error:
        outcome = error.code
    assert outcome == answer


def test_a_marker_sent_again_with_its_epoch_is_accepted_once_the_transaction_is_over() -> None:
    state = state_after(batch(7, 5, 0, transactional=True))
    state.complete(batch(7, 6, -1, at=1), aborted=True, coordinator_epoch=3)
    before = state.encode()
    state.check_marker(batch(7, 6, -1), coordinator_epoch=3, transaction_version=2)
    state.check_marker(batch(99, 0, -1), coordinator_epoch=0, transaction_version=2)
    assert state.encode() == before


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from([1, 2, 3]),
            st.sampled_from(["write", "write", "commit", "abort"]),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_the_first_unstable_offset_is_that_of_the_oldest_open_transaction(
    steps: list[tuple[int, str, bool]],
) -> None:
    state = ProducerState(HOUR_MS)
    open_since: dict[int, int] = {}
    sequences = {1: 0, 2: 0, 3: 0}
    for offset, (producer_id, what, restart) in enumerate(steps):
        if restart:
            state = reload(state)
        if what == "write":
            sent = batch(producer_id, 0, sequences[producer_id], at=offset, transactional=True)
            assert state.check(sent) is None
            state.update(sent)
            sequences[producer_id] += 1
            open_since.setdefault(producer_id, offset)
        else:
            began = open_since.pop(producer_id, None)
            ended = state.complete(
                batch(producer_id, 0, -1, at=offset), aborted=what == "abort", coordinator_epoch=0
            )
            stable = min(open_since.values(), default=offset + 1)
            if began is None or what == "commit":
                assert ended is None
            else:
                assert ended == (producer_id, began, offset, stable)
        assert state.first_unstable_offset == min(open_since.values(), default=None)


# Expiry


def test_silent_producers_are_forgotten_unless_their_transaction_is_open() -> None:
    state = state_after(
        batch(1, 0, 0, timestamp_ms=NOW_MS),
        batch(2, 0, 0, timestamp_ms=NOW_MS + 1),
        batch(3, 0, 0, timestamp_ms=NOW_MS, transactional=True),
    )
    state.expire(NOW_MS + HOUR_MS - 1)
    assert sorted(state.active_producers) == [1, 2, 3]
    state.expire(NOW_MS + HOUR_MS)
    assert sorted(state.active_producers) == [2, 3]
    assert state.check(batch(1, 0, 55)) is None, "as if never seen"


# Snapshots


@pytest.mark.parametrize("name", sorted(SNAPSHOTS_OF_KAFKA))
def test_snapshots_of_kafka_are_read_and_written_to_the_byte(name: str) -> None:
    data = bytes.fromhex(SNAPSHOTS_OF_KAFKA[name])
    state = ProducerState(HOUR_MS)
    state.decode(data)
    assert state.encode() == data


def test_an_open_transaction_in_a_snapshot_of_kafka_is_open() -> None:
    state = ProducerState(HOUR_MS)
    state.decode(bytes.fromhex(SNAPSHOTS_OF_KAFKA["a committed and an open transaction"]))
    assert state.first_unstable_offset == 0x33
    known = state.check(batch(0, 0, 0, 12))
    assert known == BatchMetadata(0, 11, Offset(11), 11, 0x1A1FCF731E8)


def test_every_flipped_bit_and_every_cut_of_a_snapshot_is_noticed() -> None:
    data = state_after(batch(7, 0, 0, 5)).encode()
    broken = [data[:length] for length in range(len(data))]
    broken.append(data + b"\0")
    for place in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            broken.append(bytes(flipped))
    for each in broken:
        state = state_after(batch(9, 0, 0))
        with pytest.raises(CorruptSnapshotError):
            state.decode(each)
        assert len(state) == 0


def test_a_snapshot_that_counts_wrongly_is_noticed() -> None:
    body = (2).to_bytes(4, "big") + state_after(batch(7, 0, 0)).encode()[10:]
    data = b"\0\1" + crc32c(body).to_bytes(4, "big") + body
    with pytest.raises(CorruptSnapshotError, match="2 entries"):
        ProducerState(HOUR_MS).decode(data)


def test_snapshot_files_are_named_by_their_offset(tmp_path: Path) -> None:
    state, disk = state_after(batch(7, 0, 0, 5)), RealFileSystem()
    for offset in (Offset(28), Offset(5)):
        write_snapshot(disk, tmp_path, offset, state)
    names = disk.listdir(tmp_path)
    assert names == ["00000000000000000005.snapshot", "00000000000000000028.snapshot"]
    assert snapshot_offsets([*names, "00000000000000000000.log", "x.snapshot"]) == [5, 28]
    again = ProducerState(HOUR_MS)
    read_snapshot(disk, tmp_path, Offset(28), again)
    assert again.encode() == state.encode()


def test_a_corrupt_snapshot_file_is_named(tmp_path: Path) -> None:
    path = snapshot_path(tmp_path, Offset(5))
    path.write_bytes(b"garbage, long enough")
    with pytest.raises(CorruptSnapshotError, match=str(path)):
        read_snapshot(RealFileSystem(), tmp_path, Offset(5), ProducerState(HOUR_MS))
