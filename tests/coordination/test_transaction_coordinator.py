"""The transaction coordinator, case by case; what Kafka answers to each is compared by `kafkalite-compat differential`."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.list_transactions import ListTransactionsRequest

from kafkalite.coordination.transaction import decisions
from kafkalite.coordination.transaction.coordinator import Producer, TransactionConfig
from kafkalite.coordination.transaction.describe import describe, list_transactions
from kafkalite.coordination.transaction.expiry import TOMBSTONES_PER_BATCH_MAX
from kafkalite.coordination.transaction.markers import RETRY_MS
from kafkalite.coordination.transaction.records import encode
from kafkalite.coordination.transaction.states import TransactionState
from kafkalite.coordination.transaction.transaction import (
    EPOCH_MAX,
    ProducerIdAndEpoch,
    Transaction,
)
from kafkalite.errors import KafkaError
from kafkalite.types import ProducerId
from tests.coordination.transaction_world import PARTITIONS, TransactionWorld

ONE, TWO, THREE = PARTITIONS
ID = "transfers"
TIMEOUT_MS = 60_000


@pytest.fixture
def world() -> TransactionWorld:
    return TransactionWorld()


def code_of(done: Any) -> ErrorCode:
    """What a Deferred of the coordinator came to."""
    assert done.done, "nobody has answered"
    try:
        value = done.result()
    except KafkaError as error:
        return error.code
    return next(iter(value.values())) if isinstance(value, dict) else ErrorCode.NONE


def init(world: TransactionWorld, **fields: Any) -> Any:
    return world.coordinator.init_producer_id(ID, TIMEOUT_MS, fields.get("expected"))


def given(world: TransactionWorld, **fields: Any) -> Producer:
    return Producer(ID, *init(world, **fields).result())


def add(world: TransactionWorld, producer: Producer, *partitions: Any, version: int = 2) -> Any:
    return world.coordinator.add_partitions(producer, partitions or [ONE], version)


def end(world: TransactionWorld, producer: Producer, commit: bool = True, version: int = 2) -> Any:
    return world.coordinator.end_transaction(producer, commit, version)


def now(world: TransactionWorld) -> Transaction:
    entry = world.coordinator.find(ID)
    assert entry is not None
    return entry.transaction


def test_every_state_that_leads_on_is_one_that_another_names_as_valid_before_it():
    reachable = {
        (each.state, after.state) for each in some_transactions() for after in what_may_follow(each)
    }
    named = {
        (before, state)
        for state in TransactionState
        for before in state.valid_previous
        if state not in (TransactionState.DEAD, TransactionState.PREPARE_EPOCH_FENCE)
    }
    assert reachable == named


def some_transactions() -> list[Transaction]:
    old = Transaction.new(ProducerId(1), 1, 0)._replace(producer_epoch=3)
    return [old._replace(state=state) for state in TransactionState]


def what_may_follow(transaction: Transaction) -> list[Transaction]:
    """Every change that can be made of it."""
    changes = [
        lambda: transaction.with_next_epoch(1, None, 0),
        lambda: transaction.with_producer_id(ProducerId(2), 1, 0, same_producer=True),
        lambda: transaction.with_partitions([ONE], 0, 2),
        lambda: transaction.ending(True, 0, 2),
        lambda: transaction.ending(False, 0, 2),
        lambda: transaction.fenced(0, 1, ProducerId(2)),
        lambda: transaction.completed(0),
    ]
    followers = []
    for change in changes:
        try:
            followers.append(change())
        except AssertionError:
            continue
    return followers


# InitProducerId


def test_first_epoch_is_0_and_each_initialization_gives_the_next(world):
    first = given(world)
    assert first.epoch == 0
    assert given(world) == first._replace(epoch=1)


def test_nothing_is_answered_before_it_is_committed_and_nobody_else_is_served_meanwhile():
    world = TransactionWorld(hold=True)
    waiting = init(world)
    assert not waiting.done
    assert code_of(init(world)) == ErrorCode.CONCURRENT_TRANSACTIONS
    world.log.commit_next()
    assert waiting.result().epoch == 0


def test_id_that_never_got_into_the_log_is_forgotten(world):
    world.log.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS
    assert code_of(init(world)) == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert world.coordinator.find(ID) is None
    world.log.refuse_with = None
    assert given(world).epoch == 0


def test_producer_that_missed_the_answer_is_told_it_again(world):
    first = given(world)
    second = given(world, expected=first.id_and_epoch)
    assert given(world, expected=first.id_and_epoch) == second
    assert given(world, expected=second.id_and_epoch).epoch == second.epoch + 1


def test_producer_that_was_replaced_is_fenced(world):
    first = given(world)
    given(world)
    assert code_of(init(world, expected=first.id_and_epoch)) == ErrorCode.PRODUCER_FENCED
    stranger = ProducerIdAndEpoch(ProducerId(5), 0)
    assert code_of(init(world, expected=stranger)) == ErrorCode.PRODUCER_FENCED


def test_new_id_takes_a_producer_that_knows_another_one(world):
    expected = ProducerIdAndEpoch(ProducerId(5), 7)
    assert given(world, expected=expected).producer_id != 5


@pytest.mark.parametrize("transaction_version", [1, 2])
def test_open_transaction_is_aborted_before_a_new_producer_is_let_in(transaction_version):
    world = TransactionWorld(transaction_version=transaction_version)
    first = given(world)
    add(world, first)
    assert code_of(init(world)) == ErrorCode.CONCURRENT_TRANSACTIONS
    (marker,) = world.markers.sent
    assert (marker.commit, marker.producer_epoch, marker.partitions) == (False, 1, (ONE,))
    assert marker.transaction_version == (2 if transaction_version == 2 else 0)
    assert given(world).epoch == 2
    assert code_of(add(world, first)) == ErrorCode.PRODUCER_FENCED


@pytest.mark.parametrize(("transaction_version", "knows"), [(1, False), (2, True)])
def test_epoch_of_an_unasked_abort_is_told_to_its_producer_under_version_2_only(
    transaction_version, knows
):
    world = TransactionWorld(transaction_version=transaction_version)
    first = given(world)
    add(world, first)
    assert code_of(init(world, expected=first.id_and_epoch)) == ErrorCode.CONCURRENT_TRANSACTIONS
    again = init(world, expected=first.id_and_epoch)
    if knows:
        assert again.result() == (first.producer_id, 1)
    else:
        assert code_of(again) == ErrorCode.PRODUCER_FENCED


@pytest.mark.parametrize("timeout_ms", [0, -1, 900_001])
def test_timeout_must_be_within_bounds(world, timeout_ms):
    done = world.coordinator.init_producer_id(ID, timeout_ms, None)
    assert code_of(done) == ErrorCode.INVALID_TRANSACTION_TIMEOUT


def test_empty_id_is_an_invalid_request(world):
    nobody = Producer("", ProducerId(1), 0)
    assert code_of(world.coordinator.init_producer_id("", 1, None)) == ErrorCode.INVALID_REQUEST
    assert code_of(add(world, nobody)) == ErrorCode.INVALID_REQUEST
    assert code_of(end(world, nobody)) == ErrorCode.INVALID_REQUEST
    assert set(world.coordinator.verify_partitions(nobody, [ONE]).values()) == {
        ErrorCode.INVALID_REQUEST
    }


def at_epoch(world: TransactionWorld, epoch: int) -> Producer:
    """The id as if it had been initialized this often."""
    old = Transaction.new(ProducerId(7), TIMEOUT_MS, world.clock.now_ms())
    world.log.committed.append(encode(ID, old._replace(producer_epoch=epoch), 2))
    world.crash()
    return Producer(ID, ProducerId(7), epoch)


def test_after_the_last_epoch_comes_a_new_producer_id(world):
    last = given_last = at_epoch(world, EPOCH_MAX - 1)
    rotated = given(world, expected=last.id_and_epoch)
    assert rotated.producer_id != 7
    assert rotated.epoch == 0
    # The answer was missed: the last epoch of the id before is still known
    assert code_of(init(world, expected=given_last.id_and_epoch)) == ErrorCode.NONE


def test_commit_with_the_last_epoch_gives_a_new_producer_id_also_to_who_asks_again(world):
    last = at_epoch(world, EPOCH_MAX - 1)
    add(world, last)
    following = end(world, last).result()
    assert following.epoch == 0
    assert following.producer_id != 7
    assert world.markers.sent[0].producer_epoch == EPOCH_MAX
    assert world.markers.sent[0].producer_id == 7
    assert end(world, last).result() == following
    assert code_of(end(world, last, commit=False)) == ErrorCode.INVALID_TXN_STATE


# Partitions


def test_partitions_begin_a_transaction_and_are_written_down_once(world):
    producer = given(world)
    add(world, producer, ONE)
    add(world, producer, TWO)
    records = len(world.log.committed)
    assert code_of(add(world, producer, ONE, TWO)) == ErrorCode.NONE
    assert len(world.log.committed) == records
    assert now(world).partitions == {ONE, TWO}
    assert now(world).start_ms == world.clock.now_ms()


def test_verification_tells_what_is_in_the_transaction_and_changes_nothing(world):
    producer = given(world)
    verify = world.coordinator.verify_partitions
    assert verify(producer, [ONE]) == {ONE: ErrorCode.TRANSACTION_ABORTABLE}
    add(world, producer, ONE)
    records = len(world.log.committed)
    assert verify(producer, [ONE, TWO]) == {
        ONE: ErrorCode.NONE,
        TWO: ErrorCode.TRANSACTION_ABORTABLE,
    }
    later = producer._replace(epoch=producer.epoch + 1)
    assert verify(later, [ONE]) == {ONE: ErrorCode.PRODUCER_FENCED}
    stranger = producer._replace(producer_id=ProducerId(5))
    assert verify(stranger, [ONE]) == {ONE: ErrorCode.INVALID_PRODUCER_ID_MAPPING}
    nobody = producer._replace(transactional_id="nobody")
    assert verify(nobody, [ONE]) == {ONE: ErrorCode.INVALID_PRODUCER_ID_MAPPING}
    assert len(world.log.committed) == records


def test_failing_append_leaves_the_transaction_as_it_was(world):
    producer = given(world)
    world.log.refuse_with = ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert code_of(add(world, producer)) == ErrorCode.NOT_COORDINATOR
    world.log.refuse_with = None
    assert now(world).state == TransactionState.EMPTY
    assert code_of(add(world, producer)) == ErrorCode.NONE


def test_append_that_is_lost_after_it_was_taken_takes_the_partition_out_of_service():
    world = TransactionWorld(hold=True)
    waiting = init(world)
    world.log.fail_next(ErrorCode.KAFKA_STORAGE_ERROR)
    assert code_of(waiting) == ErrorCode.NOT_COORDINATOR
    assert code_of(init(world)) == ErrorCode.NOT_COORDINATOR
    assert not world.coordinator.is_loaded(0)


# EndTxn


@pytest.mark.parametrize(("version", "commit"), list(product((0, 2), (True, False))))
def test_end_writes_a_marker_to_each_partition_and_only_then_is_complete(version, commit):
    world = TransactionWorld(hold=True)
    waiting = init(world)
    world.log.commit_next()
    producer = Producer(ID, *waiting.result())
    add(world, producer, ONE, TWO, version=version)
    world.log.commit_next()
    ended = end(world, producer, commit, version)
    assert not ended.done
    assert not world.markers.held
    world.log.commit_next()
    epoch = 1 if version == 2 else 0
    assert ended.result() == (producer.producer_id, epoch)
    (held,) = world.markers.held
    assert (held.marker.commit, held.marker.producer_epoch) == (commit, epoch)
    following = producer._replace(epoch=epoch)
    for tp in (ONE, TWO):
        assert code_of(add(world, following)) == ErrorCode.CONCURRENT_TRANSACTIONS
        assert code_of(init(world)) == ErrorCode.CONCURRENT_TRANSACTIONS
        world.markers.deliver(held, tp)
    assert now(world).state.is_preparing
    world.log.commit_next()
    complete = TransactionState.COMPLETE_COMMIT if commit else TransactionState.COMPLETE_ABORT
    assert now(world).state == complete
    assert now(world).partitions == frozenset()


NONE, ITS, FENCED = ErrorCode.NONE, ErrorCode.INVALID_TXN_STATE, ErrorCode.PRODUCER_FENCED
EMPTY, COMMITTED, ABORTED = (
    TransactionState.EMPTY,
    TransactionState.COMPLETE_COMMIT,
    TransactionState.COMPLETE_ABORT,
)


@pytest.mark.parametrize(
    ("version", "state", "commit", "retry", "code", "changes"),
    [
        (0, EMPTY, False, False, ITS, False),
        (0, EMPTY, True, False, ITS, False),
        (0, ABORTED, False, False, NONE, False),
        (0, ABORTED, True, False, ITS, False),
        (0, COMMITTED, False, False, ITS, False),
        (0, COMMITTED, True, False, NONE, False),
        (0, COMMITTED, True, True, FENCED, False),
        (0, EMPTY, True, True, FENCED, False),
        (2, EMPTY, False, True, FENCED, False),
        (2, EMPTY, False, False, NONE, True),
        (2, EMPTY, True, True, FENCED, False),
        (2, EMPTY, True, False, ITS, False),
        (2, ABORTED, False, True, NONE, False),
        (2, ABORTED, False, False, NONE, True),
        (2, ABORTED, True, True, ITS, False),
        (2, ABORTED, True, False, ITS, False),
        (2, COMMITTED, False, True, ITS, False),
        (2, COMMITTED, False, False, NONE, True),
        (2, COMMITTED, True, True, NONE, False),
        (2, COMMITTED, True, False, ITS, False),
    ],
)
def test_ends_of_what_is_not_open_are_those_of_kafkas_table(
    version, state, commit, retry, code, changes
):
    known = Transaction.new(ProducerId(1), 1, 0)._replace(producer_epoch=5, state=state)
    producer = ProducerIdAndEpoch(ProducerId(1), 4 if retry else 5)
    found, changed = NONE, None
    try:
        changed = decisions.ended(known, producer, commit, 0, version, ProducerId(-1))
    except KafkaError as error:
        found = error.code
    assert found == code
    assert (changed is not None) == changes


def test_abort_of_nothing_under_version_2_gives_the_next_epoch_without_a_marker(world):
    producer = given(world)
    assert end(world, producer, commit=False).result() == (producer.producer_id, 1)
    assert not world.markers.sent
    assert now(world).state == TransactionState.COMPLETE_ABORT


def test_partition_that_cannot_take_its_marker_is_tried_again_and_the_others_are_not():
    world = TransactionWorld()
    producer = given(world)
    add(world, producer, ONE, TWO, THREE)
    world.markers.hold = True
    end(world, producer)
    (held,) = world.markers.held
    world.markers.deliver(held, ONE)
    world.markers.deliver(held, TWO, ErrorCode.NOT_ENOUGH_REPLICAS)
    world.markers.deliver(held, THREE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    assert not world.markers.held
    assert now(world).partitions == {TWO}
    world.pass_time(RETRY_MS)
    (held,) = world.markers.held
    assert held.marker.partitions == (TWO,)
    world.markers.deliver(held, TWO)
    assert now(world).state == TransactionState.COMPLETE_COMMIT


def test_marker_that_a_newer_epoch_forbids_is_not_tried_again():
    world = TransactionWorld()
    producer = given(world)
    add(world, producer)
    world.markers.hold = True
    end(world, producer)
    (held,) = world.markers.held
    world.markers.deliver(held, ONE, ErrorCode.INVALID_PRODUCER_EPOCH)
    world.pass_time(RETRY_MS)
    assert not world.markers.held
    assert now(world).state == TransactionState.PREPARE_COMMIT


@pytest.mark.parametrize("code", [ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.KAFKA_STORAGE_ERROR])
def test_complete_record_that_cannot_be_written_is_tried_again(world, code):
    producer = given(world)
    add(world, producer)
    world.markers.hold = True
    end(world, producer)
    (held,) = world.markers.held
    world.log.refuse_with = code
    world.markers.deliver(held, ONE)
    assert now(world).state == TransactionState.PREPARE_COMMIT
    assert code_of(init(world)) == ErrorCode.CONCURRENT_TRANSACTIONS
    world.log.refuse_with = None
    world.pass_time(RETRY_MS)
    assert now(world).state == TransactionState.COMPLETE_COMMIT
    assert len(world.markers.sent) == 1


def test_what_was_prepared_is_finished_after_a_crash_and_what_was_not_is_aborted_in_time(world):
    for name, is_ended in (("ended", True), ("open", False)):
        producer = Producer(name, *world.coordinator.init_producer_id(name, 5000, None).result())
        add(world, producer)
        world.markers.hold = True
        if is_ended:
            end(world, producer)
    world.crash()
    (marker,) = world.markers.sent
    assert (marker.commit, marker.coordinator_epoch) == (True, 1)
    world.pass_time(5001)
    world.coordinator.abort_timed_out()
    assert [each.commit for each in world.markers.sent] == [True, False]
    states = {each.transactional_id: each.transaction.state for each in world.coordinator.entries()}
    assert states == {"ended": COMMITTED, "open": ABORTED}


# Time


def test_transaction_times_out_when_it_has_been_open_for_longer_than_its_producer_wanted(world):
    producer = given(world)
    add(world, producer)
    world.pass_time(TIMEOUT_MS)
    world.coordinator.abort_timed_out()
    assert now(world).state == TransactionState.ONGOING
    world.pass_time(1)
    world.coordinator.abort_timed_out()
    assert now(world).state == TransactionState.COMPLETE_ABORT
    assert code_of(end(world, producer, version=0)) == ErrorCode.PRODUCER_FENCED


def test_late_transaction_with_the_last_epoch_goes_on_under_a_new_producer_id(world):
    add(world, at_epoch(world, EPOCH_MAX - 1))
    world.pass_time(TIMEOUT_MS + 1)
    world.coordinator.abort_timed_out()
    assert now(world).producer_id != 7
    assert now(world).producer_epoch == 0


def test_ids_that_nobody_uses_expire_and_open_ones_do_not():
    world = TransactionWorld(config=TransactionConfig(id_expiration_ms=10_000))
    names = [f"id-{n}" for n in range(TOMBSTONES_PER_BATCH_MAX + 5)]
    for name in names:
        world.coordinator.init_producer_id(name, TIMEOUT_MS, None)
    producer = given(world)
    add(world, producer)
    world.pass_time(9_999)
    world.coordinator.remove_expired()
    assert len(list(world.coordinator.entries())) == len(names) + 1
    world.pass_time(1)
    world.coordinator.remove_expired()
    assert [each.transactional_id for each in world.coordinator.entries()] == [ID]
    world.crash()
    assert [each.transactional_id for each in world.coordinator.entries()] == [ID]


def test_expired_ids_stay_when_their_tombstones_cannot_be_written(world):
    given(world)
    world.pass_time(604_800_000)
    world.log.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS
    world.coordinator.remove_expired()
    world.log.refuse_with = None
    assert given(world).epoch == 1


# Loading


def test_partition_that_is_being_loaded_or_is_not_ours_says_so(world):
    producer = given(world)
    world.coordinator.unload_partition(0)
    assert code_of(init(world)) == ErrorCode.NOT_COORDINATOR
    assert code_of(end(world, producer)) == ErrorCode.NOT_COORDINATOR
    world.coordinator.begin_loading(0)
    assert code_of(add(world, producer)) == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    listed = list_transactions(world.coordinator, ListTransactionsRequest(), 0)
    assert listed.error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    assert describe(world.coordinator, ID).error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS


def test_retry_of_an_end_is_known_after_a_crash(world):
    producer = given(world)
    add(world, producer)
    following = end(world, producer).result()
    world.crash()
    assert end(world, producer).result() == following


# What administrators see


def test_pattern_is_matched_with_whole_ids_in_time_that_does_not_explode(world):
    for name in ("orders/1", "orders/2", "a" * 40):
        world.coordinator.init_producer_id(name, 1, None)

    def like(pattern: str) -> list[str]:
        request = ListTransactionsRequest(transactional_id_pattern=pattern)
        found = list_transactions(world.coordinator, request, world.clock.now_ms())
        assert found.error_code == ErrorCode.NONE
        return [each.transactional_id for each in found.transaction_states]

    assert like("orders/[^2]") == ["orders/1"]
    assert like("orders") == []
    assert like(".*2|a+") == ["orders/2", "a" * 40]
    assert like("(a+)+b") == []
    bad = ListTransactionsRequest(transactional_id_pattern="(")
    answer = list_transactions(world.coordinator, bad, 0)
    assert answer.error_code == ErrorCode.INVALID_REGULAR_EXPRESSION
