"""Which segments retention removes, and what the log is afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.clock import ManualClock
from kafkalite.errors import KafkaError
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.types import Offset
from tests.storage.log_world import NOW_MS, append, batch, open_log, ranges, read, reopen

HOUR_MS = 3_600_000
ALL_SEGMENTS = 1000


def config_of(**limits: int | bool) -> LogConfig:
    """A segment for each batch, and no limits but these."""
    return LogConfig(**{"segment_bytes": 1, "retention_ms": -1, **limits})


def retain(log: Log, *, now_ms: int = NOW_MS, high_watermark: int | None = None) -> int:
    """Apply retention; how many segments went."""
    watermark = log.log_end_offset if high_watermark is None else Offset(high_watermark)
    return log.delete_old_segments(watermark, now_ms, ALL_SEGMENTS)


def bases(log: Log) -> list[int]:
    return list(log.segments.base_offsets)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "log"


# Time


def test_segments_go_when_their_newest_record_is_older_than_retention_ms(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=HOUR_MS))
    for hours_ago in (3, 2, 1, 0):
        append(log, batch(2, timestamp_ms=NOW_MS - hours_ago * HOUR_MS))
    assert retain(log) == 2
    assert bases(log) == [4, 6]
    assert log.log_start_offset == 4


def test_segment_exactly_as_old_as_retention_ms_stays(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=HOUR_MS))
    append(log, batch(timestamp_ms=NOW_MS - HOUR_MS), batch())
    assert retain(log) == 0
    assert retain(log, now_ms=NOW_MS + 1) == 1


def test_old_segment_behind_a_young_one_stays(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=HOUR_MS))
    append(log, batch(), batch(timestamp_ms=1), batch())
    assert retain(log) == 0


def test_active_segment_that_is_too_old_is_rolled_and_goes(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=HOUR_MS, segment_bytes=1 << 20))
    append(log, batch(3, timestamp_ms=1), batch(2, timestamp_ms=2))
    assert retain(log) == 1
    assert (bases(log), log.log_start_offset, log.log_end_offset) == ([5], 5, 5)
    append(log, batch(1))
    assert ranges(log) == [(5, 5)]


def test_empty_active_segment_is_never_too_old(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=0))
    assert retain(log) == 0
    append(log, batch(timestamp_ms=1))
    log.roll()
    assert retain(log) == 1
    assert retain(log) == 0
    assert bases(log) == [1]


def test_retention_ms_of_minus_one_keeps_all(directory: Path) -> None:
    log = open_log(directory, config_of())
    append(log, batch(timestamp_ms=0), batch(timestamp_ms=0))
    assert retain(log) == 0


def test_records_without_timestamps_are_as_old_as_their_file(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=HOUR_MS))
    append(log, batch(timestamp_ms=-1), batch(timestamp_ms=-1))
    old_s = (NOW_MS - 2 * HOUR_MS) / 1000
    os.utime(directory / f"{0:020}.log", (old_s, old_s))
    os.utime(directory / f"{1:020}.log", (NOW_MS / 1000, NOW_MS / 1000))
    assert retain(log) == 1
    assert bases(log) == [1]


def test_age_is_known_after_a_restart_too(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=HOUR_MS))
    append(log, batch(timestamp_ms=1), batch(timestamp_ms=2), batch())
    log = reopen(log, clean=True)
    assert retain(log) == 2


# Size


def test_oldest_segments_go_while_retention_bytes_remain_without_them(directory: Path) -> None:
    log = open_log(directory, config_of())
    append(log, batch(), batch(), batch(), batch())
    one_bytes = log.segments[0].size_bytes
    log.reconfigure(config_of(retention_bytes=2 * one_bytes))
    assert retain(log) == 2
    assert bases(log) == [2, 3]
    log.reconfigure(config_of(retention_bytes=2 * one_bytes - 1))
    assert retain(log) == 0


def test_retention_bytes_of_zero_leaves_an_empty_log(directory: Path) -> None:
    log = open_log(directory, config_of(retention_bytes=0))
    append(log, batch(2), batch(2))
    assert retain(log) == 2
    assert (bases(log), log.log_start_offset, log.size_bytes) == ([4], 4, 0)


def test_size_and_time_add_up(directory: Path) -> None:
    """What size removes first is not counted against time."""
    log = open_log(directory, config_of())
    append(log, batch(timestamp_ms=1), batch(timestamp_ms=2), batch(timestamp_ms=3), batch())
    one_bytes = log.segments[0].size_bytes
    log.reconfigure(config_of(retention_bytes=3 * one_bytes, retention_ms=HOUR_MS))
    assert retain(log) == 3


# The log start, the high watermark, the policy


def test_segments_below_the_log_start_go_whatever_the_policy(directory: Path) -> None:
    log = open_log(directory, config_of(compact=True, delete=False))
    append(log, *(batch(2, keys=[b"a", b"b"]) for _ in range(3)))
    log.move_log_start_offset(Offset(3))
    assert bases(log) == [0, 2, 4]
    assert retain(log) == 1
    assert bases(log) == [2, 4]
    assert log.log_start_offset == 3


def test_log_start_at_the_end_leaves_the_active_segment(directory: Path) -> None:
    log = open_log(directory, config_of())
    append(log, batch(2), batch(2))
    log.move_log_start_offset(Offset(4))
    assert retain(log) == 1
    assert bases(log) == [2]
    assert read(log, 4) == b""


def test_without_the_delete_policy_neither_age_nor_size_counts(directory: Path) -> None:
    config = config_of(compact=True, delete=False, retention_ms=1, retention_bytes=1)
    log = open_log(directory, config)
    append(log, *(batch(1, keys=[b"k"], timestamp_ms=1) for _ in range(3)))
    assert retain(log) == 0


def test_segments_that_reach_above_the_high_watermark_stay(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=HOUR_MS))
    append(log, *(batch(2, timestamp_ms=1) for _ in range(3)))
    assert retain(log, high_watermark=3) == 1
    assert log.log_start_offset == 2
    assert retain(log, high_watermark=3) == 0
    assert retain(log, high_watermark=6) == 2


# What is left


def test_no_more_than_asked_for_go_at_once(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=0))
    append(log, *(batch(timestamp_ms=1) for _ in range(5)))
    counts = [log.delete_old_segments(log.log_end_offset, NOW_MS, 2) for _ in range(4)]
    assert counts == [2, 2, 1, 0]
    assert log.log_start_offset == 5


def test_a_slice_read_before_is_still_whole(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=0))
    append(log, batch(3, timestamp_ms=1), batch())
    piece = log.read(Offset(0), 1000, upper_bound=log.log_end_offset)
    assert piece is not None
    before = piece.read()
    assert retain(log, now_ms=NOW_MS) == 1
    for path in log.deleted_files:
        path.unlink()
    assert piece.read() == before


def test_files_are_renamed_and_readers_told_that_the_offset_is_gone(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=0))
    append(log, batch(2, timestamp_ms=1), batch())
    assert retain(log) == 1
    assert {path.suffix for path in log.deleted_files} == {".deleted"}
    assert f"{0:020}.log" not in os.listdir(directory)
    with pytest.raises(KafkaError) as caught:
        read(log, 0)
    assert caught.value.code is ErrorCode.OFFSET_OUT_OF_RANGE


def test_offsets_go_on_after_a_kill_that_follows_the_removal_of_everything(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=0))
    append(log, batch(3, timestamp_ms=1))
    retain(log)
    log = open_log(directory, log.config)
    assert (log.log_start_offset, log.log_end_offset) == (3, 3)


def test_producers_outlive_their_records(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=0), clock=ManualClock(NOW_MS))
    append(log, batch(2, timestamp_ms=1, producer_id=9, producer_epoch=0, sequence=0))
    retain(log)
    log = open_log(directory, log.config)
    append(log, batch(1, producer_id=9, producer_epoch=0, sequence=2))
    assert log.log_end_offset == 3


def test_epochs_of_what_is_gone_are_forgotten(directory: Path) -> None:
    log = open_log(directory, config_of(retention_ms=0))
    append(log, batch(2, timestamp_ms=1))
    retain(log)
    assert log.epoch_for_offset(Offset(0)) == -1
    assert log.epoch_for_offset(Offset(2)) == 0
