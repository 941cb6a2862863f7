"""What a cleaning leaves of a log, rule by rule. Expectations are Kafka's (Cleaner, MemoryRecords.filterTo)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.record_batch import RecordBatchView, TimestampType

from kafkalite.storage.cleaner.cleaning import MapLimits
from kafkalite.storage.cleaner.offset_map import SLOT_BYTES
from kafkalite.storage.log import AppendOrigin, Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.types import Offset
from tests.storage.cleaner_world import COMPACTED, clean, keyed, pairs_of, uncommitted_records
from tests.storage.log_world import EPOCH, NOW_MS, all_batches, append, marker, open_log, ranges

PRODUCER = 7
RETENTION_MS = COMPACTED.delete_retention_ms


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return open_log(tmp_path / "orders-0", COMPACTED)


def transactional(
    log: Log, *pairs: tuple[bytes, bytes], sequence: int, commit: bool | None
) -> None:
    append(log, keyed(*pairs, producer_id=PRODUCER, sequence=sequence, transactional=True))
    if commit is not None:
        end_transaction(log, commit=commit)


def end_transaction(log: Log, *, commit: bool) -> None:
    log.append_as_leader(
        marker(PRODUCER, 0, commit=commit), EPOCH, NOW_MS, origin=AppendOrigin.COORDINATOR
    )


def batch_at(log: Log, offset: int) -> RecordBatchView:
    return next(each for each in all_batches(log) if each.base_offset == offset)


def test_of_each_key_the_last_record_stays(log: Log) -> None:
    append(log, keyed((b"a", b"1")), keyed((b"b", b"1"), (b"a", b"2")), keyed((b"b", b"2")))
    append(log, keyed((b"c", b"1")))
    log.roll()
    clean(log)
    assert pairs_of(log) == [(2, b"a", b"2"), (3, b"b", b"2"), (4, b"c", b"1")]
    assert ranges(log) == [(1, 2), (3, 3), (4, 4)]
    assert log.log_end_offset == 5


def test_the_active_segment_is_left_alone_and_says_nothing_of_the_others(log: Log) -> None:
    append(log, keyed((b"a", b"1")), keyed((b"a", b"2")))
    log.roll()
    append(log, keyed((b"a", b"3")))
    clean(log)
    assert pairs_of(log) == [(1, b"a", b"2"), (2, b"a", b"3")]


def test_a_batch_whose_records_all_stay_keeps_its_bytes(log: Log) -> None:
    records = keyed((b"a", b"1"), (b"b", b"2"), compression=Compression.ZSTD)
    append(log, records, keyed((b"c", b"1")))
    log.roll()
    clean(log)
    assert bytes(batch_at(log, 0).view()) == bytes(records)


@pytest.mark.parametrize("codec", list(Compression))
def test_what_is_left_of_a_batch_keeps_codec_offsets_producer_and_times(
    log: Log, codec: Compression
) -> None:
    first = keyed(
        (b"a", b"1"),
        (b"b", b"2"),
        (b"a", b"3"),
        (b"c", b"4"),
        compression=codec,
        producer_id=PRODUCER,
        sequence=0,
    )
    append(log, first, keyed((b"c", b"5")))
    log.roll()
    clean(log)
    left = batch_at(log, 0)
    was = RecordBatchView(first)
    assert pairs_of(log) == [(1, b"b", b"2"), (2, b"a", b"3"), (4, b"c", b"5")]
    for field in (
        "last_offset",
        "leader_epoch",
        "compression",
        "producer_id",
        "producer_epoch",
        "base_sequence",
        "last_sequence",
        "max_timestamp_ms",
        "timestamp_type",
    ):
        assert getattr(left, field) == getattr(was, field), field
    assert left.record_count == 2
    assert left.check_crc()


def test_records_without_a_key_go(log: Log) -> None:
    """They came before the topic was compacted: now they are refused."""
    log.reconfigure(LogConfig())
    append(log, keyed((None, b"1"), (b"a", b"2")))
    log.roll()
    log.reconfigure(COMPACTED)
    clean(log)
    assert pairs_of(log) == [(1, b"a", b"2")]


def test_append_times_are_kept(tmp_path: Path) -> None:
    config = LogConfig(
        compact=True, delete=False, message_timestamp_type=TimestampType.LOG_APPEND_TIME
    )
    log = open_log(tmp_path / "orders-0", config)
    append(log, keyed((b"a", b"1"), (b"b", b"1"), timestamp_ms=5), now_ms=NOW_MS + 3)
    append(log, keyed((b"a", b"2")), now_ms=NOW_MS + 9)
    log.roll()
    clean(log)
    left = batch_at(log, 0)
    assert left.timestamp_type is TimestampType.LOG_APPEND_TIME
    assert left.max_timestamp_ms == NOW_MS + 3


# Tombstones


def test_a_tombstone_stays_until_the_horizon_that_the_first_cleaning_gives_it(log: Log) -> None:
    append(log, keyed((b"a", b"1"), timestamp_ms=NOW_MS), keyed((b"a", None), (b"b", b"1")))
    log.roll()
    clean(log, NOW_MS)
    left = batch_at(log, 1)
    assert left.delete_horizon_ms == NOW_MS + RETENTION_MS
    assert [each.timestamp_ms for each in uncommitted_records(log)] == [NOW_MS, NOW_MS]
    assert pairs_of(log) == [(1, b"a", None), (2, b"b", b"1")]

    for now_ms, is_there in (
        (NOW_MS + RETENTION_MS - 1, True),
        (NOW_MS + RETENTION_MS, False),
    ):
        append(log, keyed((b"z", b"1")))
        log.roll()
        clean(log, now_ms)
        assert ((1, b"a", None) in pairs_of(log)) is is_there
        assert batch_at(log, 1).delete_horizon_ms == NOW_MS + RETENTION_MS


def test_a_changed_retention_does_not_move_a_horizon_that_is_set(log: Log) -> None:
    append(log, keyed((b"a", None)), keyed((b"b", b"1")))
    log.roll()
    clean(log, NOW_MS)
    log.reconfigure(LogConfig(compact=True, delete=False, delete_retention_ms=10**9))
    append(log, keyed((b"c", b"1")))
    log.roll()
    clean(log, NOW_MS + RETENTION_MS)
    assert pairs_of(log) == [(1, b"b", b"1"), (2, b"c", b"1")]


# What a log must not forget


def test_the_last_batch_of_a_producer_stays_without_records_until_it_writes_again(log: Log) -> None:
    append(log, keyed((b"a", b"1"), (b"a", b"2"), producer_id=PRODUCER, sequence=0))
    append(log, keyed((b"a", b"3")))
    log.roll()
    clean(log)
    left = batch_at(log, 0)
    assert (left.record_count, left.total_bytes) == (0, 61)
    assert (left.last_offset, left.base_sequence, left.last_sequence) == (1, 0, 1)
    assert (left.max_timestamp_ms, left.base_timestamp_ms) == (NOW_MS, -1)
    assert left.check_crc()

    append(log, keyed((b"b", b"1"), producer_id=PRODUCER, sequence=2))
    log.roll()
    clean(log)
    assert ranges(log) == [(2, 2), (3, 3)]


def test_the_last_batch_of_an_expired_producer_goes(log: Log) -> None:
    append(log, keyed((b"a", b"1"), producer_id=PRODUCER, sequence=0), keyed((b"a", b"2")))
    log.roll()
    log.producer_state.expire(NOW_MS + COMPACTED.producer_id_expiration_ms)
    clean(log)
    assert ranges(log) == [(1, 1)]


def test_the_last_batch_of_what_is_cleaned_stays_so_that_the_end_is_known(log: Log) -> None:
    append(log, keyed((b"a", b"1")), keyed((b"a", None)))
    log.roll()
    clean(log, NOW_MS)
    log.cleaned_offset = Offset(0)
    clean(log, NOW_MS + RETENTION_MS)
    assert ranges(log) == [(1, 1)]
    assert batch_at(log, 1).record_count == 0


# Transactions


def test_aborted_records_go_and_say_nothing_of_older_ones(log: Log) -> None:
    append(log, keyed((b"a", b"1")))
    transactional(log, (b"a", b"2"), (b"b", b"2"), sequence=0, commit=False)
    transactional(log, (b"c", b"3"), sequence=2, commit=True)
    log.roll()
    clean(log)
    assert pairs_of(log) == [(0, b"a", b"1"), (4, b"c", b"3")]


def test_committed_records_are_as_others(log: Log) -> None:
    append(log, keyed((b"a", b"1")))
    transactional(log, (b"a", b"2"), sequence=0, commit=True)
    transactional(log, (b"b", b"3"), sequence=1, commit=True)
    log.roll()
    clean(log)
    assert pairs_of(log) == [(1, b"a", b"2"), (3, b"b", b"3")]


def test_an_open_transaction_bounds_the_cleaning(log: Log) -> None:
    append(log, keyed((b"a", b"1")), keyed((b"a", b"2")))
    log.roll()
    append(log, keyed((b"a", b"3")))
    transactional(log, (b"b", b"1"), sequence=0, commit=None)
    log.roll()
    append(log, keyed((b"a", b"4")))
    log.roll()
    clean(log)
    assert pairs_of(log) == [
        (1, b"a", b"2"),
        (2, b"a", b"3"),
        (3, b"b", b"1"),
        (4, b"a", b"4"),
    ]
    assert log.cleaned_offset == 2


def test_a_marker_outlives_the_data_by_the_delete_retention(log: Log) -> None:
    """First cleaning: data goes, marker stays. Second: no data is met, the horizon is set. After it: the marker goes."""
    transactional(log, (b"a", b"1"), sequence=0, commit=False)
    transactional(log, (b"b", b"1"), sequence=1, commit=False)  # the producer's last batch: stays
    append(log, keyed((b"c", b"1")))
    log.roll()
    clean(log, NOW_MS)
    assert ranges(log) == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert [each.first_offset for each in log.segments[0].transaction_index.entries()] == [0, 2]

    again(log, NOW_MS)
    assert batch_at(log, 1).delete_horizon_ms == NOW_MS + RETENTION_MS
    assert [each.first_offset for each in log.segments[0].transaction_index.entries()] == [2]
    assert batch_at(log, 3).delete_horizon_ms is None

    again(log, NOW_MS + RETENTION_MS - 1)
    assert ranges(log)[0] == (1, 1)
    again(log, NOW_MS + RETENTION_MS)
    assert ranges(log)[0] == (2, 2)


def again(log: Log, now_ms: int) -> None:
    """Something new, and a cleaning."""
    append(log, keyed((b"z", b"1")))
    log.roll()
    clean(log, now_ms)


def test_a_marker_of_a_producer_of_which_nothing_else_is_known_stays(log: Log) -> None:
    """It tells the epoch, below which a fenced producer is refused."""
    end_transaction(log, commit=True)
    append(log, keyed((b"a", b"1")))
    log.roll()
    clean(log, NOW_MS)
    again(log, NOW_MS + RETENTION_MS)
    assert batch_at(log, 0).is_control
    assert batch_at(log, 0).record_count == 0


def test_a_transaction_over_several_segments_is_known_in_all_of_them(log: Log) -> None:
    transactional(log, (b"a", b"1"), sequence=0, commit=None)
    log.roll()
    append(log, keyed((b"b", b"1")))
    transactional(log, (b"c", b"1"), sequence=1, commit=None)
    log.roll()
    append(log, keyed((b"d", b"1")))
    end_transaction(log, commit=False)  # in the active segment, which is not cleaned
    clean(log)
    assert pairs_of(log) == [(1, b"b", b"1"), (3, b"d", b"1")]


def test_an_aborted_transaction_below_the_dirty_part_does_not_hide_what_the_producer_wrote_later(
    log: Log,
) -> None:
    transactional(log, (b"a", b"1"), sequence=0, commit=False)
    append(log, keyed((b"b", b"old")))
    log.roll()
    clean(log)
    transactional(log, (b"b", b"new"), sequence=1, commit=True)
    log.roll()
    clean(log)
    assert (5, b"b", b"old") not in pairs_of(log)
    assert [value for _, key, value in pairs_of(log) if key == b"b"] == [b"new"]


# Segments


def test_small_segments_are_merged_as_far_as_segment_bytes_allows(log: Log) -> None:
    for number in range(9):
        append(log, keyed((b"%d" % number, b"x" * 200)))
        log.roll()
    groups = clean(log)
    sizes = [each.size_bytes for each in log.segments]
    assert [len(group.segments) for group in groups] == [3, 3, 3]
    assert max(sizes) <= COMPACTED.segment_bytes
    assert len(log.segments) == 4
    assert [offset for offset, _, _ in pairs_of(log)] == list(range(9))
    names = {path.name for path in log.directory.glob("*.snapshot")}
    assert names == {f"{each.base_offset:020}.snapshot" for each in list(log.segments)[1:]}


def test_segments_too_far_apart_for_the_offsets_of_an_index_stay_apart(tmp_path: Path) -> None:
    log = open_log(tmp_path / "orders-0", COMPACTED)
    append(log, keyed((b"a", b"1")))
    far = keyed((b"b", b"1"))
    RecordBatchView(far).stamp(2**31 + 5, EPOCH)
    log.append_as_follower(far)
    log.roll()
    assert len(clean(log)) == 2


def test_a_segment_that_loses_all_its_batches_stays_as_an_empty_one(log: Log) -> None:
    """The log start is where the first segment begins."""
    append(log, keyed((b"a", b"x" * 600)))
    append(log, keyed((b"a", b"y" * 600)))
    append(log, keyed((b"b", b"1")))
    log.roll()
    clean(log)
    assert log.segments[0].base_offset == 0
    assert log.segments[0].size_bytes == 0
    assert pairs_of(log) == [(1, b"a", b"y" * 600), (2, b"b", b"1")]
    again(log, NOW_MS)
    assert log.segments[0].size_bytes > 0


def test_indexes_of_a_cleaned_segment_are_those_that_the_log_gives(tmp_path: Path) -> None:
    config = LogConfig(compact=True, delete=False, index_interval_bytes=200)
    log = open_log(tmp_path / "orders-0", config)
    for number in range(100):
        append(log, keyed((b"%d" % (number % 60), b"x" * 50), timestamp_ms=NOW_MS + number % 7))
    log.roll()
    clean(log)
    segment = log.segments[0]
    made = [segment.path(suffix).read_bytes() for suffix in (".index", ".timeindex")]
    newest = segment.max_timestamp()
    segment.rebuild_indexes()
    segment.complete()
    assert made == [segment.path(suffix).read_bytes() for suffix in (".index", ".timeindex")]
    assert newest.timestamp_ms == NOW_MS + 6
    assert len(made[0]) > 8 * 10


def test_the_modification_time_is_that_of_the_newest_segment_that_went_in(log: Log) -> None:
    append(log, keyed((b"a", b"1")))
    log.roll()
    append(log, keyed((b"b", b"1")))
    log.roll()
    paths = [each.log.path for each in log.segments]
    for number, path in enumerate(paths):
        os.utime(path, (1000 + number, 1000 + number))
    clean(log)
    assert log.segments[0].log.path.stat().st_mtime == 1001


# A map that is too small


def test_a_full_map_cleans_what_it_covers_and_leaves_the_rest_for_the_next_time(log: Log) -> None:
    small = MapLimits(max_bytes=4 * SLOT_BYTES, load_factor=0.75)
    for value in (b"old", b"new"):
        append(log, *(keyed((b"%d" % number, value)) for number in range(10)))
    log.roll()
    seen = []
    while log.cleaned_offset < 20:
        clean(log, limits=small)
        assert {key: value for _, key, value in pairs_of(log)} == {
            b"%d" % number: b"new" for number in range(10)
        }
        seen.append(log.cleaned_offset)
    assert seen == [3, 6, 9, 12, 15, 18, 20]
    assert [offset for offset, _, _ in pairs_of(log)] == list(range(10, 20))


def test_a_batch_with_more_keys_than_the_map_holds_is_cleaned_part_by_part(log: Log) -> None:
    small = MapLimits(max_bytes=4 * SLOT_BYTES, load_factor=0.75)
    pairs = [(b"%d" % (number % 8), b"%d" % number) for number in range(16)]
    append(log, keyed(*pairs))
    log.roll()
    while log.cleaned_offset < 16:
        before = log.cleaned_offset
        clean(log, limits=small)
        assert log.cleaned_offset > before
    assert [offset for offset, _, _ in pairs_of(log)] == list(range(8, 16))
