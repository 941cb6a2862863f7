"""Whole transactions by hand, where every append has to wait for the disk, and where batches are compressed anew."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from kafkalite_compat.differential.requests.records import (
    batch_of,
    fetch,
    list_offsets,
    part,
    produce,
)
from kafkalite_compat.differential.requests.transactions import Writer
from kafkalite_compat.differential.side import Side
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.end_txn import EndTxnRequest
from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest
from kafkalite_protocol.messages.offset_fetch import OffsetFetchRequest
from kafkalite_protocol.messages.txn_offset_commit import TxnOffsetCommitRequest

from kafkalite.clock import SystemClock
from tests.broker_in_thread import running_broker

READ_COMMITTED = 1


@pytest.fixture(scope="module", params=["0", "1"], ids=["at once", "every append waits"])
def side(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Side]:
    settings = {"log_flush_interval_messages": request.param} if request.param == "1" else {}
    data = tmp_path_factory.mktemp("transactions") / "data"
    with (
        running_broker(data, **settings) as server,
        closing(Side(server.bootstrap_servers)) as side,
    ):
        yield side


@pytest.fixture
def name() -> str:
    return f"transactions-{uuid.uuid4().hex[:8]}"


def batch(writer: Writer, sequence: int, count: int = 1) -> bytes:
    return batch_of(
        *[b"value " * 50] * count,
        producer_id=writer.producer_id,
        producer_epoch=writer.epoch,
        base_sequence=sequence,
        transactional=True,
        timestamp_ms=SystemClock().now_ms(),  # as of the markers: a segment holds records of a week
    )


def send(writer: Writer, topic: str, sequence: int, count: int = 1, version: int = 12) -> int:
    request = produce((topic, 0, batch(writer, sequence, count)), transactional_id=writer.name)
    answer = writer.side.client.ask(request, version)
    return int(answer.responses[0].partition_responses[0].error_code)


def ends_of(side: Side, topic: str) -> tuple[int, int]:
    """Where readers of committed records and of all find the end."""
    ends = []
    for level in (READ_COMMITTED, 0):
        request = list_offsets(topic, (0, -1), isolation_level=level)
        request.replica_id = -1
        ends.append(side.client.ask(request, 7).topics[0].partitions[0].offset)
    return ends[0], ends[1]


def aborted_in(side: Side, topic: str) -> list[int]:
    answer = side.client.ask(fetch((topic, part()), isolation_level=READ_COMMITTED), 12)
    found = answer.responses[0].partitions[0].aborted_transactions
    return [each.first_offset for each in found]


@pytest.mark.parametrize("codec", ["producer", "gzip"])
def test_transactions_of_version_2_one_after_the_other(side: Side, name: str, codec: str) -> None:
    topic = side.new_topic(name, compression_type=codec)
    writer = Writer(side, name).open()
    for number, commit in enumerate((True, False, True)):
        assert send(writer, topic, 0, 2) == ErrorCode.NONE
        assert send(writer, topic, 2, 1) == ErrorCode.NONE
        assert ends_of(side, topic) == (4 * number, 4 * number + 3)
        writer.end("end", commit, 5)
        assert ends_of(side, topic) == (4 * number + 4, 4 * number + 4)
    assert aborted_in(side, topic) == [4]


@pytest.mark.parametrize("codec", ["producer", "gzip"])
def test_transactions_of_version_1_have_their_partitions_added_first(
    side: Side, name: str, codec: str
) -> None:
    topic = side.new_topic(name, compression_type=codec)
    writer = Writer(side, name).open()
    assert send(writer, topic, 0, version=11) == ErrorCode.TRANSACTION_ABORTABLE
    writer.add("add", (topic, 0))
    assert send(writer, topic, 0, version=11) == ErrorCode.NONE
    writer.end("end", False, 4)
    assert ends_of(side, topic) == (2, 2)
    assert aborted_in(side, topic) == [0]


def test_next_transaction_may_begin_before_the_last_one_is_ended_everywhere(
    side: Side, name: str
) -> None:
    """The client is answered as soon as the end is certain; its next batch comes while markers are being written."""
    topic = side.new_topic(name)
    writer = Writer(side, name).open()
    client = side.client
    for number in range(5):
        assert send(writer, topic, 0) == ErrorCode.NONE
        ended = client.ask(EndTxnRequest(name, writer.producer_id, writer.epoch, True), 5)
        assert ended.error_code == ErrorCode.NONE
        writer.producer_id, writer.epoch = ended.producer_id, ended.producer_epoch
        assert ends_of(side, topic)[1] <= 2 * number + 2
    writer.settle()
    assert ends_of(side, topic) == (10, 10)


def test_offsets_wait_for_the_end_of_the_transaction(side: Side, name: str) -> None:
    topic = side.new_topic(name)
    writer = Writer(side, name).open()
    side.client.ask(FindCoordinatorRequest(name, 0), 2)

    def commit(offset: int) -> int:
        partition = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(0, offset, -1, "")
        topics = [TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(topic, [partition])]
        request = TxnOffsetCommitRequest(
            name, name, writer.producer_id, writer.epoch, topics=topics
        )
        answer = side.client.ask(request, 5)
        return int(answer.topics[0].partitions[0].error_code)

    def committed(*, require_stable: bool = False) -> tuple[int, int]:
        topics = [OffsetFetchRequest.OffsetFetchRequestTopics(topic, partition_indexes=[0])]
        group = OffsetFetchRequest.OffsetFetchRequestGroup(name, topics=topics)
        request = OffsetFetchRequest(groups=[group], require_stable=require_stable)
        found = side.client.ask(request, 8).groups[0].topics[0].partitions[0]
        return found.error_code, found.committed_offset

    assert commit(5) == ErrorCode.NONE
    assert committed() == (ErrorCode.NONE, -1)
    assert committed(require_stable=True) == (ErrorCode.UNSTABLE_OFFSET_COMMIT, -1)
    writer.end("commit", True, 5)
    assert committed(require_stable=True) == (ErrorCode.NONE, 5)
    assert commit(9) == ErrorCode.NONE
    writer.end("abort", False, 5)
    assert committed(require_stable=True) == (ErrorCode.NONE, 5)
