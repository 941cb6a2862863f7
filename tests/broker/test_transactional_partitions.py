"""Transactions in partitions: markers, what committed readers see, and what is asked before a batch opens one."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from kafkalite_protocol.control_records import (
    ControlRecordType,
    EndTransactionMarker,
    build_end_transaction_marker,
)
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.records import Record, build_batch

from kafkalite.broker.replica import Replica
from kafkalite.broker.transaction_verification import ClientSupport, TransactionVerifier
from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.coordination.transaction.coordinator import PartitionCodes, Producer
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.storage.log_config import LogConfig
from kafkalite.timer import TimerQueue
from kafkalite.types import BrokerId, Offset, ProducerId, TopicPartition
from tests.broker.test_flush_messages import LED_BY_US, Disk, Reader
from tests.storage.log_world import NOW_MS, batch, open_log

PRODUCER = Producer("t", ProducerId(7), 3)
EVERYTHING = 1 << 20


def transactional(count: int = 1, *, epoch: int = 3, sequence: int = 0) -> memoryview:
    return memoryview(
        build_batch(
            [Record(n, NOW_MS, b"k", b"v", []) for n in range(count)],
            producer_id=PRODUCER.producer_id,
            producer_epoch=epoch,
            base_sequence=sequence,
            transactional=True,
        )
    )


def end(
    replica: Replica,
    *,
    commit: bool = True,
    epoch: int = 3,
    coordinator_epoch: int = 0,
    transaction_version: int = 0,
) -> int:
    record_type = ControlRecordType.COMMIT if commit else ControlRecordType.ABORT
    marker = build_end_transaction_marker(
        EndTransactionMarker(record_type, coordinator_epoch),
        producer_id=PRODUCER.producer_id,
        producer_epoch=epoch,
        timestamp_ms=NOW_MS,
    )
    info = replica.append_marker(
        memoryview(marker),
        NOW_MS,
        coordinator_epoch=coordinator_epoch,
        transaction_version=transaction_version,
    )
    return info.base_offset


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def replica(tmp_path: Path, disk: Disk) -> Replica:
    return Replica(open_log(tmp_path / "log", LogConfig()), BrokerId(1), LED_BY_US, disk.flush)


def committed_batches(replica: Replica, offset: int = 0) -> tuple[int, list[tuple[Offset, Offset]]]:
    """Bytes that a committed reader gets, and the aborted transactions it is told of."""
    piece, aborted = replica.read_committed(Offset(offset), EVERYTHING, min_one_batch=True)
    found = [(each.first_offset, each.last_offset) for each in aborted]
    return (0 if piece is None else len(piece)), found


def test_committed_reader_stops_where_the_oldest_open_transaction_begins(replica: Replica) -> None:
    plain = replica.append(batch(2), NOW_MS)
    replica.append(transactional(3), NOW_MS)
    replica.append(batch(1), NOW_MS)
    assert (replica.last_stable_offset, replica.high_watermark) == (2, 6)
    assert committed_batches(replica) == (plain.size_bytes, [])
    assert committed_batches(replica, 2) == (0, [])
    assert end(replica) == 6
    assert replica.last_stable_offset == 7


def test_committed_reader_is_told_of_what_was_aborted_in_its_range_only(replica: Replica) -> None:
    replica.append(transactional(2), NOW_MS)
    end(replica, commit=False)
    replica.append(batch(2), NOW_MS)
    replica.append(transactional(1, sequence=2), NOW_MS)
    end(replica)
    assert committed_batches(replica)[1] == [(0, 2)]
    assert committed_batches(replica, 1)[1] == [(0, 2)]
    assert committed_batches(replica, 3)[1] == []


def test_reader_past_the_watermark_is_told_so_whatever_it_reads(replica: Replica) -> None:
    replica.append(transactional(1), NOW_MS)
    with pytest.raises(KafkaError) as caught:
        replica.read_committed(Offset(2), EVERYTHING, min_one_batch=True)
    assert caught.value.code is ErrorCode.OFFSET_OUT_OF_RANGE


def test_transaction_stays_undecided_until_its_marker_is_below_the_watermark(
    tmp_path: Path, disk: Disk
) -> None:
    log = open_log(tmp_path / "log", LogConfig(flush_messages=3))
    replica, reader = Replica(log, BrokerId(1), LED_BY_US, disk.flush), Reader()
    replica.append(transactional(2), NOW_MS)
    replica.watch(reader)
    end(replica)
    assert (replica.log.first_unstable_offset, replica.high_watermark) == (None, 2)
    assert replica.last_stable_offset == 0
    disk.finish()
    assert (replica.last_stable_offset, replica.high_watermark) == (3, 3)
    # All that the transaction held back, not the marker alone.
    assert reader.readable_bytes >= log.size_bytes


@pytest.mark.parametrize(
    ("marker", "code"),
    [
        ({"epoch": 2}, ErrorCode.INVALID_PRODUCER_EPOCH),
        ({"epoch": 3, "transaction_version": 2}, ErrorCode.INVALID_PRODUCER_EPOCH),
        ({"coordinator_epoch": 4}, ErrorCode.TRANSACTION_COORDINATOR_FENCED),
    ],
)
def test_marker_of_somebody_older_is_refused_and_leaves_no_trace(
    replica: Replica, marker: dict[str, int], code: ErrorCode
) -> None:
    replica.append(transactional(1), NOW_MS)
    end(replica, coordinator_epoch=5)
    replica.append(transactional(1, sequence=1), NOW_MS)
    with pytest.raises(KafkaError) as caught:
        end(replica, **({"coordinator_epoch": 5} | marker))  # type: ignore[arg-type]
    assert caught.value.code is code
    assert replica.log.log_end_offset == 3
    assert replica.last_stable_offset == 2


def test_marker_of_version_2_fences_the_epoch_it_ends(replica: Replica) -> None:
    replica.append(transactional(1), NOW_MS)
    end(replica, epoch=4, transaction_version=2)
    with pytest.raises(KafkaError) as caught:
        replica.append(transactional(1, sequence=1), NOW_MS)
    assert caught.value.code is ErrorCode.INVALID_PRODUCER_EPOCH


def test_open_transaction_is_still_open_after_the_log_was_opened_again(
    tmp_path: Path, disk: Disk
) -> None:
    first = Replica(open_log(tmp_path / "log", LogConfig()), BrokerId(1), LED_BY_US, disk.flush)
    first.append(batch(1), NOW_MS)
    first.append(transactional(2), NOW_MS)
    again = Replica(open_log(tmp_path / "log", LogConfig()), BrokerId(1), LED_BY_US, disk.flush)
    assert (again.last_stable_offset, again.high_watermark) == (1, 3)
    end(again, commit=False)
    assert committed_batches(again)[1] == [(1, 3)]


# What is asked


class Coordinator:
    """Answers from a list, the last answer again and again; remembers what it was asked."""

    def __init__(self, *answers: ErrorCode) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def _next(self, what: str, partitions: Collection[TopicPartition]) -> PartitionCodes:
        self.asked.append(what)
        code = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return dict.fromkeys(partitions, code)

    def verify_partitions(
        self, _: Producer, partitions: Collection[TopicPartition]
    ) -> PartitionCodes:
        return self._next("verify", partitions)

    def add_partitions(
        self, _: Producer, partitions: Collection[TopicPartition], version: int
    ) -> Deferred[PartitionCodes]:
        return resolved(self._next(f"add {version}", partitions))


class Asking:
    def __init__(self, *answers: ErrorCode, **settings: str) -> None:
        self.clock = ManualClock()
        self.timer = TimerQueue(self.clock)
        self.coordinator = Coordinator(*answers)
        config = BrokerConfig({key.replace("_", "."): value for key, value in settings.items()})
        self.verifier = TransactionVerifier(
            self.coordinator,  # type: ignore[arg-type]
            lambda: config,
            self.timer,
            self.clock,
        )

    def advance(self, delta_ms: int) -> None:
        for _ in range(delta_ms):
            self.clock.advance(1)
            self.timer.run_due()


def code_of(answer: Deferred[PartitionCodes], replica: Replica) -> ErrorCode:
    return answer.result().get(replica.topic_partition, ErrorCode.NONE)


@pytest.mark.parametrize(
    ("support", "asked"),
    [
        (ClientSupport.of_produce(3), "verify"),
        (ClientSupport.of_produce(11), "verify"),
        (ClientSupport.of_produce(12), "add 2"),
        (ClientSupport.of_offset_commit(4), "verify"),
        (ClientSupport.of_offset_commit(5), "add 2"),
    ],
)
def test_first_batch_is_asked_about_and_the_next_ones_are_not(
    replica: Replica, support: ClientSupport, asked: str
) -> None:
    world = Asking(ErrorCode.NONE)
    assert code_of(world.verifier.verify(PRODUCER, [replica], support), replica) == ErrorCode.NONE
    assert world.coordinator.asked == [asked]
    replica.append(transactional(1), NOW_MS)
    world.verifier.verify(PRODUCER, [replica], support)
    assert world.coordinator.asked == [asked]
    newer = PRODUCER._replace(epoch=4)
    world.verifier.verify(newer, [replica], support)
    assert world.coordinator.asked == [asked, asked]


@pytest.mark.parametrize(
    ("version", "found", "told"),
    [
        (10, ErrorCode.TRANSACTION_ABORTABLE, ErrorCode.INVALID_TXN_STATE),
        (11, ErrorCode.TRANSACTION_ABORTABLE, ErrorCode.TRANSACTION_ABORTABLE),
        (10, ErrorCode.PRODUCER_FENCED, ErrorCode.INVALID_PRODUCER_EPOCH),
        (12, ErrorCode.PRODUCER_FENCED, ErrorCode.INVALID_PRODUCER_EPOCH),
        (12, ErrorCode.INVALID_PRODUCER_ID_MAPPING, ErrorCode.INVALID_PRODUCER_ID_MAPPING),
    ],
)
def test_coordinators_codes_are_put_in_the_terms_of_the_client(
    replica: Replica, version: int, found: ErrorCode, told: ErrorCode
) -> None:
    support = ClientSupport.of_produce(version)
    answer = Asking(found).verifier.verify(PRODUCER, [replica], support)
    assert code_of(answer, replica) == told


def test_nobody_is_asked_where_verification_is_switched_off_but_adding_goes_on(
    replica: Replica,
) -> None:
    world = Asking(ErrorCode.NONE, transaction_partition_verification_enable="false")
    world.verifier.verify(PRODUCER, [replica], ClientSupport.of_produce(11))
    assert world.coordinator.asked == []
    world.verifier.verify(PRODUCER, [replica], ClientSupport.of_produce(12))
    assert world.coordinator.asked == ["add 2"]


def test_last_transaction_that_is_still_being_ended_is_waited_for(replica: Replica) -> None:
    concurrent = ErrorCode.CONCURRENT_TRANSACTIONS
    world = Asking(concurrent, concurrent, ErrorCode.NONE)
    support = ClientSupport.of_produce(12)
    answer = world.verifier.verify_patiently(PRODUCER, [replica], support)
    world.advance(39)
    assert not answer.done
    world.advance(1)
    assert code_of(answer, replica) == ErrorCode.NONE
    assert len(world.coordinator.asked) == 3


def test_patience_ends(replica: Replica) -> None:
    world = Asking(ErrorCode.CONCURRENT_TRANSACTIONS)
    support = ClientSupport.of_produce(12)
    answer = world.verifier.verify_patiently(PRODUCER, [replica], support)
    world.advance(100)
    assert code_of(answer, replica) == ErrorCode.CONCURRENT_TRANSACTIONS


def test_client_that_adds_partitions_itself_is_not_kept_waiting(replica: Replica) -> None:
    world = Asking(ErrorCode.CONCURRENT_TRANSACTIONS)
    support = ClientSupport.of_produce(11)
    answer = world.verifier.verify_patiently(PRODUCER, [replica], support)
    assert code_of(answer, replica) == ErrorCode.CONCURRENT_TRANSACTIONS


def test_batch_that_comes_after_the_end_of_its_transaction_is_refused(replica: Replica) -> None:
    world = Asking(ErrorCode.TRANSACTION_ABORTABLE)
    support = ClientSupport.of_produce(12)
    with pytest.raises(KafkaError) as caught:
        world.verifier.check_late(PRODUCER, replica, support)
    assert caught.value.code is ErrorCode.INVALID_TXN_STATE
    replica.append(transactional(1), NOW_MS)
    world.verifier.check_late(PRODUCER, replica, support)
