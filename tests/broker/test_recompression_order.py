"""Batches of one partition are appended in the order in which they came, however long each takes to be recompressed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import Record, build_batch, read_records

from kafkalite.broker.recompression import Recompressor
from kafkalite.clock import ManualClock
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.storage.log_config import LogConfig


class Workers:
    """Threads that finish when told to, in any order."""

    def __init__(self) -> None:
        self.running: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def submit(self, function: Callable[[], Any]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.running.append((function, done))
        return done

    def finish(self, index: int) -> None:
        function, done = self.running.pop(index)
        try:
            value = function()
        except Exception as error:
            done.fail(error)
        else:
            done.resolve(value)


class FakeLog:
    def __init__(self, codec: Compression | None) -> None:
        self.config = LogConfig(compression=codec)


class FakeReplica:
    def __init__(self, codec: Compression | None = Compression.ZSTD) -> None:
        self.log = FakeLog(codec)
        self.appended: list[bytes] = []

    def append(self, records: memoryview, now_ms: int, *, acks_all: bool) -> int:
        (record,) = read_records(RecordBatchView(records))
        assert record.value is not None
        self.appended.append(bytes(record.value))
        return len(self.appended)


def batch(value: bytes, codec: Compression = Compression.NONE) -> memoryview:
    return memoryview(build_batch([Record(0, 1, b"k", value)], compression=codec))


@pytest.fixture
def workers() -> Workers:
    return Workers()


@pytest.fixture
def recompressor(workers: Workers) -> Recompressor:
    return Recompressor(workers, ManualClock())


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=20), st.integers(0, 1000))
def test_each_partition_keeps_its_order(arrivals: list[tuple[int, bool]], seed: int) -> None:
    workers, chance = Workers(), random.Random(seed)
    recompressor = Recompressor(workers, ManualClock())
    replicas = [FakeReplica() for _ in range(3)]
    sent: list[list[bytes]] = [[] for _ in replicas]
    answers = []
    for number, (which, is_in_codec) in enumerate(arrivals):
        codec = Compression.ZSTD if is_in_codec else Compression.NONE
        value = b"%d" % number
        sent[which].append(value)
        records = batch(value, codec)
        if recompressor.concerns(replicas[which], records):
            answers.append(recompressor.append(replicas[which], records, acks_all=True))
        else:
            replicas[which].append(records, 0, acks_all=True)
        if workers.running and chance.random() < 0.4:
            workers.finish(chance.randrange(len(workers.running)))
    while workers.running:
        workers.finish(chance.randrange(len(workers.running)))
    assert [replica.appended for replica in replicas] == sent
    assert all(answer.done for answer in answers)
    assert not recompressor.queues


def test_few_are_recompressed_at_once(recompressor: Recompressor, workers: Workers) -> None:
    replica = FakeReplica()
    for number in range(50):
        recompressor.append(replica, batch(b"%d" % number), acks_all=False)
    assert len(workers.running) <= 4


def test_batch_that_is_refused_lets_the_others_pass(
    recompressor: Recompressor, workers: Workers
) -> None:
    replica = FakeReplica()
    damaged = batch(b"damaged")
    damaged[-1] ^= 1
    refused = recompressor.append(replica, damaged, acks_all=False)
    following = recompressor.append(replica, batch(b"good"), acks_all=False)
    workers.finish(1)
    assert not following.done
    workers.finish(0)
    with pytest.raises(KafkaError) as caught:
        refused.result()
    assert caught.value.code is ErrorCode.CORRUPT_MESSAGE
    assert replica.appended == [b"good"]


def test_the_buffer_may_be_used_again_at_once(recompressor: Recompressor, workers: Workers) -> None:
    replica = FakeReplica()
    records = batch(b"value")
    recompressor.append(replica, records, acks_all=False)
    records[:] = bytes(len(records))
    workers.finish(0)
    assert replica.appended == [b"value"]


def test_codec_taken_back_meanwhile_keeps_the_order(
    recompressor: Recompressor, workers: Workers
) -> None:
    replica = FakeReplica()
    recompressor.append(replica, batch(b"first"), acks_all=False)
    waiting = replica.log.config
    replica.log.config = LogConfig(compression=None)
    assert recompressor.concerns(replica, batch(b"second"))
    recompressor.append(replica, batch(b"second"), acks_all=False)
    replica.log.config = waiting
    workers.finish(0)
    assert replica.appended == [b"first", b"second"]
