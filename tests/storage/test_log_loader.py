"""What a new process makes of a directory: clean, killed in, damaged, or with work left lying about."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import Record, build_batch

from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.types import LeaderEpoch, Offset
from tests.storage.faulty_filesystem import FaultyFileSystem, Stopped
from tests.storage.log_world import (
    NOW_MS,
    append,
    batch,
    open_log,
    ranges,
    read,
    reopen,
)

SMALL = LogConfig(segment_bytes=200, index_interval_bytes=1)


def filled(directory: Path, config: LogConfig = SMALL) -> Log:
    """Twelve batches of two records, with a producer, over several segments."""
    log = open_log(directory, config)
    for number in range(12):
        append(log, batch(2, producer_id=1, producer_epoch=0, sequence=2 * number))
    return log


TWELVE = [(2 * number, 2 * number + 1) for number in range(12)]


def accepts_next_sequence(log: Log, sequence: int = 24) -> bool:
    append(log, batch(1, producer_id=1, producer_epoch=0, sequence=sequence))
    return log.log_end_offset == sequence + 1


class CountingFileSystem(RealFileSystem):
    """Writes down what is opened, mapped and read."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: list[str] = []

    def read_bytes(self, path: Path) -> bytes:
        self.touched.append(path.name)
        return super().read_bytes(path)


def test_clean_log_is_loaded_without_opening_a_segment_or_an_index(tmp_path: Path) -> None:
    log = filled(tmp_path / "log")
    log.close()
    filesystem = CountingFileSystem()
    again = open_log(tmp_path / "log", SMALL, filesystem=filesystem, recovery_point=24, clean=True)
    assert (again.log_start_offset, again.log_end_offset) == (0, 24)
    assert len(filesystem.descriptors) == 0
    assert filesystem.touched == ["leader-epoch-checkpoint", f"{24:020}.snapshot"]
    assert accepts_next_sequence(again)
    assert ranges(again)[:12] == TWELVE


def test_clean_log_without_producers_leaves_and_needs_no_snapshot(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    append(log, batch(3))
    log = reopen(log, clean=True)
    assert not list(log.directory.glob("*.snapshot"))
    assert ranges(log) == [(0, 2)]


def test_killed_log_is_read_from_the_recovery_point_on(tmp_path: Path) -> None:
    log = filled(tmp_path / "log")
    first, active = log.segments[0], log.segments.active
    recovery_point = active.base_offset
    data = bytearray(first.log.path.read_bytes())
    data[70] ^= 1  # not looked at: it was flushed
    first.log.path.write_bytes(data)
    log = reopen(log, recovery_point=recovery_point)
    assert log.log_end_offset == 24
    assert log.recovery_point == recovery_point
    assert accepts_next_sequence(log)


def test_damage_above_the_recovery_point_ends_the_log_there(tmp_path: Path) -> None:
    log = filled(tmp_path / "log")
    second = log.segments[1]
    data = bytearray(second.log.path.read_bytes())
    data[-1] ^= 1
    second.log.path.write_bytes(data)
    log = reopen(log, recovery_point=0)
    assert log.log_end_offset == second.next_offset - 2
    assert len(log.segments) == 2
    assert accepts_next_sequence(log, second.next_offset - 2)


def remove(suffix: str) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        for path in directory.glob(f"*{suffix}"):
            path.unlink()

    return damage


def garble(suffix: str) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        for path in directory.glob(f"*{suffix}"):
            path.write_bytes(b"garbage" * 3)

    return damage


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("suffix", [".index", ".timeindex", "leader-epoch-checkpoint", ".snapshot"])
@pytest.mark.parametrize("damage", [remove, garble], ids=["missing", "garbled"])
def test_everything_but_the_log_itself_can_be_made_again(
    tmp_path: Path, clean: bool, suffix: str, damage: Callable[[str], Callable[[Path], None]]
) -> None:
    log = filled(tmp_path / "log")
    if clean:
        log.close()
    damage(suffix)(log.directory)
    log = open_log(log.directory, SMALL, recovery_point=24 if clean else 0, clean=clean)
    assert ranges(log) == TWELVE
    for offset in range(24):
        assert read(log, offset, 1).startswith((offset // 2 * 2).to_bytes(8, "big"))
    assert log.timestamp_lookup(NOW_MS).run() == (NOW_MS, 0, 0)
    knows_epochs = not (clean and suffix.startswith("leader") and damage is remove)
    assert log.epoch_for_offset(Offset(3)) == (0 if knows_epochs else -1)
    knows_producers = not (clean and suffix == ".snapshot" and damage is remove)
    assert (len(log.producer_state) == 1) is knows_producers
    assert accepts_next_sequence(log)


def test_clean_stop_whose_checkpoint_cannot_be_right_is_recovered_from(tmp_path: Path) -> None:
    log = filled(tmp_path / "log")
    log.close()
    for wrong in (0, log.segments.active.base_offset):
        again = open_log(log.directory, SMALL, recovery_point=wrong, clean=True)
        assert again.log_end_offset == 24


def test_empty_directory_is_an_empty_log_at_its_log_start(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", log_start_offset=7)
    assert (log.log_start_offset, log.log_end_offset) == (7, 7)
    append(log, batch(1))
    assert ranges(log) == [(7, 7)]


def test_log_start_behind_what_is_left_begins_anew_so_that_no_offset_is_given_twice(
    tmp_path: Path,
) -> None:
    log = filled(tmp_path / "log")
    log = open_log(log.directory, SMALL, log_start_offset=100)
    assert (log.log_start_offset, log.log_end_offset) == (100, 100)
    append(log, batch(1))
    assert ranges(reopen(log)) == [(100, 100)]


def test_log_start_inside_a_segment_is_kept(tmp_path: Path) -> None:
    log = filled(tmp_path / "log")
    log = open_log(log.directory, SMALL, log_start_offset=5)
    assert log.log_start_offset == 5
    assert read(log, 5)


def test_snapshots_of_a_future_that_was_lost_are_removed(tmp_path: Path) -> None:
    log = filled(tmp_path / "log")
    active = log.segments.active
    shutil.copy(
        log.directory / f"{active.base_offset:020}.snapshot", log.directory / f"{99:020}.snapshot"
    )
    log = reopen(log, recovery_point=0)
    assert not (log.directory / f"{99:020}.snapshot").exists()
    assert accepts_next_sequence(log)


# Leftovers


def suffixed(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def write_compacted(directory: Path, suffix: str, base: int, last: int) -> None:
    """What the cleaner made of the batches from `base` to `last`: one record of them all."""
    records = build_batch(
        [Record(base, NOW_MS, b"k", b"v")], base_offset=base, last_offset=last, leader_epoch=0
    )
    (directory / f"{base:020}.log{suffix}").write_bytes(records)
    (directory / f"{base:020}.index{suffix}").write_bytes(b"")
    (directory / f"{base:020}.timeindex{suffix}").write_bytes(b"")


def test_deleted_and_temporary_files_are_removed(tmp_path: Path) -> None:
    log = filled(tmp_path / "log")
    log.close()
    for name in (f"{0:020}.log.deleted", f"{0:020}.index.deleted", "leader-epoch-checkpoint.tmp"):
        (log.directory / name).write_bytes(b"x")
    log = open_log(log.directory, SMALL, recovery_point=24, clean=True)
    assert not list(log.directory.glob("*.deleted"))
    assert not list(log.directory.glob("*.tmp"))
    assert ranges(log) == TWELVE


def test_cleaned_files_are_removed_since_nobody_knows_whether_they_are_whole(
    tmp_path: Path,
) -> None:
    log = filled(tmp_path / "log")
    log.close()
    write_compacted(log.directory, ".cleaned", 0, 7)
    log = open_log(log.directory, SMALL, recovery_point=24, clean=True)
    assert ranges(log) == TWELVE
    assert not list(log.directory.glob("*.cleaned"))


def test_swap_takes_the_place_of_the_segments_it_was_made_from(tmp_path: Path) -> None:
    log = filled(tmp_path / "log")
    covered = log.segments[2].base_offset
    log.close()
    write_compacted(log.directory, ".swap", 0, covered - 1)
    log = open_log(log.directory, SMALL, recovery_point=24, clean=True)
    assert ranges(log) == [(0, covered - 1), *[each for each in TWELVE if each[0] >= covered]]
    assert not list(log.directory.glob("*.swap"))


def test_swap_behind_a_cleaned_file_is_of_an_unfinished_set_and_goes(tmp_path: Path) -> None:
    log = filled(tmp_path / "log")
    log.close()
    write_compacted(log.directory, ".cleaned", 0, 3)
    write_compacted(log.directory, ".swap", 4, 7)
    log = open_log(log.directory, SMALL, recovery_point=24, clean=True)
    assert ranges(log) == TWELVE


def test_index_without_a_log_is_removed(tmp_path: Path) -> None:
    log = filled(tmp_path / "log")
    log.close()
    (log.directory / f"{777:020}.index").write_bytes(bytes(8))
    log = open_log(log.directory, SMALL, recovery_point=24, clean=True)
    assert not (log.directory / f"{777:020}.index").exists()


def test_recovery_can_itself_be_killed_at_any_operation(tmp_path: Path) -> None:
    """A machine that loses its power twice."""
    base = tmp_path / "base"
    base.mkdir()
    log = filled(base / "log")
    with (log.segments.active.log.path).open("ab") as file:
        file.write(b"torn")
    count = len(_recover(base, tmp_path / "whole", None).operations)
    for stop_at in range(count):
        root = tmp_path / f"stop-{stop_at}"
        _recover(base, root, stop_at).after_kill()
        again = open_log(root / "log", SMALL)
        assert ranges(again) == TWELVE
        assert accepts_next_sequence(again)


def _recover(base: Path, root: Path, stop_at: int | None) -> FaultyFileSystem:
    shutil.copytree(base, root)
    filesystem = FaultyFileSystem(root, stop_at=stop_at)
    with suppress(Stopped):
        open_log(root / "log", SMALL, filesystem=filesystem)
    return filesystem


def test_epochs_are_taken_from_recovered_batches(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    for epoch in (1, 1, 4):
        records = batch(2)
        log.append_as_leader(records, LeaderEpoch(epoch), NOW_MS)
        assert RecordBatchView(records).leader_epoch == epoch
    assert not (log.directory / "leader-epoch-checkpoint").exists(), "nothing was flushed yet"
    log = reopen(log)
    assert [log.epoch_for_offset(Offset(offset)) for offset in (0, 3, 4)] == [1, 1, 4]
