"""What must hold across deletion, re-creation and a kill."""

from __future__ import annotations

import random

import pytest
from kafkalite_protocol.records import Record, build_batch

from kafkalite.clock import SystemClock
from kafkalite.config import BrokerConfig
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.log_manager import LogManager
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.types import LeaderEpoch, Offset, TopicPartition, Uuid

ORDERS = TopicPartition("orders", 0)


@pytest.fixture
def start(tmp_path):
    """Opens the data as a new process would; what is not closed was killed."""
    opened: list[LogManager] = []

    def run() -> LogManager:
        for manager in opened:
            manager.release()
        manager = LogManager(
            BrokerConfig({"log.dirs": str(tmp_path / "data")}),
            filesystem=RealFileSystem(),
            clock=SystemClock(),
            rng=random.Random(1),
        )
        manager.open()
        opened.append(manager)
        return manager

    yield run
    for manager in opened:
        manager.release()


def append(log, count):
    for _ in range(count):
        batch = build_batch([Record(0, 1000, None, bytes(1000), [])])
        log.append_as_leader(memoryview(batch), LeaderEpoch(0), 1000)


def test_a_topic_made_anew_does_not_begin_where_the_deleted_one_had_been_cut(start):
    manager = start()
    log = manager.create_log(ORDERS, Uuid(b"a" * 16), LogConfig())
    append(log, 10)
    log.increment_log_start_offset(Offset(8))
    manager.checkpoint_task()()
    manager.delete_log(ORDERS)
    append(manager.create_log(ORDERS, Uuid(b"b" * 16), LogConfig()), 3)
    log = start().log(ORDERS)
    assert (log.log_start_offset, log.log_end_offset) == (0, 3)


def test_a_topic_made_anew_after_a_kill_does_not_begin_where_the_deleted_one_had_been_cut(start):
    manager = start()
    log = manager.create_log(ORDERS, Uuid(b"a" * 16), LogConfig())
    append(log, 10)
    log.increment_log_start_offset(Offset(8))
    manager.checkpoint_task()()
    manager.delete_log(ORDERS)
    append(start().create_log(ORDERS, Uuid(b"b" * 16), LogConfig()), 3)
    log = start().log(ORDERS)
    assert (log.log_start_offset, log.log_end_offset) == (0, 3)


def test_a_checkpoint_that_was_slow_does_not_overwrite_that_of_the_stop(start):
    manager = start()
    log = manager.create_log(ORDERS, Uuid(b"a" * 16), LogConfig())
    slow = manager.checkpoint_task()
    append(log, 10)
    manager.close()
    slow()
    log = start().log(ORDERS)
    assert (log.log_end_offset, log.recovery_point) == (10, 10)


def test_a_new_segment_makes_a_flush_due(start):
    manager = start()
    log = manager.create_log(ORDERS, Uuid(b"a" * 16), LogConfig(segment_bytes=5000))
    append(log, 4)
    assert manager.logs_to_flush(0) == []
    append(log, 1)
    assert manager.logs_to_flush(0) == [log]
    log.flush()
    assert manager.logs_to_flush(0) == []


def test_somebody_elses_directory_is_not_taken_for_a_deleted_partition(start, tmp_path):
    foreign = tmp_path / "data" / "photos-to-delete"
    deleted = tmp_path / "data" / f"orders-0.{'ab' * 16}-delete"
    for path in (foreign, deleted):
        path.mkdir(parents=True)
    start().purge_task(10**15)()
    assert foreign.exists()
    assert not deleted.exists()


def test_a_directory_that_only_sounds_like_a_partition_is_left_alone(start, tmp_path):
    for name in ("photos-2024", "orders-00", "empty-0"):
        (tmp_path / "data" / name).mkdir(parents=True)
    mine = tmp_path / "data" / "photos-2024" / "cat.jpg.tmp"
    mine.write_text("a cat")
    manager = start()
    assert [log.topic_partition for log in manager.logs()] == [("empty", 0)]
    assert mine.exists()


def test_a_log_put_aside_keeps_its_files_and_frees_its_name(start, tmp_path):
    manager = start()
    append(manager.create_log(ORDERS, Uuid(b"a" * 16), LogConfig()), 3)
    manager.put_aside(ORDERS)
    assert manager.log(ORDERS) is None
    assert manager.purge_task(10**15) is None
    manager.create_log(ORDERS, Uuid(b"b" * 16), LogConfig())
    manager = start()
    assert [log.topic_id for log in manager.logs()] == [b"b" * 16]
    (stray,) = (tmp_path / "data").glob("orders-0.*-stray")
    assert (stray / f"{0:020}.log").stat().st_size > 3000
