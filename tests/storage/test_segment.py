"""One segment: finding, indexing, cutting, recovering."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from kafkalite_protocol.record_batch import RecordBatchView, batches

from kafkalite.errors import KafkaError
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.storage.recent_batches import KEPT_BATCHES, RecentBatches
from kafkalite.storage.segment import Segment
from kafkalite.types import Offset
from tests.storage.faulty_filesystem import FaultyFileSystem
from tests.storage.log_world import ALL, NOW_MS, append, batch, open_log, ranges, read

SPARSE = LogConfig(index_interval_bytes=300)


def new_segment(path: Path, config: LogConfig = SPARSE, base_offset: int = 0) -> Segment:
    return Segment(
        RealFileSystem(), path, Offset(base_offset), config, created_ms=NOW_MS, create=True
    )


def loaded(segment: Segment) -> Segment:
    """The segment as the next process finds it after a clean stop."""
    segment.close()
    return Segment(
        RealFileSystem(),
        segment.directory,
        segment.base_offset,
        segment.config,
        created_ms=NOW_MS,
        next_offset=segment.next_offset,
    )


def add(
    segment: Segment, count: int = 1, *, at: int | None = None, timestamp_ms: int = NOW_MS
) -> int:
    """Append a batch of `count` records; returns its size."""
    records = batch(count, timestamp_ms=timestamp_ms)
    view = RecordBatchView(records)
    view.stamp(segment.next_offset if at is None else at, 0)
    segment.append(records, [view])
    return len(records)


def found(
    segment: Segment, offset: int, max_bytes: int = ALL, upper_bound: int = 1 << 40
) -> list[int]:
    """Base offsets of the batches that a read gives."""
    piece = segment.read(Offset(offset), max_bytes, Offset(upper_bound), min_one_batch=True)
    return [] if piece is None else [each.base_offset for each in batches(piece.read())]


@pytest.mark.parametrize("reload", [False, True])
def test_read_returns_the_batch_that_holds_the_offset_and_those_after_it(
    tmp_path: Path, reload: bool
) -> None:
    segment = new_segment(tmp_path)
    for _ in range(30):
        add(segment, 3)
    if reload:
        segment = loaded(segment)
    for offset in range(90):
        assert found(segment, offset) == list(range(offset // 3 * 3, 90, 3))
    assert found(segment, 90) == []


@pytest.mark.parametrize("reload", [False, True])
def test_read_from_gap_returns_next_batch(tmp_path: Path, reload: bool) -> None:
    segment = new_segment(tmp_path)
    for base in (0, 10, 20, 30, 40):
        add(segment, 2, at=base)
    if reload:
        segment = loaded(segment)
    assert found(segment, 11) == [10, 20, 30, 40]
    assert found(segment, 12) == [20, 30, 40]
    assert found(segment, 42) == []


@pytest.mark.parametrize("reload", [False, True])
def test_read_is_cut_at_the_last_whole_batch_that_fits(tmp_path: Path, reload: bool) -> None:
    segment = new_segment(tmp_path)
    size = max(add(segment) for _ in range(40))
    if reload:
        segment = loaded(segment)
    for count in range(1, 40):
        assert found(segment, 1, count * size)[-1] == count
        assert found(segment, 1, count * size + 1)[-1] == min(count, 39)
    assert found(segment, 5, 0) == [5]
    piece = segment.read(Offset(5), size - 1, Offset(40), min_one_batch=False)
    assert piece is not None
    assert len(piece) == 0


@pytest.mark.parametrize("reload", [False, True])
def test_read_stops_below_the_upper_bound(tmp_path: Path, reload: bool) -> None:
    segment = new_segment(tmp_path)
    for _ in range(20):
        add(segment, 2)
    if reload:
        segment = loaded(segment)
    assert found(segment, 4, upper_bound=8) == [4, 6]
    assert found(segment, 4, upper_bound=9) == [4, 6]
    assert found(segment, 4, upper_bound=4) == []


def test_reading_beyond_the_remembered_batches_uses_the_index(tmp_path: Path) -> None:
    segment = new_segment(tmp_path)
    count = 5 * KEPT_BATCHES
    for _ in range(count):
        add(segment)
    for offset in (0, 1, KEPT_BATCHES, count // 2, count - KEPT_BATCHES - 1, count - 1):
        assert found(segment, offset) == list(range(offset, count))


def test_index_entry_is_made_for_the_first_batch_past_the_interval(tmp_path: Path) -> None:
    """Kafka's rule: an entry once more than the interval was appended since the last one, before the batch."""
    segment = new_segment(tmp_path)
    size = add(segment)
    for _ in range(9):
        add(segment)
    step = SPARSE.index_interval_bytes // size + 1
    index = segment._indexes()[0]
    assert [index.entry(slot) for slot in range(len(index))] == [
        (at, at * size) for at in range(step, 10, step)
    ]


def test_greatest_timestamp_is_known_after_a_clean_stop_without_reading(tmp_path: Path) -> None:
    segment = new_segment(tmp_path)
    for late in (0, 5, 2, 9, 3):
        add(segment, timestamp_ms=NOW_MS + late)
    assert loaded(segment).max_timestamp() == (NOW_MS + 9, 3)


def test_append_after_a_clean_stop_goes_on_where_the_file_ends(tmp_path: Path) -> None:
    segment = new_segment(tmp_path)
    add(segment, 3)
    segment = loaded(segment)
    add(segment, 2)
    assert found(segment, 0) == [0, 3]
    assert segment.next_offset == 5


def test_file_that_was_changed_since_the_clean_stop_is_not_appended_to(tmp_path: Path) -> None:
    segment = new_segment(tmp_path)
    add(segment, 3)
    add(segment, 3)
    segment.close()
    os.truncate(segment.log.path, 50)
    with pytest.raises(OSError, match="changed since"):
        add(loaded_at(segment, 6))


def loaded_at(segment: Segment, next_offset: int) -> Segment:
    return Segment(
        RealFileSystem(),
        segment.directory,
        segment.base_offset,
        segment.config,
        created_ms=NOW_MS,
        next_offset=Offset(next_offset),
    )


@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
@pytest.mark.parametrize(
    "damage",
    [b"x" * 7, b"\xff" * 24, b"\x7f" * 24, b""],
    ids=["not whole entries", "negative", "past the end", "empty"],
)
def test_corrupt_index_is_made_again_where_it_is_met(
    tmp_path: Path, suffix: str, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    segment = new_segment(tmp_path)
    for late in range(40):
        add(segment, timestamp_ms=NOW_MS + late)
    segment.close()
    segment.path(suffix).write_bytes(damage)
    segment = loaded_at(segment, 40)
    assert found(segment, 33, 1) == [33]
    assert segment.max_timestamp() == (NOW_MS + 39, 39)
    assert ("corrupt" in caplog.text or "past the end" in caplog.text) is bool(damage)


def test_recovery_cuts_the_file_at_every_byte_before_the_torn_batch(tmp_path: Path) -> None:
    segment = new_segment(tmp_path)
    sizes = [add(segment, 2) for _ in range(3)]
    data = segment.log.path.read_bytes()
    segment.close()
    for length in range(len(data) + 1):
        segment.log.path.write_bytes(data[:length])
        again = loaded_at(segment, 0)
        whole = length // sizes[0]
        assert again.recover(lambda batch: None) == length - whole * sizes[0]
        assert again.next_offset == 2 * whole
        assert again.log.path.stat().st_size == whole * sizes[0]


@pytest.mark.parametrize("at", [0, 8, 16, 17, 23, 40, 60, 70])
def test_recovery_cuts_the_file_before_a_spoiled_batch(tmp_path: Path, at: int) -> None:
    segment = new_segment(tmp_path)
    size = add(segment, 2)
    add(segment, 2)
    add(segment, 2)
    segment.close()
    data = bytearray(segment.log.path.read_bytes())
    data[size + at] ^= 0x80
    segment.log.path.write_bytes(data)
    again = loaded_at(segment, 6)
    assert again.recover(lambda batch: None) == 2 * size
    assert found(again, 0) == [0]
    add(again, 1)
    assert found(again, 0) == [0, 2]


def test_recovery_takes_batches_larger_than_what_it_reads_at_a_time(tmp_path: Path) -> None:
    segment = new_segment(tmp_path)
    records = batch(1, value_bytes=700_000)
    view = RecordBatchView(records)
    for base in range(3):
        view.stamp(base, 0)
        segment.append(records, [view])
    segment.close()
    again = loaded_at(segment, 0)
    assert again.recover(lambda batch: None) == 0
    assert found(again, 0) == [0, 1, 2]


def test_truncation_inside_a_batch_removes_it_whole_and_appending_goes_on(tmp_path: Path) -> None:
    segment = new_segment(tmp_path)
    for late in range(20):
        add(segment, 3, timestamp_ms=NOW_MS + late)
    segment.truncate_to(Offset(31))
    assert segment.next_offset == 30
    assert segment.max_timestamp() == (NOW_MS + 9, 29)
    add(segment, 3)
    assert found(segment, 29) == [27, 30]
    assert found(loaded(segment), 29) == [27, 30]


def test_failing_index_undoes_the_append(tmp_path: Path) -> None:
    """The index has to grow for its first entry: on a full disk that fails after the batch was written."""
    filesystem = FaultyFileSystem(tmp_path)
    log = open_log(tmp_path / "log", LogConfig(index_interval_bytes=1), filesystem=filesystem)
    append(log, batch(1))
    before = log.size_bytes
    filesystem._fail_at = len(filesystem.operations) + 1
    filesystem._fail_with = errno.ENOSPC
    with pytest.raises(KafkaError, match="No space left"):
        append(log, batch(1))
    kinds = [operation.split()[0] for operation in filesystem.operations[-3:]]
    assert kinds == ["append", "grow", "truncate"]
    assert (log.size_bytes, log.log_end_offset, log.offline_reason) == (before, 1, None)
    append(log, batch(2))
    assert ranges(log) == [(0, 0), (1, 2)]
    assert read(log, 1)


def test_remembered_batches_know_what_they_do_not_know() -> None:
    recent = RecentBatches()
    assert recent.position_of(0, 0) is None
    for number in range(10 * KEPT_BATCHES):
        recent.append(number * 2, number * 2 + 1, number * 100)
    end = 1000 * KEPT_BATCHES
    assert recent.position_of(0, end) is None
    assert recent.boundary_at_or_before(0) is None
    last = 10 * KEPT_BATCHES - 1
    assert recent.position_of(last * 2, end) == last * 100
    assert recent.position_of(last * 2 + 2, end) == end
    assert recent.boundary_at_or_before(end) == last * 100
    assert recent.boundary_after(last * 100, end) == end
    recent.clear()
    assert recent.position_of(last * 2, end) is None
