"""Which log is cleaned, up to where, and what ends a cleaning early."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.record_batch import pack_batch

from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.errors import KafkaError
from kafkalite.storage.cleaner.cleaning import Cleaning, MapLimits
from kafkalite.storage.cleaner.errors import CleaningAbortedError, UncleanableLogError
from kafkalite.storage.cleaner.log_cleaner import Candidate, LogCleaner
from kafkalite.storage.cleaner.plan import cleanable_range
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.log_manager import LogManager
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.types import Offset, TopicPartition
from tests.storage.cleaner_world import (
    COMPACTED,
    NoPace,
    OneLog,
    begin,
    clean,
    finish,
    keyed,
    pairs_of,
    range_of,
    stable_offset,
)
from tests.storage.log_world import (
    NOW_MS,
    TOPIC_ID,
    TP,
    append,
    open_log,
    read,
)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return open_log(tmp_path / "orders-0", COMPACTED)


def configured(**values: object) -> LogConfig:
    return LogConfig(**{"compact": True, "delete": False, **values})  # type: ignore[arg-type]


def fill(log: Log, *segments: int, timestamp_ms: int = NOW_MS) -> None:
    """A segment for each number, of so many batches of one size."""
    for count in segments:
        for _ in range(count):
            append(log, keyed((b"key", b"value"), timestamp_ms=timestamp_ms))
        log.roll()


def next_cleaning(*logs: Log, now_ms: int = NOW_MS) -> Cleaning | None:
    cleaner = LogCleaner(OneLog(logs[0]))  # type: ignore[arg-type]
    wanted = [Candidate(log, stable_offset(log)) for log in logs]
    return cleaner.next_cleaning(wanted, now_ms, NoPace(), MapLimits())


# What may be cleaned


def test_nothing_but_the_active_segment_is_nothing_to_clean(log: Log) -> None:
    append(log, keyed((b"a", b"1")))
    assert range_of(log) is None


def test_segments_up_to_the_active_one_are_cleanable(log: Log) -> None:
    fill(log, 2, 3)
    append(log, keyed((b"a", b"1")))
    found = range_of(log)
    assert found is not None
    assert (found.first_dirty, found.first_uncleanable) == (0, 5)
    assert found.dirty_ratio == 1.0


def test_the_stable_offset_bounds_it_by_whole_segments(log: Log) -> None:
    fill(log, 2, 3, 2)
    for stable, first_uncleanable in ((7, 7), (6, 5), (5, 5), (4, 2), (2, 2)):
        found = cleanable_range(log, Offset(stable), NOW_MS)
        assert found is not None
        assert found.first_uncleanable == first_uncleanable
    assert cleanable_range(log, Offset(1), NOW_MS) is None


def test_a_segment_with_a_record_younger_than_the_lag_bounds_it(tmp_path: Path) -> None:
    log = open_log(tmp_path / "orders-0", configured(min_compaction_lag_ms=100))
    fill(log, 2, timestamp_ms=NOW_MS - 300)
    fill(log, 1, timestamp_ms=NOW_MS - 100)
    fill(log, 1, timestamp_ms=NOW_MS - 99)
    fill(log, 1, timestamp_ms=NOW_MS - 300)
    found = range_of(log)
    assert found is not None
    assert found.first_uncleanable == 3
    later = range_of(log, NOW_MS + 1)
    assert later is not None
    assert later.first_uncleanable == 5


def test_what_was_cleaned_is_dirty_again_when_the_log_start_has_passed_it(log: Log) -> None:
    fill(log, 2, 2, 2)
    log.cleaned_offset = Offset(2)
    log.move_log_start_offset(Offset(3))
    found = range_of(log)
    assert found is not None
    assert found.first_dirty == 3


def test_what_was_cleaned_is_dirty_again_when_the_log_ends_before_it(log: Log) -> None:
    """A tail that was lost with the power."""
    fill(log, 2, 2)
    log.cleaned_offset = Offset(100)
    found = range_of(log)
    assert found is not None
    assert found.first_dirty == 0


def test_a_truncation_takes_the_clean_part_back(log: Log) -> None:
    fill(log, 2, 2)
    log.cleaned_offset = Offset(4)
    log.truncate_to(Offset(3))
    assert log.cleaned_offset == 3


# When it is due


@pytest.mark.parametrize(("ratio", "is_due"), [(0.0, True), (0.59, True), (0.61, False)])
def test_a_log_is_due_above_the_dirty_ratio(tmp_path: Path, ratio: float, is_due: bool) -> None:
    config = configured(min_cleanable_dirty_ratio=ratio)
    log = open_log(tmp_path / "orders-0", config)
    fill(log, 4, 6)
    log.cleaned_offset = Offset(4)
    assert (next_cleaning(log) is not None) is is_due


def test_a_clean_log_is_never_due(tmp_path: Path) -> None:
    log = open_log(tmp_path / "orders-0", configured(min_cleanable_dirty_ratio=0.0))
    fill(log, 4)
    clean(log)
    assert next_cleaning(log) is None


def test_a_log_is_due_when_something_dirty_is_older_than_the_greatest_lag(tmp_path: Path) -> None:
    config = configured(min_cleanable_dirty_ratio=0.99, max_compaction_lag_ms=1000)
    log = open_log(tmp_path / "orders-0", config)
    fill(log, 9, 1)
    log.cleaned_offset = Offset(9)
    assert next_cleaning(log, now_ms=NOW_MS + 1000) is None
    assert next_cleaning(log, now_ms=NOW_MS + 1001) is not None


def test_the_filthiest_log_comes_first(tmp_path: Path) -> None:
    config = configured(min_cleanable_dirty_ratio=0.1)
    logs = [open_log(tmp_path / name, config) for name in ("a-0", "b-0", "c-0")]
    for log, clean_batches in zip(logs, (5, 2, 4), strict=True):
        fill(log, clean_batches, 10 - clean_batches)
        log.cleaned_offset = Offset(clean_batches)
    cleaning = next_cleaning(*logs)
    assert cleaning is not None
    assert cleaning.plan.log is logs[1]


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    bases=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    cleaned=st.integers(0, 30),
    stable=st.integers(0, 30),
)
def test_a_range_is_always_within_the_log(
    tmp_path_factory: pytest.TempPathFactory, bases: list[int], cleaned: int, stable: int
) -> None:
    log = open_log(tmp_path_factory.mktemp("range") / "orders-0", COMPACTED)
    fill(log, *bases)
    append(log, keyed((b"a", b"1")))
    end = log.log_end_offset
    log.cleaned_offset = Offset(min(cleaned, end))
    found = cleanable_range(log, Offset(min(stable, end)), NOW_MS)
    if found is not None:
        assert log.log_start_offset <= found.first_dirty < found.first_uncleanable
        assert found.first_uncleanable <= min(stable, log.segments.active.base_offset)
        assert found.first_uncleanable in log.segments.base_offsets
        assert found.dirty_bytes > 0


# What happens meanwhile


def test_appends_and_rolls_during_a_cleaning_do_no_harm(log: Log) -> None:
    fill(log, 3)
    cleaning = begin(log)
    fill(log, 2)
    append(log, keyed((b"a", b"1")))
    finish(log, cleaning)
    assert pairs_of(log) == [
        (2, b"key", b"value"),
        (3, b"key", b"value"),
        (4, b"key", b"value"),
        (5, b"a", b"1"),
    ]
    assert log.cleaned_offset == 3


def test_a_slice_of_a_segment_that_was_cleaned_keeps_its_bytes(log: Log) -> None:
    fill(log, 3)
    piece = log.read(Offset(0), 10**6, upper_bound=log.log_end_offset)
    assert piece is not None
    before = piece.read()
    clean(log)
    for path in log.deleted_files:
        path.unlink()
    assert piece.read() == before
    assert read(log, 0) != before


def swap_in_fails(log: Log, cleaning: Cleaning, current: Log | None) -> None:
    cleaner = LogCleaner(OneLog(current))  # type: ignore[arg-type]
    names = sorted(path.name for path in log.directory.iterdir() if path.suffix == ".log")
    group = cleaning.next_group()
    assert group is not None
    with pytest.raises(CleaningAbortedError):
        cleaner.swap_in(cleaning, group)
    cleaner.finished(cleaning)
    assert log.cleaned_offset == 0
    cleaning.abandon()
    assert sorted(path.name for path in log.directory.iterdir() if path.suffix == ".log") == names
    assert not list(log.directory.glob("*.cleaned"))


def test_a_truncation_ends_a_cleaning(log: Log) -> None:
    fill(log, 3)
    append(log, keyed((b"a", b"1")), keyed((b"a", b"1")))
    cleaning = begin(log)
    cleaning.prepare()
    log.truncate_to(Offset(4))
    swap_in_fails(log, cleaning, log)


def test_a_segment_that_was_truncated_and_filled_again_is_not_taken_for_the_old_one(
    log: Log,
) -> None:
    fill(log, 3)
    append(log, keyed((b"a", b"1")))
    cleaning = begin(log)
    cleaning.prepare()
    log.truncate_to(Offset(2))
    append(log, keyed((b"key", b"other")))
    log.roll()
    swap_in_fails(log, cleaning, log)
    assert (2, b"key", b"other") in pairs_of(log)


def test_retention_ends_a_cleaning_of_what_it_removes(log: Log) -> None:
    fill(log, 3, 3)
    cleaning = begin(log)
    cleaning.prepare()
    group = cleaning.next_group()
    assert group is not None
    log.increment_log_start_offset(Offset(3))
    with pytest.raises(CleaningAbortedError):
        LogCleaner(OneLog(log)).swap_in(cleaning, group)  # type: ignore[arg-type]
    assert [offset for offset, _, _ in pairs_of(log)] == [3, 4, 5]


def test_a_deleted_log_ends_its_cleaning(log: Log) -> None:
    fill(log, 3)
    cleaning = begin(log)
    cleaning.prepare()
    swap_in_fails(log, cleaning, None)


def test_a_log_of_the_same_name_is_not_given_the_segments_of_the_deleted_one(
    log: Log, tmp_path: Path
) -> None:
    fill(log, 3)
    cleaning = begin(log)
    cleaning.prepare()
    swap_in_fails(log, cleaning, open_log(tmp_path / "again-0", COMPACTED))


def test_a_cleaning_that_is_stopped_leaves_no_files(log: Log) -> None:
    """The broker stops: nobody comes after the worker to tidy up."""

    class Stopping(NoPace):
        def step(self) -> None:
            if list(log.directory.glob("*.cleaned")):
                raise CleaningAbortedError("the broker stops")

    fill(log, 3)
    cleaning = begin(log)
    cleaning.prepare()
    cleaning.pace = Stopping()
    cleaning._filter._pace = cleaning.pace
    with pytest.raises(CleaningAbortedError):
        cleaning.next_group()
    assert not list(log.directory.glob("*.cleaned"))


# Logs that cannot be cleaned


def corrupt_first_batch(log: Log) -> None:
    path = log.segments[0].log.path
    data = bytearray(path.read_bytes())
    data[70] ^= 1
    path.write_bytes(data)


def test_a_log_with_a_corrupt_batch_is_set_aside_with_one_line(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    fill(log, 3)
    corrupt_first_batch(log)
    cleaner = LogCleaner(OneLog(log))  # type: ignore[arg-type]
    cleaning = cleaner.next_cleaning(
        [Candidate(log, stable_offset(log))], NOW_MS, NoPace(), MapLimits()
    )
    assert cleaning is not None
    with caplog.at_level(logging.INFO), pytest.raises(UncleanableLogError) as caught:
        cleaning.prepare()
    cleaner.failed(cleaning, caught.value)
    lines = [each.getMessage() for each in caplog.records]
    assert len(lines) == 1
    assert "orders-0 is not compacted any more" in lines[0]
    assert "no sound batch at position 0" in lines[0]
    for _ in range(2):
        assert (
            cleaner.next_cleaning(
                [Candidate(log, stable_offset(log))], NOW_MS, NoPace(), MapLimits()
            )
            is None
        )
    assert len(caplog.records) == 1


def test_records_that_cannot_be_decompressed_make_a_log_uncleanable(log: Log) -> None:
    rubbish = pack_batch(
        b"not gzip",
        base_offset=0,
        leader_epoch=0,
        attributes=Compression.GZIP,
        last_offset_delta=0,
        base_timestamp_ms=NOW_MS,
        max_timestamp_ms=NOW_MS,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        record_count=1,
    )
    log.append_as_follower(memoryview(rubbish))
    log.roll()
    with pytest.raises(UncleanableLogError, match="gzip"):
        begin(log).prepare()


def test_a_corrupt_transaction_index_makes_a_log_uncleanable(log: Log) -> None:
    fill(log, 3)
    log.segments[0].path(".txnindex").write_bytes(b"\x00\x09" + bytes(32))
    with pytest.raises(UncleanableLogError, match="version 9"):
        begin(log).prepare()


def test_a_disk_that_is_full_for_a_while_does_not_set_a_log_aside(log: Log) -> None:
    fill(log, 3)
    cleaner = LogCleaner(OneLog(log))  # type: ignore[arg-type]
    wanted = [Candidate(log, stable_offset(log))]
    cleaning = cleaner.next_cleaning(wanted, NOW_MS, NoPace(), MapLimits())
    assert cleaning is not None
    cleaner.failed(cleaning, OSError(28, "No space left on device"))
    assert cleaner.next_cleaning(wanted, NOW_MS, NoPace(), MapLimits()) is not None


def test_an_offline_log_is_not_cleaned(log: Log) -> None:
    fill(log, 3)
    log._go_offline(OSError(5, "Input/output error"))
    assert next_cleaning(log) is None


# Across restarts


def test_what_is_clean_is_known_after_a_restart(tmp_path: Path) -> None:
    def open_manager() -> LogManager:
        config = BrokerConfig({"log.dirs": str(tmp_path / "data")})
        manager = LogManager(
            config,
            filesystem=RealFileSystem(),
            clock=ManualClock(NOW_MS),
            rng=random.Random(0),
        )
        manager.open()
        return manager

    manager = open_manager()
    log = manager.create_log(TP, TOPIC_ID, COMPACTED)
    other = manager.create_log(TopicPartition("other", 3), TOPIC_ID, COMPACTED)
    fill(log, 3)
    fill(other, 2)
    cleaner = LogCleaner(manager)
    cleaning = cleaner.next_cleaning(
        [Candidate(log, stable_offset(log))], NOW_MS, NoPace(), MapLimits()
    )
    assert cleaning is not None
    cleaning.prepare()
    while (group := cleaning.next_group()) is not None:
        cleaner.swap_in(cleaning, group)
    cleaner.finished(cleaning)()
    manager.release()  # as a kill leaves it

    again = open_manager()
    assert {str(each.topic_partition): each.cleaned_offset for each in again.logs()} == {
        "orders-0": 3,
        "other-3": 0,
    }


def test_a_failed_rename_leaves_the_log_in_order(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(log, 3)
    before = pairs_of(log)
    cleaning = begin(log)
    cleaning.prepare()
    group = cleaning.next_group()
    assert group is not None
    (log.directory / "00000000000000000000.index.swap").mkdir()  # in the way
    with pytest.raises(KafkaError):
        LogCleaner(OneLog(log)).swap_in(cleaning, group)  # type: ignore[arg-type]
    assert log.offline_reason is None
    assert pairs_of(log) == before
    assert not list(log.directory.glob("*.log.swap"))
