"""Transactions through a whole broker, request by request, and what a stop between any two of its steps leaves to the next start."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from kafkalite_protocol.messages.add_partitions_to_txn import AddPartitionsToTxnRequest
from kafkalite_protocol.messages.describe_transactions import DescribeTransactionsRequest
from kafkalite_protocol.messages.end_txn import EndTxnRequest
from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest
from kafkalite_protocol.messages.init_producer_id import InitProducerIdRequest
from kafkalite_protocol.records import Record, build_batch

from kafkalite.broker.blocking import RunInline
from kafkalite.broker.broker import Broker, ListenerAddress
from kafkalite.broker.coordinator_ports import ReplicaWriter
from kafkalite.broker.handlers import (
    add_offsets_to_txn,
    add_partitions_to_txn,
    describe_transactions,
    end_txn,
    find_coordinator,
    init_producer_id,
)
from kafkalite.broker.request import ConnectionInfo, RequestContext
from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.coordination.transaction.records import encode
from kafkalite.coordination.transaction.store import TRANSACTION_STATE_TOPIC
from kafkalite.deferred import Deferred
from kafkalite.metadata.events import NewTopic
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.timer import TimerQueue
from kafkalite.types import TopicPartition

ID = "transfers"
ACCOUNTS = TopicPartition("accounts", 0)
TIMEOUT_MS = 60_000
CONNECTION = ConnectionInfo("PLAINTEXT", "127.0.0.1", 50_000, "127.0.0.1", 9092)


class Running:
    """A broker on a directory of its own; `again` is a restart, as after a kill."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.clock = ManualClock()
        self.broker = self._open()

    def _open(self) -> Broker:
        self.timer = TimerQueue(self.clock)
        settings = {"log.dirs": str(self._data), "transaction.state.log.num.partitions": "2"}
        broker = Broker(
            BrokerConfig(settings),
            listeners=[ListenerAddress("PLAINTEXT", "127.0.0.1", 9092, None, 9092)],
            clock=self.clock,
            timer=self.timer,
            filesystem=RealFileSystem(),
            rng=random.Random(1),
            blocking=RunInline(),
        )
        broker.open()
        broker.start()
        return broker

    def again(self) -> None:
        self.broker.logs.release()
        self.broker = self._open()
        self.timer.run_due()

    def ask(self, handler: Any, request: Any, version: int) -> Any:
        context = RequestContext(handler.API_KEY, version, 1, "test", CONNECTION, self.broker)
        answer = handler.handle(context, request)
        if isinstance(answer, Deferred):
            answer = answer.result()
        return type(answer).decode(version, answer.encode(version))

    def write(self, producer_id: int, epoch: int) -> None:
        """A transactional batch as it is in the log once it has been let in."""
        records = [Record(0, self.clock.now_ms(), b"k", b"v", [])]
        batch = build_batch(
            records,
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=0,
            transactional=True,
        )
        self.replica.append(memoryview(batch), self.clock.now_ms())

    @property
    def replica(self) -> Any:
        return self.broker.replicas.get(*ACCOUNTS)

    def state(self) -> tuple[str, int]:
        answer = self.ask(describe_transactions, DescribeTransactionsRequest([ID]), 0)
        (state,) = answer.transaction_states
        return state.transaction_state, state.producer_epoch


@pytest.fixture
def running(tmp_path):
    running = Running(tmp_path / "data")
    running.broker.control_plane.create_topics([NewTopic(ACCOUNTS.topic, 1, 1, configs={})])
    yield running
    running.broker.close()


def begun(running: Running, version: int = 3) -> tuple[int, int]:
    """A transaction with one record; its producer id and epoch."""
    running.ask(find_coordinator, FindCoordinatorRequest(ID, 1), 2)
    granted = running.ask(init_producer_id, InitProducerIdRequest(ID, TIMEOUT_MS), 4)
    assert granted.error_code == 0
    producer = granted.producer_id, granted.producer_epoch
    assert add(running, *producer, version) == ErrorCode.NONE
    running.write(*producer)
    return producer


def add(running: Running, producer_id: int, epoch: int, version: int) -> int:
    topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(ACCOUNTS.topic, [ACCOUNTS.partition])
    request = AddPartitionsToTxnRequest([], ID, producer_id, epoch, [topic])
    answer = running.ask(add_partitions_to_txn, request, version)
    code: int = answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
    return code


def test_coordinator_is_there_as_soon_as_it_has_been_asked_for(running):
    request = InitProducerIdRequest(ID, TIMEOUT_MS)
    before = running.ask(init_producer_id, request, 4)
    assert before.error_code == ErrorCode.NOT_COORDINATOR
    found = running.ask(find_coordinator, FindCoordinatorRequest(ID, 1), 2)
    assert (found.error_code, found.node_id) == (0, 1)
    topic = running.broker.image.topics[TRANSACTION_STATE_TOPIC]
    assert len(topic.partitions) == 2
    assert running.ask(init_producer_id, request, 4).error_code == ErrorCode.NONE


def test_record_can_be_read_by_committed_readers_when_the_transaction_has_ended(running):
    producer = begun(running)
    assert (running.replica.last_stable_offset, running.replica.high_watermark) == (0, 1)
    answer = running.ask(end_txn, EndTxnRequest(ID, *producer, True), 5)
    assert (answer.producer_id, answer.producer_epoch) == (producer[0], producer[1] + 1)
    assert (running.replica.last_stable_offset, running.replica.high_watermark) == (2, 2)
    assert running.state() == ("CompleteCommit", 1)


def test_open_transaction_goes_on_after_a_restart(running):
    producer = begun(running)
    running.again()
    assert running.state() == ("Ongoing", 0)
    assert running.replica.last_stable_offset == 0
    assert running.ask(end_txn, EndTxnRequest(ID, *producer, True), 4).error_code == 0
    assert running.replica.last_stable_offset == 2


@pytest.mark.parametrize("commit", [True, False])
def test_what_was_prepared_is_finished_by_the_next_start(running, commit):
    producer = begun(running)
    coordinator = running.broker.transaction_coordinator
    prepared = coordinator.find(ID).transaction.ending(commit, running.clock.now_ms(), 2)
    partition = TopicPartition(TRANSACTION_STATE_TOPIC, coordinator.partition_for(ID))
    writer = ReplicaWriter(running.broker.replicas, running.clock)
    writer.append(partition, [encode(ID, prepared, 2)])
    running.again()
    assert running.state() == ("CompleteCommit" if commit else "CompleteAbort", 1)
    assert running.replica.last_stable_offset == 2
    aborted = running.replica.log.aborted_transactions(0, 2)
    assert len(aborted) == (0 if commit else 1)
    # The producer that has missed the answer asks again
    answer = running.ask(end_txn, EndTxnRequest(ID, *producer, commit), 5)
    assert (answer.error_code, answer.producer_epoch) == (0, 1)


def test_markers_that_were_written_before_a_stop_are_no_harm_to_the_next_start(running):
    producer = begun(running)
    running.ask(end_txn, EndTxnRequest(ID, *producer, True), 5)
    coordinator = running.broker.transaction_coordinator
    complete = coordinator.find(ID).transaction
    open_again = complete._replace(
        state=complete.state.PREPARE_COMMIT, partitions=frozenset({ACCOUNTS})
    )
    partition = TopicPartition(TRANSACTION_STATE_TOPIC, coordinator.partition_for(ID))
    writer = ReplicaWriter(running.broker.replicas, running.clock)
    writer.append(partition, [encode(ID, open_again, 2)])
    running.again()
    assert running.state() == ("CompleteCommit", 1)
    assert running.replica.last_stable_offset == running.replica.high_watermark


def test_transaction_that_nobody_ends_is_aborted_when_its_timeout_has_passed(running):
    producer = begun(running)
    for _ in range(TIMEOUT_MS // 10_000 + 1):
        assert running.state()[0] == "Ongoing"
        running.clock.advance(10_000)
        running.timer.run_due()
    assert running.state() == ("CompleteAbort", 1)
    assert running.replica.last_stable_offset == 2
    late = running.ask(end_txn, EndTxnRequest(ID, *producer, True), 4)
    assert late.error_code == ErrorCode.PRODUCER_FENCED


def test_partition_of_a_deleted_topic_does_not_keep_a_transaction_from_ending(running):
    producer = begun(running)
    running.broker.control_plane.delete_topics([ACCOUNTS.topic])
    running.ask(end_txn, EndTxnRequest(ID, *producer, True), 4)
    assert running.state() == ("CompleteCommit", 0)


FENCED = {True: ErrorCode.PRODUCER_FENCED, False: ErrorCode.INVALID_PRODUCER_EPOCH}


@pytest.mark.parametrize("version", range(6))
def test_fenced_producer_is_told_so_in_the_words_of_its_version(running, version):
    producer_id, epoch = begun(running)
    older = (producer_id, epoch - 1)
    if version <= 3:
        assert add(running, *older, version) == FENCED[version >= 2]
    if version <= 4:
        offsets = AddOffsetsToTxnRequest(ID, *older, "group")
        answer = running.ask(add_offsets_to_txn, offsets, version)
        assert answer.error_code == FENCED[version >= 2]
    answer = running.ask(end_txn, EndTxnRequest(ID, *older, True), version)
    assert answer.error_code == FENCED[version >= 2]
    if version >= 3:
        request = InitProducerIdRequest(ID, TIMEOUT_MS, producer_id + 1, epoch)
        answer = running.ask(init_producer_id, request, version)
        assert answer.error_code == FENCED[version >= 4]


def test_offsets_of_a_group_make_its_partition_part_of_the_transaction(running):
    producer = begun(running)
    request = AddOffsetsToTxnRequest(ID, *producer, "group")
    assert running.ask(add_offsets_to_txn, request, 3).error_code == ErrorCode.NONE
    index = running.broker.group_coordinator.partition_for("group")
    found = running.broker.transaction_coordinator.find(ID)
    assert found is not None
    assert found.transaction.partitions == {ACCOUNTS, TopicPartition("__consumer_offsets", index)}


def test_of_two_transactions_with_one_id_in_a_request_the_first_counts(running):
    producer = begun(running)
    Transaction = AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction
    topic = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(ACCOUNTS.topic, [0])
    asked = [Transaction(ID, *producer, True, [topic]), Transaction(ID, 5, 0, True, [topic])]
    answer = running.ask(add_partitions_to_txn, AddPartitionsToTxnRequest(asked), 5)
    (result,) = answer.results_by_transaction
    assert result.topic_results[0].results_by_partition[0].partition_error_code == 0
    assert running.ask(add_partitions_to_txn, AddPartitionsToTxnRequest([]), 5) is not None
