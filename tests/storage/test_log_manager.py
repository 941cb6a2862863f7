"""Data directories: who owns them, what is in them, and how they are left."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.errors import KafkaError, StartupError
from kafkalite.storage.checkpoints import read_offset_checkpoint
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.log_manager import LogManager
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.types import Offset, TopicPartition, Uuid
from tests.storage.faulty_filesystem import FaultyFileSystem
from tests.storage.log_world import EPOCH, NOW_MS, TOPIC_ID, TP, append, batch, ranges

OTHER = TopicPartition("a.b-c_D", 12)


def manager(
    *directories: Path,
    filesystem: FileSystem | None = None,
    clock: ManualClock | None = None,
    cluster_id: str | None = None,
    node_id: int = 1,
) -> LogManager:
    config = BrokerConfig(
        {"log.dirs": ",".join(map(str, directories)), "node.id": str(node_id)},
        cluster_id=cluster_id,
    )
    return LogManager(
        config,
        filesystem=filesystem or RealFileSystem(),
        clock=clock or ManualClock(NOW_MS),
        rng=random.Random(0),
    )


def opened(*directories: Path, **options: object) -> LogManager:
    made = manager(*directories, **options)  # type: ignore[arg-type]
    made.open()
    return made


def log_of(logs: LogManager, topic_partition: TopicPartition = TP) -> Log:
    log = logs.log(topic_partition)
    assert log is not None
    return log


# Whose it is


def test_first_start_writes_down_whose_the_directory_is_and_later_ones_read_it(
    tmp_path: Path,
) -> None:
    first = opened(tmp_path / "deep" / "data", node_id=3)
    ids = first.cluster_id, first.directory_id
    first.close()
    again = opened(tmp_path / "deep" / "data", node_id=3)
    assert (again.cluster_id, again.directory_id) == ids
    assert len(again.cluster_id) == 22
    assert not again.cluster_id.startswith("-")


def test_given_cluster_id_is_taken(tmp_path: Path) -> None:
    assert opened(tmp_path / "data", cluster_id="63AOvazvTXafeMgPXfseOw").cluster_id.startswith(
        "63AO"
    )


def test_directory_of_another_node_is_refused_with_what_to_do(tmp_path: Path) -> None:
    opened(tmp_path / "data", node_id=1).close()
    with pytest.raises(StartupError, match=r"belongs to node\.id 1, and this broker is 2"):
        manager(tmp_path / "data", node_id=2).open()
    opened(tmp_path / "data", node_id=1)  # and the lock was let go of


def test_directory_of_another_cluster_is_refused(tmp_path: Path) -> None:
    first = opened(tmp_path / "data")
    first.close()
    with pytest.raises(StartupError, match=first.cluster_id):
        manager(tmp_path / "data", cluster_id="63AOvazvTXafeMgPXfseOw").open()


def test_directories_of_one_broker_agree_on_the_cluster(tmp_path: Path) -> None:
    both = opened(tmp_path / "one", tmp_path / "two")
    both.close()
    opened(tmp_path / "two", tmp_path / "one", cluster_id=both.cluster_id)


_HOLD = """
import random, sys
from kafkalite.clock import SystemClock
from kafkalite.config import BrokerConfig
from kafkalite.storage.log_manager import LogManager
from kafkalite.storage.real_filesystem import RealFileSystem
logs = LogManager(BrokerConfig({"log.dirs": sys.argv[1]}), filesystem=RealFileSystem(), clock=SystemClock(), rng=random.Random(1))
logs.open()
print("open", flush=True)
sys.stdin.read()
"""


def test_second_broker_is_told_who_holds_the_directory_until_that_one_dies(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(
            StartupError, match=f"in use by the broker with pid {holder.pid}; stop it"
        ):
            manager(tmp_path / "data").open()
        holder.kill()
        holder.wait()
    opened(tmp_path / "data")


def test_directory_that_cannot_be_written_is_a_startup_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StartupError, match="check that it can be written to"):
        manager(tmp_path / "data" / "below").open()


# Logs


def test_logs_are_found_again_by_their_directories(tmp_path: Path) -> None:
    logs = opened(tmp_path / "data")
    append(logs.create_log(TP, TOPIC_ID, LogConfig()), batch(3))
    append(logs.create_log(OTHER, Uuid(bytes(16)[:-1] + b"\x07"), LogConfig()), batch(1))
    logs.close()
    logs = opened(tmp_path / "data")
    assert {log.topic_partition for log in logs.logs()} == {TP, OTHER}
    assert log_of(logs).topic_id == TOPIC_ID
    assert ranges(log_of(logs)) == [(0, 2)]
    assert log_of(logs, OTHER).log_end_offset == 1
    assert logs.log(TopicPartition("orders", 1)) is None


@pytest.mark.parametrize("clean", [True, False])
def test_clean_stop_is_marked_until_the_next_start_only(tmp_path: Path, clean: bool) -> None:
    logs = opened(tmp_path / "data")
    append(logs.create_log(TP, TOPIC_ID, LogConfig()), batch(3))
    marker = tmp_path / "data" / ".kafka_cleanshutdown"
    if clean:
        logs.close()
    else:
        logs.release()
    assert marker.exists() is clean
    logs = opened(tmp_path / "data")
    assert not marker.exists()
    assert log_of(logs).recovery_point == (3 if clean else 0)
    assert log_of(logs).log_end_offset == 3


def test_directory_with_a_log_that_is_out_of_order_is_not_marked_clean(tmp_path: Path) -> None:
    logs = opened(tmp_path / "data")
    log = logs.create_log(TP, TOPIC_ID, LogConfig())
    append(log, batch(3))
    log._go_offline(OSError(5, "Input/output error"))
    logs.close()
    assert not (tmp_path / "data" / ".kafka_cleanshutdown").exists()
    assert log_of(opened(tmp_path / "data")).log_end_offset == 3


def test_checkpoints_have_what_recovery_needs(tmp_path: Path) -> None:
    logs = opened(tmp_path / "data")
    log = logs.create_log(TP, TOPIC_ID, LogConfig())
    append(log, batch(3), batch(3))
    log.flush()
    append(log, batch(3))
    log.increment_log_start_offset(Offset(2))
    logs.checkpoint_task()()

    def checkpoint(name: str) -> dict[TopicPartition, Offset]:
        return read_offset_checkpoint(RealFileSystem(), tmp_path / "data" / name)

    assert checkpoint("recovery-point-offset-checkpoint") == {TP: 6}
    assert checkpoint("log-start-offset-checkpoint") == {TP: 2}
    assert checkpoint("replication-offset-checkpoint") == {TP: 9}
    logs.release()
    again = log_of(opened(tmp_path / "data"))
    assert (again.log_start_offset, again.recovery_point, again.log_end_offset) == (2, 6, 9)


def test_corrupt_checkpoint_costs_a_recovery_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logs = opened(tmp_path / "data")
    append(logs.create_log(TP, TOPIC_ID, LogConfig()), batch(3))
    logs.close()
    (tmp_path / "data" / "recovery-point-offset-checkpoint").write_text("nonsense")
    assert ranges(log_of(opened(tmp_path / "data"))) == [(0, 2)]
    assert "corrupt" in caplog.text


def test_deleted_log_is_gone_at_once_and_its_files_after_the_delay(tmp_path: Path) -> None:
    clock = ManualClock(NOW_MS)
    logs = opened(tmp_path / "data", clock=clock)
    log = logs.create_log(TP, TOPIC_ID, LogConfig(file_delete_delay_ms=1000))
    append(log, batch(3))
    logs.delete_log(TP)
    assert logs.log(TP) is None
    (left,) = (tmp_path / "data").glob("*-delete")
    assert left.name.startswith("orders-0.")
    assert logs.purge_task(clock.now_ms() + 999) is None
    task = logs.purge_task(clock.now_ms() + 1000)
    assert task is not None
    task()
    assert not left.exists()
    assert logs.create_log(TP, TOPIC_ID, LogConfig()).log_end_offset == 0


def test_what_was_deleted_before_a_stop_is_removed_after_the_start(tmp_path: Path) -> None:
    logs = opened(tmp_path / "data")
    logs.create_log(TP, TOPIC_ID, LogConfig())
    logs.delete_log(TP)
    logs.close()
    logs = opened(tmp_path / "data")
    assert logs.log(TP) is None
    task = logs.purge_task(NOW_MS)
    assert task is not None
    task()
    assert not list((tmp_path / "data").glob("*-delete"))


def test_files_of_deleted_segments_go_after_the_delay(tmp_path: Path) -> None:
    logs = opened(tmp_path / "data")
    log = logs.create_log(TP, TOPIC_ID, LogConfig(segment_bytes=1, file_delete_delay_ms=1000))
    append(log, batch(3), batch(3))
    log.increment_log_start_offset(Offset(3))
    assert list(log.directory.glob("*.deleted"))
    assert logs.purge_task(NOW_MS) is None
    task = logs.purge_task(NOW_MS + 1000)
    assert task is not None
    task()
    assert not list(log.directory.glob("*.deleted"))


def test_segment_files_of_a_log_deleted_meanwhile_are_nobodys_trouble(tmp_path: Path) -> None:
    logs = opened(tmp_path / "data")
    log = logs.create_log(TP, TOPIC_ID, LogConfig(segment_bytes=1, file_delete_delay_ms=0))
    append(log, batch(3), batch(3))
    log.increment_log_start_offset(Offset(3))
    task = logs.purge_task(NOW_MS)
    logs.delete_log(TP)
    assert task is not None
    task()


def test_longest_topic_name_can_be_deleted(tmp_path: Path) -> None:
    logs = opened(tmp_path / "data")
    longest = TopicPartition("t" * 249, 0)
    logs.create_log(longest, TOPIC_ID, LogConfig())
    logs.delete_log(longest)
    assert list((tmp_path / "data").glob("*-delete"))


def test_new_logs_go_where_there_are_fewest(tmp_path: Path) -> None:
    logs = opened(tmp_path / "one", tmp_path / "two")
    for partition in range(4):
        logs.create_log(TopicPartition("t", partition), TOPIC_ID, LogConfig())
    assert (
        len(list((tmp_path / "one").glob("t-*"))) == len(list((tmp_path / "two").glob("t-*"))) == 2
    )


def test_log_in_two_directories_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "one", tmp_path / "two").close()
    for directory in ("one", "two"):
        (tmp_path / directory / "orders-0").mkdir()
    with pytest.raises(StartupError, match="orders-0 is in two data directories"):
        manager(tmp_path / "one", tmp_path / "two").open()


def test_foreign_files_and_directories_are_left_alone(tmp_path: Path) -> None:
    opened(tmp_path / "data").close()
    for name in ("lost+found", "orders-0-stray", "notes", "orders-x"):
        (tmp_path / "data" / name).mkdir()
    (tmp_path / "data" / "orders-1").write_text("a file of that name")
    logs = opened(tmp_path / "data")
    assert list(logs.logs()) == []
    assert (tmp_path / "data" / "orders-0-stray").exists()


def test_log_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    logs = opened(tmp_path / "data")
    (tmp_path / "data" / "orders-0").write_text("in the way")
    with pytest.raises(KafkaError, match="orders-0 could not be made"):
        logs.create_log(TP, TOPIC_ID, LogConfig())
    assert logs.log(TP) is None


def test_log_that_failed_halfway_can_be_made_later(tmp_path: Path) -> None:
    filesystem = FaultyFileSystem(tmp_path)
    logs = opened(tmp_path / "data", filesystem=filesystem)
    before = len(filesystem.operations)
    logs.create_log(OTHER, TOPIC_ID, LogConfig())
    for failing in range(len(filesystem.operations) - before):
        filesystem._fail_at = len(filesystem.operations) + failing
        filesystem._fail_with = errno.ENOSPC
        name = TopicPartition("t", failing)
        with pytest.raises(KafkaError, match="No space left"):
            logs.create_log(name, TOPIC_ID, LogConfig())
        assert logs.create_log(name, TOPIC_ID, LogConfig()).log_end_offset == 0


def test_many_partitions_live_within_few_descriptors(tmp_path: Path) -> None:
    filesystem = RealFileSystem(open_files_max=10)
    logs = opened(tmp_path / "data", filesystem=filesystem)
    every = [
        logs.create_log(TopicPartition("t", partition), TOPIC_ID, LogConfig(index_interval_bytes=1))
        for partition in range(30)
    ]
    for _ in range(3):
        for log in every:
            append(log, batch(2))
    assert len(filesystem.descriptors) <= 10
    assert all(ranges(log) == [(0, 1), (2, 3), (4, 5)] for log in every)
    logs.close()
    again = opened(tmp_path / "data", filesystem=RealFileSystem(open_files_max=10))
    for log in again.logs():
        log.append_as_leader(batch(1), EPOCH, NOW_MS)
        assert log.log_end_offset == 7
