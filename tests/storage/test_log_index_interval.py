"""Index entries are as far apart after restarts as without them, and a smaller interval never overfills an index."""

from __future__ import annotations

from dataclasses import replace

from kafkalite.storage.log_config import LogConfig
from tests.storage.log_world import append, batch, open_log, ranges, reopen

SMALL_INDEXES = LogConfig(index_interval_bytes=100, segment_index_bytes=48)


def index_bytes(log) -> int:
    return (log.directory / f"{0:020}.index").stat().st_size


def test_clean_stops_between_appends_leave_the_same_index_as_none(tmp_path):
    through, stopped = open_log(tmp_path / "through"), open_log(tmp_path / "stopped")
    for log in (through, stopped):
        log.reconfigure(LogConfig(index_interval_bytes=100))
    for _ in range(20):
        append(through, batch())
        append(stopped, batch())
        stopped = reopen(stopped, clean=True)
    through.close()
    stopped.close()
    assert index_bytes(through) > 0
    assert index_bytes(stopped) == index_bytes(through)


def test_index_made_again_after_stops_and_a_kill_takes_no_more_than_it_can(tmp_path):
    log = open_log(tmp_path / "log", SMALL_INDEXES)
    for _ in range(30):
        append(log, batch())
        log = reopen(log, clean=True)
    log = reopen(log, recovery_point=0)
    assert ranges(log) == [(n, n) for n in range(30)]


def test_recovery_under_a_smaller_interval_stops_indexing_at_a_full_index_and_still_finds_all(
    tmp_path,
):
    log = open_log(tmp_path / "log", replace(SMALL_INDEXES, index_interval_bytes=100_000))
    for _ in range(40):
        append(log, batch())
    log.reconfigure(replace(SMALL_INDEXES, index_interval_bytes=1))
    log = reopen(log, recovery_point=0)
    assert len(log.segments) == 1
    assert ranges(log) == [(n, n) for n in range(40)]
    append(log, batch())
    assert len(log.segments) == 2


def test_truncation_behind_the_last_entry_of_a_full_index_leaves_it_full(tmp_path):
    log = open_log(tmp_path / "log", replace(SMALL_INDEXES, index_interval_bytes=100_000))
    for _ in range(40):
        append(log, batch())
    log.reconfigure(replace(SMALL_INDEXES, index_interval_bytes=1))
    log = reopen(log, recovery_point=0)
    log.truncate_to(39)
    append(log, batch())
    assert ranges(log) == [(n, n) for n in range(40)]
    assert len(log.segments) == 2
