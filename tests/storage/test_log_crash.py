"""A scripted history, stopped at each of its operations on the disk in turn; then a new process looks at what is left.

kill          everything that was acknowledged is there
power cut     everything that was flushed is there
both          nothing is there that was not sent; the log can be read, written, stopped and started again
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from kafkalite_protocol.record_batch import RecordBatchView

from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.errors import KafkaError, StartupError
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.log_manager import LogManager
from kafkalite.types import Offset, ProducerId
from tests.storage.faulty_filesystem import FaultyFileSystem, Stopped
from tests.storage.log_world import EPOCH, NOW_MS, TOPIC_ID, TP, all_batches, batch, read

PRODUCER = ProducerId(7)
CONFIG = LogConfig(segment_bytes=500, index_interval_bytes=100)


@dataclass
class Journal:
    """What the history was promised, in order."""

    sent: list[bytes] = field(default_factory=list)
    """Batches as the log has them; only the last one may be unanswered."""
    acknowledged: int = 0
    flushed: int = 0
    created: bool = False
    start_asked: int = 0
    start_flushed: int = 0


class History:
    """The script. Every step is written to the journal when it is answered."""

    def __init__(self, filesystem: FaultyFileSystem, root: Path, journal: Journal) -> None:
        self.journal = journal
        self.filesystem = filesystem
        self.root = root
        self.clock = ManualClock(NOW_MS)
        self.manager = open_manager(filesystem, root, self.clock)
        self.log: Log

    def run(self) -> None:
        self.create()
        self.append(1, 2, 3)
        self.flush()
        self.append(1, 1)
        self.append(2, producer_id=PRODUCER, sequence=0)
        self.checkpoint()
        self.append(5, 5, 5)
        self.log.roll()
        self.append(1, producer_id=PRODUCER, sequence=2)
        self.flush()
        self.append(4)
        self.delete_records(8)
        self.checkpoint()
        self.log.assign_epoch_start(EPOCH)
        self.append(3, 3, 3)
        self.flush()
        self.clock.advance(CONFIG.file_delete_delay_ms)
        self.purge()
        self.append(9)
        self.stop_and_start()
        self.append(2, producer_id=PRODUCER, sequence=3)
        self.append(6, 6)
        self.flush()
        self.append(1)
        self.stop_and_start()
        self.append(1)
        self.retain(retention_bytes=700)
        self.append(3)
        self.clock.advance(1000)
        self.retain(retention_ms=500)
        self.append(1)
        self.purge()

    def create(self) -> None:
        self.log = self.manager.create_log(TP, TOPIC_ID, CONFIG)
        self.journal.created = True

    def append(self, *sizes: int, producer_id: int = -1, sequence: int = -1) -> None:
        for size in sizes:
            epoch = 0 if producer_id >= 0 else -1
            records = batch(
                size,
                producer_id=producer_id,
                producer_epoch=epoch,
                sequence=sequence,
                value_bytes=20,
            )
            expected = bytearray(records)
            RecordBatchView(expected).stamp(self.log.log_end_offset, EPOCH)
            self.journal.sent.append(bytes(expected))
            self.log.append_as_leader(records, EPOCH, self.clock.now_ms())
            self.journal.acknowledged = len(self.journal.sent)

    def flush(self) -> None:
        self.log.flush()
        self.journal.flushed = self.journal.acknowledged

    def delete_records(self, offset: int) -> None:
        self.journal.start_asked = offset
        self.log.increment_log_start_offset(Offset(offset))

    def retain(self, **limits: int) -> None:
        """Which segments go is the business of other tests; here only that some do, and the old log start is no longer sure."""
        self.log.reconfigure(replace(CONFIG, **limits))
        before = self.log.log_start_offset
        self.journal.start_asked = self.log.log_end_offset
        assert self.log.delete_old_segments(self.log.log_end_offset, self.clock.now_ms(), 100)
        self.journal.start_asked = self.log.log_start_offset
        assert self.log.log_start_offset > before

    def checkpoint(self) -> None:
        self.manager.checkpoint_task()()
        self.journal.start_flushed = self.journal.start_asked

    def purge(self) -> None:
        for _ in range(2):
            task = self.manager.purge_task(self.clock.now_ms())
            if task is not None:
                task()
            self.clock.advance(CONFIG.file_delete_delay_ms)

    def stop_and_start(self) -> None:
        self.manager.close()
        self.filesystem._locked.clear()  # the lock goes with the process, of which there is one here
        self.journal.flushed = self.journal.acknowledged
        self.journal.start_flushed = self.journal.start_asked
        self.manager = open_manager(self.filesystem, self.root, self.clock)
        log = self.manager.log(TP)
        assert log is not None
        log.reconfigure(CONFIG)
        self.log = log


def open_manager(filesystem: FileSystem, root: Path, clock: ManualClock) -> LogManager:
    config = BrokerConfig({"log.dirs": str(root / "data")})
    manager = LogManager(config, filesystem=filesystem, clock=clock, rng=random.Random(0))
    manager.open()
    return manager


def operations_of_the_history(disk: Path) -> list[str]:
    root = disk / "whole"
    root.mkdir()
    filesystem = FaultyFileSystem(root)
    History(filesystem, root, Journal()).run()
    return filesystem.operations


def live_through(
    root: Path, stop_at: int, seed: int, survive: Callable[[FaultyFileSystem], FileSystem]
) -> tuple[Journal, FileSystem]:
    """The history up to an operation, and the file system afterwards."""
    root.mkdir()
    journal = Journal()
    filesystem = FaultyFileSystem(root, stop_at=stop_at, seed=seed)
    with suppress(Stopped):
        History(filesystem, root, journal).run()
    return journal, survive(filesystem)


def check(root: Path, filesystem: FileSystem, journal: Journal, promised: int) -> None:
    """The new process finds the first `promised` batches, and nothing that was not sent."""
    manager = open_manager(filesystem, root, ManualClock(NOW_MS))
    log = manager.log(TP)
    if log is None:
        assert promised == 0
        return
    check_content(log, journal, promised)
    log.reconfigure(CONFIG)
    end = log.log_end_offset
    log.append_as_leader(batch(2), EPOCH, NOW_MS)
    assert read(log, end)
    manager.close()
    again = open_manager(filesystem, root, ManualClock(NOW_MS)).log(TP)
    assert again is not None
    assert (again.log_start_offset, again.log_end_offset) == (log.log_start_offset, end + 2)
    again.append_as_leader(batch(1), EPOCH, NOW_MS)


def check_content(log: Log, journal: Journal, promised: int) -> None:
    start = log.log_start_offset
    assert journal.start_flushed <= start <= journal.start_asked
    sent = {
        each.base_offset: each
        for each in map(RecordBatchView, journal.sent)
        if each.last_offset >= start
    }
    found = all_batches(log)
    for each in found:
        assert bytes(each.view()) == bytes(sent[each.base_offset].view())
        assert read(log, each.last_offset).startswith(bytes(each.view()))
    promises = [RecordBatchView(data).base_offset for data in journal.sent[:promised]]
    assert {each.base_offset for each in found} >= {offset for offset in promises if offset in sent}
    # Unflushed batches may be lost before others survive, where a segment ends; as in Kafka.
    by_producer = [each.last_sequence for each in found if each.producer_id == PRODUCER]
    known = log.producer_state.active_producers.get(PRODUCER)
    if by_producer:
        assert known is not None
        assert known.last_sequence == by_producer[-1]


def test_the_history_does_all_that_it_is_meant_to(disk: Path) -> None:
    """Or stopping it everywhere would prove little."""
    operations = operations_of_the_history(disk)
    kinds = {operation.split()[0] for operation in operations}
    assert kinds >= {
        "append",
        "create",
        "fsync",
        "fsync-directory",
        "grow",
        "mkdir",
        "remove",
        "rename",
        "truncate",
    }
    assert len(operations) > 150
    assert any("leader-epoch-checkpoint" in each for each in operations)
    assert any(".snapshot" in each for each in operations)
    assert any(each.startswith("rename") and each.endswith(".deleted") for each in operations)


def test_everything_acknowledged_survives_a_kill_at_any_operation(disk: Path) -> None:
    count = len(operations_of_the_history(disk))
    for stop_at in range(count + 1):
        root = disk / f"kill-{stop_at}"
        journal, filesystem = live_through(root, stop_at, stop_at, FaultyFileSystem.after_kill)
        check(root, filesystem, journal, journal.acknowledged)


@pytest.mark.parametrize("seed", range(3))
def test_everything_flushed_survives_a_power_cut_at_any_operation(disk: Path, seed: int) -> None:
    count = len(operations_of_the_history(disk))
    for stop_at in range(count + 1):
        root = disk / f"cut-{stop_at}"
        journal, filesystem = live_through(root, stop_at, seed, FaultyFileSystem.after_power_loss)
        check(root, filesystem, journal, journal.flushed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3, 25))
def test_everything_flushed_survives_many_power_cuts(disk: Path, seed: int) -> None:
    test_everything_flushed_survives_a_power_cut_at_any_operation(disk, seed)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_operation_is_told_and_loses_nothing(disk: Path, code: int) -> None:
    """Whatever fails: the caller hears KafkaError or StartupError, and what was acknowledged is there after a restart."""
    count = len(operations_of_the_history(disk))
    for fail_at in range(count):
        root = disk / f"fail-{fail_at}"
        root.mkdir()
        journal = Journal()
        filesystem = FaultyFileSystem(root, fail_at=fail_at, fail_with=code)
        with suppress(KafkaError, StartupError, Stopped, OSError):
            History(filesystem, root, journal).run()
        check(root, filesystem.after_kill(), journal, journal.acknowledged)
