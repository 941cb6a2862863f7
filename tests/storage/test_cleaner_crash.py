"""A cleaning stopped at each of its operations on the disk in turn; then a new process looks at what is left.

kill, power cut    every reader finds the last value of each key, and nothing that was not written
failing disk       the same at once, in the process that goes on, and after a restart
"""

from __future__ import annotations

import errno
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from kafkalite_protocol.compression import Compression

from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.errors import KafkaError, StartupError
from kafkalite.storage.cleaner.cleaning import Cleaning, MapLimits
from kafkalite.storage.cleaner.log_cleaner import LogCleaner
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.log import AppendOrigin, Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.log_manager import LogManager
from kafkalite.storage.real_filesystem import RealFileSystem
from tests.storage.cleaner_world import (
    NoPace,
    candidates,
    committed_records,
    keyed,
    uncommitted_records,
)
from tests.storage.faulty_filesystem import FaultyFileSystem, Stopped
from tests.storage.log_world import EPOCH, NOW_MS, TOPIC_ID, TP, append, marker

CONFIG = LogConfig(
    compact=True,
    delete=False,
    segment_bytes=700,
    index_interval_bytes=100,
    min_cleanable_dirty_ratio=0.0,
    delete_retention_ms=10,
)


def open_manager(filesystem: FileSystem, root: Path) -> LogManager:
    config = BrokerConfig({"log.dirs": str(root / "data")})
    manager = LogManager(
        config, filesystem=filesystem, clock=ManualClock(NOW_MS), rng=random.Random(0)
    )
    manager.open()
    log = manager.log(TP)
    if log is not None:
        log.reconfigure(CONFIG)
    return manager


def write_history(manager: LogManager) -> Log:
    """Several small segments: obsolete and lasting records, tombstones, a committed and an aborted transaction."""
    log = manager.create_log(TP, TOPIC_ID, CONFIG)
    sequence = 0
    for number in range(12):
        append(
            log,
            keyed(
                (b"%d" % (number % 5), b"%d" % number),
                (b"only-%d" % number, b"x" * 40),
                compression=Compression(number % 5),
            ),
        )
        if number % 4 == 3:
            for key, commit in ((b"0", number != 3), (b"t", number == 3)):
                append(
                    log,
                    keyed(
                        (key, b"t%d" % number), producer_id=7, sequence=sequence, transactional=True
                    ),
                )
                sequence += 1
                log.append_as_leader(
                    marker(7, 0, commit=commit), EPOCH, NOW_MS, origin=AppendOrigin.COORDINATOR
                )
        if number % 5 == 2:
            append(log, keyed((b"only-%d" % (number - 1), None)))
    log.roll()
    append(log, keyed((b"active", b"1")))
    log.flush()
    manager.checkpoint_task()()
    return log


def next_cleaning(manager: LogManager, now_ms: int) -> tuple[LogCleaner, Cleaning] | None:
    log = manager.log(TP)
    assert log is not None
    cleaner = LogCleaner(manager)
    cleaning = cleaner.next_cleaning(candidates(log), now_ms, NoPace(), MapLimits())
    return None if cleaning is None else (cleaner, cleaning)


def clean(manager: LogManager, now_ms: int) -> None:
    """As the broker does: all steps, and the checkpoint."""
    found = next_cleaning(manager, now_ms)
    if found is None:
        return
    cleaner, cleaning = found
    cleaning.prepare()
    while (group := cleaning.next_group()) is not None:
        cleaner.swap_in(cleaning, group)
    cleaner.finished(cleaning)()


def live(manager: LogManager) -> None:
    """Two cleanings with something new in between, the second one behind the delete horizons; and the old files removed."""
    clean(manager, NOW_MS)
    log = manager.log(TP)
    assert log is not None
    append(log, keyed((b"1", b"again"), (b"late", b"1")))
    log.roll()
    log.flush()
    clean(manager, NOW_MS + CONFIG.delete_retention_ms)
    for now_ms in (NOW_MS, NOW_MS + CONFIG.file_delete_delay_ms):
        if (task := manager.purge_task(now_ms)) is not None:
            task()


def prepare(root: Path) -> None:
    """The history on the disk, at `root`."""
    template = root.with_name("template")
    if not template.exists():
        template.mkdir()
        write_history(open_manager(RealFileSystem(), template))
    shutil.copytree(template, root)


def operations(disk: Path) -> list[str]:
    root = disk / "whole"
    prepare(root)
    filesystem = FaultyFileSystem(root)
    live(open_manager(filesystem, root))
    return filesystem.operations


def table(log: Log) -> dict[bytes | None, bytes | None]:
    values = {each.key: each.value for each in committed_records(log)}
    return {key: value for key, value in values.items() if value is not None}


EXPECTED_LAST = {b"1": b"again", b"late": b"1"}


def check(root: Path, filesystem: FileSystem, before: Log, was_appended: bool) -> None:
    """A new process finds the same table, can clean the rest, and finds it again."""
    manager = open_manager(filesystem, root)
    log = manager.log(TP)
    assert log is not None
    check_content(log, before)
    assert not [
        path for path in log.directory.iterdir() if path.name.endswith((".cleaned", ".swap"))
    ]
    if was_appended:
        assert table(log)[b"1"] == b"again"
    log.roll()
    clean(manager, NOW_MS + 2 * CONFIG.delete_retention_ms)
    check_content(log, before)
    offsets = [each.offset for each in uncommitted_records(log)]
    assert len({each.key for each in uncommitted_records(log)}) == len(offsets)
    assert log.cleaned_offset == log.log_end_offset
    manager.close()
    again = open_manager(filesystem, root).log(TP)
    assert again is not None
    assert again.cleaned_offset == again.log_end_offset
    check_content(again, before)


def check_content(log: Log, before: Log) -> None:
    wanted = table(before)
    found = table(log)
    late = {key: value for key, value in EXPECTED_LAST.items() if found.get(key) == value}
    assert found == wanted | late
    was = {each.offset: each for each in uncommitted_records(before)}
    for each in uncommitted_records(log):
        assert was.get(each.offset, each) == each
    offsets = [each.offset for each in uncommitted_records(log)]
    assert offsets == sorted(set(offsets))


def untouched(disk: Path) -> Log:
    """The history in a log that is never cleaned."""
    root = disk / "untouched"
    prepare(root)
    log = open_manager(FaultyFileSystem(root), root).log(TP)
    assert log is not None
    return log


def test_the_cleanings_do_all_that_they_are_meant_to(disk: Path) -> None:
    """Or stopping them everywhere would prove little."""
    done = operations(disk)
    assert len(done) > 120
    for kind in ("append", "create", "fsync", "fsync-directory", "rename", "remove"):
        assert any(each.startswith(kind + " ") for each in done), kind
    for suffix in (".log", ".index", ".timeindex", ".txnindex"):
        assert any(each.startswith("rename") and each.endswith(suffix + ".swap") for each in done)
        assert any(each.startswith("rename") and each.endswith(suffix) for each in done)
    assert any("cleaner-offset-checkpoint" in each for each in done)
    assert sum(each.endswith(".log.swap") for each in done if each.startswith("rename")) > 3


def test_new_files_are_durable_before_they_get_a_name_that_counts(disk: Path) -> None:
    done = operations(disk)
    for number, operation in enumerate(done):
        if operation.startswith("rename") and operation.endswith(".swap"):
            source = operation.split()[1]
            assert f"fsync {source}" in done[:number]
            assert any(source in each and each.startswith("create") for each in done[:number])


@pytest.mark.parametrize(
    "survive", [FaultyFileSystem.after_kill, FaultyFileSystem.after_power_loss]
)
def test_nothing_is_lost_wherever_a_cleaning_stops(
    disk: Path, survive: Callable[[FaultyFileSystem], FileSystem]
) -> None:
    before = untouched(disk)
    for stop_at in range(len(operations(disk)) + 1):
        root = disk / f"stop-{stop_at}"
        prepare(root)
        filesystem = FaultyFileSystem(root, stop_at=stop_at, seed=stop_at)
        end = 0
        with suppress(Stopped):
            manager = open_manager(filesystem, root)
            log = manager.log(TP)
            assert log is not None
            live(manager)
            end = log.recovery_point
        check(root, survive(filesystem), before, was_appended=end > before.log_end_offset)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(1, 9))
def test_nothing_is_lost_in_many_power_cuts(disk: Path, seed: int) -> None:
    before = untouched(disk)
    for stop_at in range(len(operations(disk)) + 1):
        root = disk / f"stop-{stop_at}"
        prepare(root)
        filesystem = FaultyFileSystem(root, stop_at=stop_at, seed=seed)
        with suppress(Stopped):
            live(open_manager(filesystem, root))
        check(root, filesystem.after_power_loss(), before, was_appended=False)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_operation_is_told_and_loses_nothing(disk: Path, code: int) -> None:
    before = untouched(disk)
    for fail_at in range(len(operations(disk))):
        root = disk / f"fail-{fail_at}"
        prepare(root)
        filesystem = FaultyFileSystem(root, fail_at=fail_at, fail_with=code)
        with suppress(KafkaError, StartupError, OSError):
            manager = open_manager(filesystem, root)
            log = manager.log(TP)
            assert log is not None
            with suppress(KafkaError, OSError):
                live(manager)
            if log.offline_reason is None:
                check_content(log, before)
        check(root, filesystem.after_kill(), before, was_appended=False)


def test_a_cleaning_that_was_given_up_leaves_nothing_that_a_later_swap_could_meet(
    disk: Path,
) -> None:
    """A forgotten `.cleaned` of a lower offset would make a restart drop a swap that is under way."""
    root = disk / "data-root"
    prepare(root)
    filesystem = FaultyFileSystem(root)
    manager = open_manager(filesystem, root)
    found = next_cleaning(manager, NOW_MS)
    assert found is not None
    _, cleaning = found
    cleaning.prepare()
    assert cleaning.next_group() is not None
    directory = cleaning.plan.directory
    assert list(directory.glob("*.cleaned"))
    clean(manager, NOW_MS)
    assert not list(directory.glob("*.cleaned"))


def test_the_checkpoint_says_up_to_where_the_log_is_clean(disk: Path) -> None:
    root = disk / "data-root"
    prepare(root)
    manager = open_manager(FaultyFileSystem(root), root)
    log = manager.log(TP)
    assert log is not None
    clean(manager, NOW_MS)
    active = log.segments.active.base_offset
    assert log.cleaned_offset == active
    text = (root / "data" / "cleaner-offset-checkpoint").read_text()
    assert text == f"0\n1\norders 0 {active}\n"
    manager.delete_log(TP)
    manager.create_log(TP, TOPIC_ID, CONFIG)
    assert (root / "data" / "cleaner-offset-checkpoint").read_text() == "0\n0\n"
