"""flush.messages: what is not flushed is neither shown to consumers nor acknowledged, and the loop does not wait for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafkalite_compat.differential.requests.records import batch_of, fetch, part, produce
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.replica import Replica
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import PartitionImage
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.types import BrokerId, LeaderEpoch, Offset
from tests.storage.log_world import NOW_MS, batch, open_log

LED_BY_US = PartitionImage(
    leader=BrokerId(1),
    leader_epoch=LeaderEpoch(0),
    replicas=(BrokerId(1),),
    isr=(BrokerId(1),),
    partition_epoch=0,
)


class Disk:
    """Flushes when told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Log, object, Deferred[None]]] = []

    def flush(self, log: Log) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self.waiting.append((log, log.flush_task(), done))
        return done

    def finish(self) -> None:
        log, task, done = self.waiting.pop(0)
        task.run()
        log.flushed(task)
        done.resolve(None)

    def fail(self) -> None:
        self.waiting.pop(0)[2].fail(OSError("broken"))


class Reader:
    def __init__(self) -> None:
        self.readable_bytes = 0

    def on_readable(self, size_bytes: int) -> None:
        self.readable_bytes += size_bytes

    def on_replica_changed(self) -> None:
        raise AssertionError("nothing changes")


@pytest.fixture
def disk() -> Disk:
    return Disk()


def replica_of(tmp_path: Path, disk: Disk, flush_messages: int) -> Replica:
    log = open_log(tmp_path / "log", LogConfig(flush_messages=flush_messages))
    return Replica(log, BrokerId(1), LED_BY_US, disk.flush)


def test_watermark_waits_for_the_flush(tmp_path: Path, disk: Disk) -> None:
    replica, reader = replica_of(tmp_path, disk, 3), Reader()
    replica.watch(reader)
    first = replica.append(batch(2), NOW_MS)
    assert (replica.high_watermark, disk.waiting) == (2, [])
    second = replica.append(batch(1), NOW_MS)
    committed = replica.wait_for_high_watermark(Offset(3))
    assert (replica.high_watermark, replica.is_flushing) == (2, True)
    assert reader.readable_bytes == first.size_bytes
    disk.finish()
    assert replica.high_watermark == 3
    assert committed is not None
    assert committed.done
    assert reader.readable_bytes == first.size_bytes + second.size_bytes
    assert not replica.is_flushing


def test_what_comes_during_a_flush_is_flushed_by_the_next(tmp_path: Path, disk: Disk) -> None:
    replica = replica_of(tmp_path, disk, 1)
    replica.append(batch(1), NOW_MS)
    replica.append(batch(1), NOW_MS)
    replica.append(batch(1), NOW_MS)
    assert len(disk.waiting) == 1
    disk.finish()
    assert replica.high_watermark == 0
    assert len(disk.waiting) == 1
    disk.finish()
    assert replica.high_watermark == 3
    assert disk.waiting == []


def test_failed_flush_is_told_to_those_who_wait(tmp_path: Path, disk: Disk) -> None:
    replica = replica_of(tmp_path, disk, 1)
    replica.append(batch(1), NOW_MS)
    committed = replica.wait_for_high_watermark(Offset(1))
    disk.fail()
    assert committed is not None
    with pytest.raises(KafkaError) as caught:
        committed.result()
    assert caught.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    assert replica.high_watermark == 0


def test_partition_removed_while_it_is_flushed_stays_removed(tmp_path: Path, disk: Disk) -> None:
    replica = replica_of(tmp_path, disk, 1)
    replica.append(batch(1), NOW_MS)
    replica.removed()
    disk.finish()
    assert replica.high_watermark == 0


@pytest.mark.parametrize("acks", [1, -1])
def test_produce_is_answered_and_read_back(client, new_topic, acks):
    topic = new_topic(flush_messages="1")
    for number in range(3):
        answer = client.ask(produce((topic, 0, batch_of(b"v")), acks=acks), 9)
        (stored,) = answer.responses[0].partition_responses
        assert (stored.error_code, stored.base_offset) == (0, number)
        read = client.ask(fetch((topic, part(offset=number))), 11).responses[0].partitions[0]
        assert read.high_watermark == number + 1
