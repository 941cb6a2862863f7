"""Offset and time index against a sorted list, and as files that a killed process leaves."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafkalite.storage.index import CorruptIndexError
from kafkalite.storage.offset_index import OffsetIndex, OffsetPosition
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.storage.time_index import TimeIndex, TimestampOffset
from kafkalite.types import Offset
from tests.storage.faulty_filesystem import FaultyFileSystem

BASE = Offset(1000)
MAX_BYTES = 10_485_760


def offset_index(path: Path, max_size_bytes: int = MAX_BYTES) -> OffsetIndex:
    return OffsetIndex(RealFileSystem(), path / "0.index", BASE, max_size_bytes)


def time_index(path: Path, max_size_bytes: int = MAX_BYTES) -> TimeIndex:
    return TimeIndex(RealFileSystem(), path / "0.timeindex", BASE, max_size_bytes)


def entries_of(index: OffsetIndex | TimeIndex) -> list[tuple[int, int]]:
    return [(first, second) for first, second in map(index.entry, range(len(index)))]


growing = st.lists(
    st.tuples(st.integers(1, 50), st.integers(1, 5000)), max_size=40
)  # steps of offset and position


def accumulate(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    offset, position, out = BASE - 1, 0, []
    for offset_step, position_step in steps:
        offset += offset_step
        position += position_step
        out.append((offset, position))
    return out


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    steps=growing,
    targets=st.lists(st.integers(-5, 2100), max_size=10),
    cut=st.integers(-5, 2100),
    ending=st.sampled_from(["none", "kill", "close", "trim"]),
    more=growing,
)
def test_offset_index_is_a_sorted_list(
    steps: list[tuple[int, int]],
    targets: list[int],
    cut: int,
    ending: str,
    more: list[tuple[int, int]],
) -> None:
    with TemporaryDirectory() as directory:
        index = offset_index(Path(directory))
        model = accumulate(steps)
        for offset, position in model:
            index.append(Offset(offset), position)

        def check() -> None:
            assert entries_of(index) == model
            assert index.last_offset == (model[-1][0] if model else BASE)
            for target in targets:
                expected = max((e for e in model if e[0] <= BASE + target), default=(BASE, 0))
                assert index.lookup(Offset(BASE + target)) == expected
            for _, position in model:
                assert index.lookup_position(position).position == position

        check()
        index.truncate_to(Offset(BASE + cut))
        model = [entry for entry in model if entry[0] < BASE + cut]
        check()
        if ending in ("close", "trim"):
            getattr(index, ending)()
            assert (Path(directory) / "0.index").stat().st_size == 8 * len(model)
        if ending != "none":
            index = offset_index(Path(directory))
            index.sanity_check()
        check()
        last_offset, last_position = model[-1] if model else (BASE, 0)
        for offset_step, position_step in more:
            last_offset += offset_step
            last_position += position_step
            index.append(Offset(last_offset), last_position)
            model.append((last_offset, last_position))
        check()
        index.close()


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    appended=st.lists(st.tuples(st.integers(-1, 60), st.integers(0, 3)), max_size=40),
    targets=st.lists(st.integers(-2, 70), max_size=10),
    cut=st.integers(0, 130),
    killed=st.booleans(),
)
def test_time_index_keeps_only_new_maxima(
    appended: list[tuple[int, int]], targets: list[int], cut: int, killed: bool
) -> None:
    with TemporaryDirectory() as directory:
        index = time_index(Path(directory))
        model: list[tuple[int, int]] = []
        offset = int(BASE)
        for timestamp_ms, offset_step in appended:
            offset += offset_step
            index.maybe_append(timestamp_ms, Offset(offset))
            if timestamp_ms > (model[-1][0] if model else -1):
                model.append((timestamp_ms, offset))
        index.truncate_to(Offset(BASE + cut))
        model = [entry for entry in model if entry[1] < BASE + cut]
        if killed:
            index = time_index(Path(directory))
            if model == [(0, BASE)]:
                model = []  # all zero bytes: not to be told from none, and as good as none
        assert entries_of(index) == model
        assert index.last_entry == (model[-1] if model else (-1, BASE))
        for target in targets:
            expected = max((e for e in model if e[0] <= target), default=(-1, BASE))
            assert index.lookup(target) == expected
        index.close()


def test_an_untouched_index_has_no_file_and_no_map(tmp_path: Path) -> None:
    filesystem = FaultyFileSystem(tmp_path)
    index = OffsetIndex(filesystem, tmp_path / "0.index", BASE, MAX_BYTES)
    assert len(index) == 0
    assert index.lookup(Offset(5000)) == OffsetPosition(BASE, 0)
    assert filesystem.operations == []
    untouched = OffsetIndex(filesystem, tmp_path / "1.index", BASE, MAX_BYTES)
    untouched.close()
    assert filesystem.operations == []
    assert list(tmp_path.iterdir()) == []


def test_the_file_grows_by_doubling_up_to_the_maximum_and_is_trimmed(tmp_path: Path) -> None:
    index = offset_index(tmp_path, max_size_bytes=10_000)
    sizes = []
    for number in range(1250):
        assert not index.is_full
        index.append(Offset(BASE + number), number)
        size = index.path.stat().st_size
        if size not in sizes:
            sizes.append(size)
    assert sizes == [4096, 8192, 10_000]
    assert index.is_full
    with pytest.raises(AssertionError, match="full"):
        index.append(Offset(BASE + 9999), 9999)
    index.truncate_to(Offset(BASE + 100))
    index.close()
    assert index.path.stat().st_size == 800


def test_time_index_keeps_a_place_for_the_entry_made_on_roll(tmp_path: Path) -> None:
    index = time_index(tmp_path, max_size_bytes=36)
    fullness = []
    for timestamp_ms in (1, 2):
        index.maybe_append(timestamp_ms, BASE)
        fullness.append(index.is_full)
    assert fullness == [False, True]
    index.maybe_append(3, BASE)
    assert index.last_entry == TimestampOffset(3, BASE)


def test_bytes_are_kafkas(tmp_path: Path) -> None:
    offsets, times = offset_index(tmp_path), time_index(tmp_path)
    offsets.append(Offset(BASE + 0x7F), 64637)
    times.maybe_append(1_700_000_000_000, Offset(BASE + 0x7F))
    offsets.close()
    times.close()
    assert offsets.path.read_bytes().hex() == "0000007f" + "0000fc7d"
    assert times.path.read_bytes().hex() == "0000018bcfe56800" + "0000007f"


def test_an_index_that_kafka_preallocated_is_read(tmp_path: Path) -> None:
    """Kafka's active index is 10 MiB of zero bytes behind its entries."""
    (tmp_path / "0.index").write_bytes(struct.pack(">ii", 5, 100) + bytes(8000))
    index = offset_index(tmp_path)
    index.sanity_check()
    assert entries_of(index) == [(BASE + 5, 100)]
    index.append(Offset(BASE + 6), 200)
    assert index.path.stat().st_size == 8008, "the space is used before the file grows"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 511, 512])
def test_entries_are_counted_whatever_their_number(tmp_path: Path, count: int) -> None:
    index = offset_index(tmp_path)
    for number in range(count):
        index.append(Offset(BASE + number), number)  # the first one is all zero bytes
    again = offset_index(tmp_path)
    assert len(again) == (0 if count == 1 else count)


def test_dropped_entries_do_not_come_back_after_a_kill(tmp_path: Path) -> None:
    index = offset_index(tmp_path)
    for number in range(1, 10):
        index.append(Offset(BASE + number), number)
    index.truncate_to(Offset(BASE + 4))
    assert entries_of(offset_index(tmp_path)) == [(BASE + n, n) for n in (1, 2, 3)]


def test_reset_forgets_a_file_of_any_content(tmp_path: Path) -> None:
    (tmp_path / "0.index").write_bytes(b"garbage that is no index")
    index = offset_index(tmp_path)
    index.reset()
    assert entries_of(index) == []
    index.append(Offset(BASE + 1), 1)
    assert entries_of(offset_index(tmp_path)) == [(BASE + 1, 1)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0" * 5, "no multiple of 8"),
        (struct.pack(">iiii", 5, 100, 4, 200), r"from \(5, 100\) to \(4, 200\)"),
        (struct.pack(">iiii", 5, 100, 6, 50), r"from \(5, 100\) to \(6, 50\)"),
        (struct.pack(">ii", -5, 100), r"from \(-5, 100\)"),
    ],
)
def test_sanity_check_finds_what_cannot_be_an_index(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "0.index").write_bytes(content)
    index = offset_index(tmp_path)
    with pytest.raises(CorruptIndexError, match=reason) as raised:
        index.sanity_check()
    assert str(tmp_path / "0.index") in str(raised.value)


def test_offsets_too_far_from_the_base_cannot_be_appended(tmp_path: Path) -> None:
    index = offset_index(tmp_path)
    assert index.can_append_offset(Offset(BASE + 2**31 - 1))
    assert not index.can_append_offset(Offset(BASE + 2**31))
    assert not index.can_append_offset(Offset(BASE - 1))
    with pytest.raises(AssertionError, match="too far"):
        index.append(Offset(BASE + 2**31), 1)


def test_offsets_that_go_back_are_our_mistake(tmp_path: Path) -> None:
    index, times = offset_index(tmp_path), time_index(tmp_path)
    index.append(Offset(BASE + 5), 1)
    with pytest.raises(AssertionError, match="after"):
        index.append(Offset(BASE + 5), 2)
    times.maybe_append(1, Offset(BASE + 5))
    with pytest.raises(AssertionError, match="after"):
        times.maybe_append(2, Offset(BASE + 4))


def test_an_index_goes_on_after_its_file_was_renamed(tmp_path: Path) -> None:
    index = offset_index(tmp_path)
    index.append(Offset(BASE + 5), 1)
    os.rename(index.path, tmp_path / "0.index.deleted")
    index.path = tmp_path / "0.index.deleted"
    index.append(Offset(BASE + 6), 2)
    index.close()
    assert (tmp_path / "0.index.deleted").stat().st_size == 16


def test_a_map_that_was_let_go_of_is_mapped_again(tmp_path: Path) -> None:
    filesystem = RealFileSystem(open_files_max=1)
    indexes = [OffsetIndex(filesystem, tmp_path / f"{n}.index", BASE, MAX_BYTES) for n in range(3)]
    for round_number in range(1, 4):
        for index in indexes:
            index.append(Offset(BASE + round_number), round_number)
    expected = [(BASE + n, n) for n in (1, 2, 3)]
    assert [entries_of(index) for index in indexes] == [expected] * 3
    assert len(filesystem.descriptors) == 1


def test_sync_task_makes_the_entries_durable(tmp_path: Path) -> None:
    filesystem = FaultyFileSystem(tmp_path)
    index = OffsetIndex(filesystem, tmp_path / "0.index", BASE, MAX_BYTES)
    assert index.sync_task() is None
    index.append(Offset(BASE + 5), 1)
    task = index.sync_task()
    assert task is not None
    task()
    filesystem.fsync_directory(tmp_path)
    filesystem.after_power_loss()
    assert entries_of(offset_index(tmp_path)) == [(BASE + 5, 1)]
