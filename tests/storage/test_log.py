"""The log: appending, rolling, reading across segments, cutting at both ends, flushing, failing."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import Record, build_batch

from kafkalite.clock import ManualClock
from kafkalite.errors import KafkaError
from kafkalite.storage.filesystem import AppendNotUndoneError
from kafkalite.storage.log import AppendOrigin
from kafkalite.storage.log_config import LogConfig
from kafkalite.types import LeaderEpoch, Offset
from tests.storage.faulty_filesystem import FaultyFileSystem
from tests.storage.log_world import (
    EPOCH,
    NOW_MS,
    all_batches,
    append,
    batch,
    marker,
    open_log,
    ranges,
    read,
    reopen,
)

ONE_BATCH = LogConfig(segment_bytes=1)
"""Every batch in a segment of its own."""


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def code_of(call: pytest.ExceptionInfo[KafkaError]) -> ErrorCode:
    return call.value.code


# Appending


def test_append_stamps_offset_and_epoch_and_leaves_the_rest_as_it_was_sent(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    append(log, batch(3))
    sent = bytes(batch(2, compression=Compression.LZ4))
    info = log.append_as_leader(memoryview(bytearray(sent)), LeaderEpoch(5), NOW_MS)
    assert info == (3, 4, -1, 0, False, 5, len(sent))
    stored = all_batches(log)[1]
    assert (stored.base_offset, stored.leader_epoch) == (3, 5)
    assert bytes(stored.view())[16:] == sent[16:]


def test_repeated_batch_is_answered_as_the_first_time_with_its_timestamp(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    append(log, batch(1))
    first, again = (
        batch(2, timestamp_ms=time, producer_id=5, producer_epoch=0, sequence=0)
        for time in (1234, 9999)
    )
    append(log, first)
    info = log.append_as_leader(again, EPOCH, NOW_MS)
    assert (info.base_offset, info.last_offset, info.duplicate) == (1, 2, True)
    assert info.log_append_time_ms == 1234
    assert log.log_end_offset == 3


def test_refused_batch_leaves_no_trace(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    append(log, batch(1, producer_id=5, producer_epoch=3, sequence=0))
    size_bytes = log.size_bytes
    with pytest.raises(KafkaError) as caught:
        append(log, batch(1, producer_id=5, producer_epoch=2, sequence=1))
    assert code_of(caught) is ErrorCode.INVALID_PRODUCER_EPOCH
    assert (log.size_bytes, log.log_end_offset) == (size_bytes, 1)


def test_follower_writes_what_the_leader_has_byte_for_byte(tmp_path: Path) -> None:
    leader, follower = open_log(tmp_path / "leader"), open_log(tmp_path / "follower")
    append(leader, batch(2), batch(3, compression=Compression.ZSTD))
    leader.append_as_leader(batch(1), LeaderEpoch(4), NOW_MS)
    info = follower.append_as_follower(memoryview(bytearray(read(leader, 0))))
    assert (info.base_offset, info.last_offset) == (0, 5)
    assert read(follower, 0) == read(leader, 0)
    assert follower.end_offset_for_epoch(LeaderEpoch(0)) == (0, 5)
    assert follower.latest_epoch == 4


def test_follower_may_skip_offsets_that_were_compacted_away(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    for base in (0, 10):
        log.append_as_follower(
            memoryview(build_batch([Record(base, NOW_MS, b"k", b"v")], base_offset=base))
        )
    assert ranges(log) == [(0, 0), (10, 10)]
    assert read(log, 5).startswith((10).to_bytes(8, "big"))


def test_follower_refuses_damaged_batches(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    data = bytearray(batch(1))
    data[-1] ^= 1
    with pytest.raises(KafkaError) as caught:
        log.append_as_follower(memoryview(data))
    assert code_of(caught) is ErrorCode.CORRUPT_MESSAGE


# Rolling


def test_segment_is_rolled_before_it_would_exceed_segment_bytes(tmp_path: Path) -> None:
    size = len(batch(1))
    log = open_log(tmp_path / "log", LogConfig(segment_bytes=2 * size))
    append(log, *(batch(1) for _ in range(5)))
    assert list(log.segments.base_offsets) == [0, 2, 4]


def test_batch_larger_than_segment_bytes_has_a_segment_of_its_own(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", LogConfig(segment_bytes=100))
    append(log, batch(50), batch(50))
    assert list(log.segments.base_offsets) == [0, 50]


def test_segment_is_rolled_when_timestamps_have_gone_on_for_segment_ms(tmp_path: Path) -> None:
    """By the records' own time since the first batch, so that replayed history is cut as it was."""
    log = open_log(tmp_path / "log", LogConfig(segment_ms=1000))
    for late in (0, 1000, 1001, 500):
        append(log, batch(1, timestamp_ms=NOW_MS - 10_000 + late))
    assert list(log.segments.base_offsets) == [0, 2]


def test_segment_of_records_without_time_is_rolled_by_the_clock(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", LogConfig(segment_ms=1000))
    for late in (0, 1000, 1001):
        append(log, batch(1, timestamp_ms=-1), now_ms=NOW_MS + late)
    assert list(log.segments.base_offsets) == [0, 2]


def test_rolling_by_time_goes_on_counting_after_a_restart(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", LogConfig(segment_ms=1000))
    append(log, batch(1), batch(1, timestamp_ms=NOW_MS + 900))
    log = reopen(log, clean=True)
    append(log, batch(1, timestamp_ms=NOW_MS + 1001))
    assert list(log.segments.base_offsets) == [0, 2]


def test_jitter_brings_the_roll_forward(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", LogConfig(segment_ms=1000, segment_jitter_ms=1000))
    jitter_ms = log._jitter_ms
    assert 0 < jitter_ms < 1000
    append(log, batch(1), batch(1, timestamp_ms=NOW_MS + 1000 - jitter_ms))
    assert len(log.segments) == 1
    append(log, batch(1, timestamp_ms=NOW_MS + 1001 - jitter_ms))
    assert len(log.segments) == 2


def test_full_index_rolls_the_segment(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", LogConfig(index_interval_bytes=1, segment_index_bytes=48))
    append(log, *(batch(1) for _ in range(10)))
    # Six entries fit: the first batch has none, those after it have one each.
    assert list(log.segments.base_offsets) == [0, 7]


def test_offset_too_far_for_the_index_rolls_the_segment(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    far = 2**31
    for base in (0, far):
        log.append_as_follower(
            memoryview(build_batch([Record(base, NOW_MS, b"k", b"v")], base_offset=base))
        )
    assert list(log.segments.base_offsets) == [0, far]
    assert ranges(log) == [(0, 0), (far, far)]


def test_empty_segment_is_not_left_when_the_first_batch_is_too_far(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    far = 2**31
    log.append_as_follower(
        memoryview(build_batch([Record(far, NOW_MS, b"k", b"v")], base_offset=far))
    )
    assert list(log.segments.base_offsets) == [far]
    assert [name for name in names(log.directory) if name.endswith(".log")] == [f"{far:020}.log"]


def test_rolling_an_empty_segment_does_nothing(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    log.roll()
    assert list(log.segments.base_offsets) == [0]


def test_rolled_segment_has_trimmed_indexes_and_a_snapshot_of_the_producers(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", LogConfig(index_interval_bytes=1))
    append(log, batch(1), batch(1))
    log.roll()
    directory = log.directory
    assert (directory / f"{0:020}.index").stat().st_size == 8
    assert (directory / f"{0:020}.timeindex").stat().st_size == 12
    assert (directory / f"{2:020}.snapshot").stat().st_size == 10


# Reading


def test_read_goes_on_in_the_next_segment(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", ONE_BATCH)
    append(log, batch(2), batch(2), batch(2))
    for offset in range(6):
        assert read(log, offset).startswith((offset // 2 * 2).to_bytes(8, "big"))


def test_read_at_the_log_end_gives_nothing_and_behind_it_is_out_of_range(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    assert read(log, 0) == b""
    append(log, batch(2))
    assert read(log, 2) == b""
    for offset in (-1, 3):
        with pytest.raises(KafkaError) as caught:
            read(log, offset)
        assert code_of(caught) is ErrorCode.OFFSET_OUT_OF_RANGE


def test_slice_can_be_read_after_its_segment_was_removed(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", ONE_BATCH)
    append(log, batch(2), batch(2))
    piece = log.read(Offset(0), 1, upper_bound=Offset(4))
    assert piece is not None
    log.increment_log_start_offset(Offset(2))
    for path in log.deleted_files:
        path.unlink()
    assert RecordBatchView(piece.read()).last_offset == 1


# Time


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.SNAPPY])
def test_lookup_by_time_finds_the_record_inside_its_batch(
    tmp_path: Path, compression: Compression
) -> None:
    log = open_log(tmp_path / "log")
    for start in (0, 100, 200):
        times = [NOW_MS + start + late for late in (0, 10, 20)]
        append(log, batch(3, timestamps_ms=times, compression=compression))
    assert log.timestamp_lookup(NOW_MS + 105).run() == (NOW_MS + 110, 4, EPOCH)
    assert log.timestamp_lookup(NOW_MS + 121).run() == (NOW_MS + 200, 6, EPOCH)
    assert log.timestamp_lookup(0).run() == (NOW_MS, 0, EPOCH)
    assert log.timestamp_lookup(NOW_MS + 221).run() is None


def test_lookup_by_time_takes_the_first_of_records_out_of_order(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", ONE_BATCH)
    for late in (50, 10, 90, 20):
        append(log, batch(1, timestamp_ms=NOW_MS + late))
    assert log.timestamp_lookup(NOW_MS + 60).run() == (NOW_MS + 90, 2, EPOCH)
    assert log.timestamp_lookup(NOW_MS + 20).run() == (NOW_MS + 50, 0, EPOCH)


def test_lookup_by_time_leaves_out_deleted_records(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    append(log, batch(3, timestamps_ms=[NOW_MS, NOW_MS + 1, NOW_MS + 2]))
    log.increment_log_start_offset(Offset(2))
    assert log.timestamp_lookup(0).run() == (NOW_MS + 2, 2, EPOCH)


def test_greatest_timestamp_is_that_of_its_first_record(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", ONE_BATCH)
    assert log.max_timestamp_lookup().run() is None
    append(log, batch(3, timestamps_ms=[NOW_MS, NOW_MS + 9, NOW_MS + 9]), batch(1))
    assert log.max_timestamp_lookup().run() == (NOW_MS + 9, 1, EPOCH)


def test_lookup_survives_a_truncation_that_happens_meanwhile(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    append(log, batch(3), batch(3, timestamp_ms=NOW_MS + 5))
    lookup = log.timestamp_lookup(NOW_MS + 5)
    log.truncate_to(Offset(3))
    assert lookup.run() is None


# Leader epochs


def test_end_of_an_epoch_is_the_start_of_the_next_and_of_the_latest_the_log_end(
    tmp_path: Path,
) -> None:
    log = open_log(tmp_path / "log")
    log.assign_epoch_start(LeaderEpoch(1))
    log.append_as_leader(batch(3), LeaderEpoch(1), NOW_MS)
    log.assign_epoch_start(LeaderEpoch(4))
    log.append_as_leader(batch(2), LeaderEpoch(4), NOW_MS)
    assert log.end_offset_for_epoch(LeaderEpoch(1)) == (1, 3)
    assert log.end_offset_for_epoch(LeaderEpoch(2)) == (1, 3)
    assert log.end_offset_for_epoch(LeaderEpoch(4)) == (4, 5)
    assert log.end_offset_for_epoch(LeaderEpoch(5)) == (-1, -1)
    assert [log.epoch_for_offset(Offset(offset)) for offset in range(6)] == [1, 1, 1, 4, 4, 4]
    log.truncate_to(Offset(3))
    assert log.end_offset_for_epoch(LeaderEpoch(4)) == (-1, -1)


# Cutting


@pytest.mark.parametrize("config", [LogConfig(), ONE_BATCH])
@pytest.mark.parametrize(("offset", "left"), [(6, 2), (5, 1), (4, 1), (3, 1), (2, 0), (0, 0)])
def test_truncation_removes_the_batch_that_holds_the_offset(
    tmp_path: Path, config: LogConfig, offset: int, left: int
) -> None:
    log = open_log(tmp_path / "log", config)
    append(log, batch(3), batch(3), batch(3))
    log.truncate_to(Offset(offset))
    assert ranges(log) == [(0, 2), (3, 5), (6, 8)][:left]
    append(log, batch(1))
    assert log.log_end_offset == 3 * left + 1
    assert ranges(reopen(log))[-1] == (3 * left, 3 * left)


def test_truncation_takes_back_what_producers_did(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", ONE_BATCH)
    for sequence in range(4):
        append(log, batch(1, producer_id=1, producer_epoch=0, sequence=sequence))
    log.truncate_to(Offset(2))
    append(log, batch(1, producer_id=1, producer_epoch=0, sequence=2))
    assert log.log_end_offset == 3


def test_truncation_below_the_log_start_begins_anew_there(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", ONE_BATCH)
    append(log, batch(5), batch(5))
    log.increment_log_start_offset(Offset(5))
    log.truncate_to(Offset(3))
    assert (log.log_start_offset, log.log_end_offset) == (3, 3)


def test_deleting_records_removes_segments_that_lie_below_altogether(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", ONE_BATCH)
    append(log, batch(3), batch(3), batch(3))
    log.increment_log_start_offset(Offset(4))
    assert list(log.segments.base_offsets) == [3, 6]
    assert {path.suffix for path in log.deleted_files} == {".deleted"}
    assert read(log, 4).startswith((3).to_bytes(8, "big"))
    with pytest.raises(KafkaError) as caught:
        read(log, 3)
    assert code_of(caught) is ErrorCode.OFFSET_OUT_OF_RANGE


def test_deleting_everything_leaves_an_empty_readable_log(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", ONE_BATCH)
    append(log, batch(3), batch(3))
    log.increment_log_start_offset(Offset(6))
    assert read(log, 6) == b""
    append(log, batch(1))
    assert read(log, 6)


def test_deleting_past_the_end_is_out_of_range_and_going_back_does_nothing(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    append(log, batch(3))
    log.increment_log_start_offset(Offset(2))
    log.increment_log_start_offset(Offset(1))
    assert log.log_start_offset == 2
    with pytest.raises(KafkaError) as caught:
        log.increment_log_start_offset(Offset(4))
    assert code_of(caught) is ErrorCode.OFFSET_OUT_OF_RANGE


# Transactions


def test_open_transaction_holds_the_stable_offset_until_its_marker(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    append(log, batch(2))
    append(log, batch(2, producer_id=9, producer_epoch=0, sequence=0, transactional=True))
    assert log.first_unstable_offset == 2
    log.append_as_leader(marker(9, 0, commit=False), EPOCH, NOW_MS, origin=AppendOrigin.COORDINATOR)
    assert log.first_unstable_offset is None
    assert [each[:3] for each in log.aborted_transactions(Offset(0), Offset(5))] == [(9, 2, 4)]
    assert log.aborted_transactions(Offset(5), Offset(9)) == []


@pytest.mark.parametrize("clean", [True, False])
def test_transactions_are_known_after_a_restart(tmp_path: Path, clean: bool) -> None:
    log = open_log(tmp_path / "log", ONE_BATCH)
    append(log, batch(2, producer_id=9, producer_epoch=0, sequence=0, transactional=True))
    log.append_as_leader(marker(9, 0, commit=False), EPOCH, NOW_MS, origin=AppendOrigin.COORDINATOR)
    append(log, batch(1, producer_id=9, producer_epoch=0, sequence=2, transactional=True))
    log = reopen(log, clean=clean, recovery_point=0)
    assert log.first_unstable_offset == 3
    assert [each[:3] for each in log.aborted_transactions(Offset(0), Offset(4))] == [(9, 0, 2)]


@pytest.mark.parametrize("snapshots", [True, False])
def test_corrupt_transaction_index_is_made_again_from_the_log(
    tmp_path: Path, snapshots: bool
) -> None:
    """The transaction begins in an earlier segment than the one that has its marker."""
    log = open_log(tmp_path / "log", ONE_BATCH)
    append(log, batch(2, producer_id=9, producer_epoch=0, sequence=0, transactional=True))
    append(log, batch(2))
    log.append_as_leader(marker(9, 0, commit=False), EPOCH, NOW_MS, origin=AppendOrigin.COORDINATOR)
    append(log, batch(1))
    log = reopen(log, clean=True)
    before = log.aborted_transactions(Offset(0), Offset(6))
    log = reopen(log, clean=True)
    path = log.segments[2].path(".txnindex")
    path.write_bytes(b"\xff" * len(path.read_bytes()))
    if not snapshots:
        for snapshot in log.directory.glob("*.snapshot"):
            snapshot.unlink()
    assert log.aborted_transactions(Offset(0), Offset(6)) == before
    assert [each[:3] for each in before] == [(9, 0, 4)]


# Flushing


def test_flush_task_covers_what_was_appended_until_it_was_made(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    append(log, batch(2))
    task = log.flush_task()
    append(log, batch(2))
    assert task is not None
    task.run()
    log.flushed(task)
    assert (log.recovery_point, log.unflushed_records) == (2, 2)
    log.flush()
    assert log.recovery_point == 4
    assert log.flush_task() is None


def test_flush_is_worth_nothing_when_the_log_was_cut_meanwhile(tmp_path: Path) -> None:
    """What it made durable may since have been replaced by something that is not."""
    log = open_log(tmp_path / "log")
    append(log, batch(2), batch(2))
    task = log.flush_task()
    assert task is not None
    log.truncate_to(Offset(2))
    append(log, batch(2))
    task.run()
    log.flushed(task)
    assert log.recovery_point == 0


def test_flush_is_due_flush_ms_after_the_last_one_if_there_is_anything(tmp_path: Path) -> None:
    clock = ManualClock(NOW_MS)
    log = open_log(tmp_path / "log", LogConfig(flush_ms=100), clock=clock)
    log.flush()
    assert not log.is_flush_due(NOW_MS + 1000)
    append(log, batch(1))
    assert not log.is_flush_due(NOW_MS + 99)
    assert log.is_flush_due(NOW_MS + 100)


# Failing


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_failing_write_leaves_the_log_as_it_was(tmp_path: Path, code: int) -> None:
    filesystem = FaultyFileSystem(tmp_path)
    log = open_log(tmp_path / "log", filesystem=filesystem)
    append(log, batch(2, producer_id=1, producer_epoch=0, sequence=0))
    filesystem._fail_at, filesystem._fail_with = len(filesystem.operations), code
    again = batch(1, producer_id=1, producer_epoch=0, sequence=2)
    with pytest.raises(KafkaError) as caught:
        append(log, again)
    assert code_of(caught) is ErrorCode.KAFKA_STORAGE_ERROR
    assert (log.log_end_offset, ranges(log)) == (2, [(0, 1)])
    append(log, batch(1, producer_id=1, producer_epoch=0, sequence=2))
    assert log.log_end_offset == 3


def test_roll_that_fails_leaves_the_old_segment_to_be_appended_to(tmp_path: Path) -> None:
    filesystem = FaultyFileSystem(tmp_path)
    log = open_log(tmp_path / "log", LogConfig(segment_bytes=100), filesystem=filesystem)
    append(log, batch(1))
    done = len(filesystem.operations)
    append(log, batch(1))
    rolling = filesystem.operations[done:]
    assert len(log.segments) == 2
    for failing in range(len(rolling)):
        log = open_log(
            tmp_path / f"log-{failing}", LogConfig(segment_bytes=100), filesystem=filesystem
        )
        append(log, batch(1))
        filesystem._fail_at = len(filesystem.operations) + failing
        filesystem._fail_with = errno.ENOSPC
        with pytest.raises(KafkaError):
            append(log, batch(1))
        assert ranges(log) == [(0, 0)]
        append(log, batch(1), batch(1))
        assert ranges(log) == [(0, 0), (1, 1), (2, 2)]


def test_log_that_could_not_undo_a_write_is_not_written_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log(tmp_path / "log")
    append(log, batch(2))
    active = log.segments.active

    def fail(buffers: object) -> int:
        raise AppendNotUndoneError(errno.EIO, "Input/output error", "x.log")

    monkeypatch.setattr(type(active.log), "append", lambda self, buffers: fail(buffers))
    with pytest.raises(KafkaError):
        append(log, batch(1))
    monkeypatch.undo()
    with pytest.raises(KafkaError, match="restart the broker") as caught:
        append(log, batch(1))
    assert code_of(caught) is ErrorCode.KAFKA_STORAGE_ERROR
    assert read(log, 0)
    with pytest.raises(KafkaError):
        log.close()


def test_failed_fsync_puts_the_log_out_of_order(tmp_path: Path) -> None:
    """After it nobody knows what is on the disk: trying again would say that all is well."""
    filesystem = FaultyFileSystem(tmp_path)
    log = open_log(tmp_path / "log", filesystem=filesystem)
    append(log, batch(2))
    log.flush()
    append(log, batch(1))
    filesystem._fail_at, filesystem._fail_with = len(filesystem.operations), errno.EIO
    with pytest.raises(KafkaError):
        log.flush()
    assert log.recovery_point == 2
    assert log.offline_reason is not None
    with pytest.raises(KafkaError):
        append(log, batch(1))
