"""A share partition over time: locks that expire, changes that cannot be written, restarts. And the sessions of its members."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.share.acquisition import Acquired, Limits
from kafkalite.broker.share.in_flight import Acknowledgement
from kafkalite.broker.share.record_state import AcknowledgeType
from kafkalite.broker.share.share_partition import Phase, SharePartition
from kafkalite.broker.share.share_session import ShareSession, ShareSessions
from kafkalite.clock import ManualClock
from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.share.persister import (
    PartitionLeader,
    PartitionResult,
    PartitionState,
    StateBatch,
    StateUpdate,
)
from kafkalite.coordination.share.records import SharePartitionKey
from kafkalite.coordination.share.state_batches import merge
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.timer import TimerQueue
from kafkalite.types import GroupId, LeaderEpoch, MemberId, Offset, Uuid

GROUP = GroupId("group-a")
ALICE, BOB = MemberId("alice"), MemberId("bob")
KEY = SharePartitionKey(GROUP, Uuid(b"o" * 16), 0)
LOCK_MS = 30_000


class Durable:
    """A persister that keeps one state. `held` collects the answers instead of giving them; `fail_with` refuses."""

    def __init__(self) -> None:
        self.state = PartitionState(0, state_epoch=3, start_offset=Offset(0))
        self.writes: list[StateUpdate] = []
        self.held: list[tuple[Deferred[Any], Any]] | None = None
        self.fail_with: ErrorCode | None = None

    def read_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[PartitionLeader]
    ) -> Deferred[list[PartitionState]]:
        if self.fail_with is not None:
            return self._answer([PartitionState(0, self.fail_with, "because")])
        return self._answer([self.state])

    def write_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[StateUpdate]
    ) -> Deferred[list[PartitionResult]]:
        (update,) = partitions
        self.writes.append(update)
        if self.fail_with is not None:
            return self._answer([PartitionResult(0, self.fail_with, "because")])
        batches = merge(self.state.state_batches, update.state_batches, update.start_offset)
        self.state = self.state._replace(start_offset=update.start_offset, state_batches=batches)
        return self._answer([PartitionResult(0)])

    def _answer(self, value: Any) -> Deferred[Any]:
        if self.held is None:
            return resolved(value)
        self.held.append((Deferred(), value))
        return self.held[-1][0]

    def answer_next(self) -> None:
        assert self.held is not None
        deferred, value = self.held.pop(0)
        deferred.resolve(value)


class Watcher:
    """Somebody who is parked."""

    def __init__(self) -> None:
        self.woken = 0

    def on_readable(self, size_bytes: int) -> None:
        self.woken += 1

    def on_replica_changed(self) -> None:
        raise AssertionError("a share partition only tells that there may be more")


class World:
    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.timer = TimerQueue(self.clock)
        self.durable = Durable()
        self.log = SimpleNamespace(log_start_offset=Offset(0), log_end_offset=Offset(100))
        self.settings = GroupConfig()._replace(**settings)
        self.start_offset: Deferred[Offset] = resolved(Offset(7))
        self.watcher = Watcher()
        self.load()

    def load(self) -> SharePartition:
        replica: Any = SimpleNamespace(log=self.log, leader_epoch=LeaderEpoch(4))
        persister: Any = self.durable
        self.partition = SharePartition(
            KEY,
            replica,
            persister=persister,
            timer=self.timer,
            clock=self.clock,
            settings=lambda: self.settings,
            start_offset=lambda replica, config: self.start_offset,
            on_closed=lambda partition: None,
        )
        self.partition.watch(self.watcher)
        self.partition.load()
        return self.partition

    def acquire(self, member: MemberId, *batches: tuple[int, int]) -> list[Acquired]:
        limits = Limits(500, 500, 2000, self.settings.share_delivery_count_limit)
        acquisition = self.partition.begin_acquiring(member, limits)
        for first, last in batches:
            self.partition.in_flight.acquire(acquisition, first, last)
        acquired = acquisition.acquired
        self.partition.end_acquiring(acquisition)
        return acquired

    def acknowledge(
        self, member: MemberId, first: int, last: int, kind: AcknowledgeType
    ) -> Deferred[None]:
        return self.partition.acknowledge(member, [Acknowledgement(first, last, [kind])])

    def advance(self, delta_ms: int) -> None:
        self.clock.advance(delta_ms)
        self.timer.run_due()


ACCEPT, RELEASE, RENEW = AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.RENEW


# Locks


def test_records_come_back_when_their_lock_expires_and_that_is_written_down() -> None:
    world = World()
    world.acquire(ALICE, (0, 9))
    world.advance(LOCK_MS - 1)
    assert world.acquire(BOB, (0, 9)) == []
    world.advance(1)
    assert world.watcher.woken == 2  # loaded, and now
    assert world.acquire(BOB, (0, 9)) == [(0, 9, 2)]
    assert list(world.durable.state.state_batches) == [(0, 9, 0, 1)]
    with pytest.raises(KafkaError) as caught:
        world.acknowledge(ALICE, 0, 9, ACCEPT).result()
    assert caught.value.code == ErrorCode.INVALID_RECORD_STATE


def test_the_timer_follows_the_earliest_lock() -> None:
    world = World()
    world.acquire(ALICE, (0, 4))
    world.advance(10_000)
    world.acquire(BOB, (0, 4), (5, 9))
    world.acknowledge(ALICE, 0, 4, ACCEPT)
    world.advance(20_000)
    assert [each.member_id for each in world.partition.in_flight.acquired()] == [BOB]
    world.advance(10_000)
    assert world.partition.in_flight.acquired() == []
    assert len(world.timer) == 0


def test_a_renewed_lock_expires_later() -> None:
    world = World()
    world.acquire(ALICE, (0, 9))
    world.advance(20_000)
    world.acknowledge(ALICE, 0, 4, RENEW).result()
    assert world.durable.writes == []
    world.advance(10_000)
    assert [(each.first, each.last) for each in world.partition.in_flight.acquired()] == [(0, 4)]
    world.advance(20_000)
    assert world.partition.in_flight.acquired() == []


def test_a_lock_that_expires_while_its_acknowledgement_is_written_expires_not() -> None:
    world = World()
    world.acquire(ALICE, (0, 9))
    world.durable.held = []
    answer = world.acknowledge(ALICE, 0, 9, ACCEPT)
    world.advance(LOCK_MS)
    assert not answer.done
    world.durable.answer_next()
    assert answer.result() is None
    assert world.partition.in_flight.start_offset == 10


def test_records_that_expire_too_often_are_given_up() -> None:
    world = World(share_delivery_count_limit=2)
    for count in (1, 2):
        assert world.acquire(ALICE, (0, 0)) == [(0, 0, count)]
        world.advance(LOCK_MS)
    assert world.acquire(ALICE, (0, 0)) == []
    assert world.partition.in_flight.start_offset == 1


# Writing


def test_an_acknowledgement_is_answered_when_it_is_written() -> None:
    world = World()
    world.acquire(ALICE, (0, 9))
    world.durable.held = []
    answer = world.acknowledge(ALICE, 0, 4, RELEASE)
    assert not answer.done
    assert world.acquire(BOB, (0, 9)) == []
    woken = world.watcher.woken
    world.durable.answer_next()
    assert answer.result() is None
    assert world.watcher.woken == woken + 1
    assert world.acquire(BOB, (0, 9)) == [(0, 4, 2)]


def test_what_is_written_says_the_start_offset_before_and_how_many_are_complete() -> None:
    world = World()
    world.acquire(ALICE, (0, 9))
    world.acknowledge(ALICE, 0, 4, ACCEPT)
    world.acknowledge(ALICE, 7, 8, ACCEPT)
    first, second = world.durable.writes
    assert (first.state_epoch, first.leader_epoch) == (3, 4)
    assert (first.start_offset, first.delivery_complete_count) == (0, 5)
    assert (second.start_offset, second.delivery_complete_count) == (5, 2)
    assert list(second.state_batches) == [(7, 8, 2, 1)]


@pytest.mark.parametrize(
    ("code", "told", "phase"),
    [
        (ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.COORDINATOR_NOT_AVAILABLE, Phase.ACTIVE),
        (ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE, Phase.ACTIVE),
        (ErrorCode.FENCED_STATE_EPOCH, ErrorCode.NOT_LEADER_OR_FOLLOWER, Phase.CLOSED),
        (ErrorCode.FENCED_LEADER_EPOCH, ErrorCode.NOT_LEADER_OR_FOLLOWER, Phase.CLOSED),
        (
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            Phase.CLOSED,
        ),
        (ErrorCode.INVALID_REQUEST, ErrorCode.UNKNOWN_SERVER_ERROR, Phase.CLOSED),
    ],
)
def test_an_acknowledgement_that_cannot_be_written_leaves_the_records_with_the_member(
    code: ErrorCode, told: ErrorCode, phase: Phase
) -> None:
    world = World()
    world.acquire(ALICE, (0, 9))
    world.durable.fail_with = code
    with pytest.raises(KafkaError) as caught:
        world.acknowledge(ALICE, 0, 9, ACCEPT).result()
    assert caught.value.code == told
    assert world.partition.phase is phase
    assert [each.member_id for each in world.partition.in_flight.acquired()] == [ALICE]


def test_what_comes_back_is_free_although_it_cannot_be_written() -> None:
    world = World()
    world.acquire(ALICE, (0, 9))
    world.durable.fail_with = ErrorCode.COORDINATOR_NOT_AVAILABLE
    world.partition.release_all_of(ALICE)
    assert world.acquire(BOB, (0, 9)) == [(0, 9, 2)]


def test_only_what_the_member_has_is_released() -> None:
    world = World()
    world.acquire(ALICE, (0, 4))
    world.acquire(BOB, (0, 4), (5, 9))
    world.partition.release_all_of(ALICE)
    assert [each.member_id for each in world.partition.in_flight.acquired()] == [BOB]
    assert [list(each.state_batches) for each in world.durable.writes] == [[(0, 4, 0, 1)]]


# Loading


def test_a_restart_goes_on_where_the_state_says_and_frees_what_members_had() -> None:
    world = World()
    world.acquire(ALICE, (0, 9))
    world.acknowledge(ALICE, 0, 2, ACCEPT)
    world.acknowledge(ALICE, 5, 6, RELEASE)
    world.load()
    assert world.partition.in_flight.start_offset == 3
    assert world.acquire(BOB, (0, 9)) == [(3, 4, 1), (5, 6, 2), (7, 9, 1)]


def test_a_group_that_has_never_read_begins_at_the_offset_that_is_found_for_it() -> None:
    world = World()
    world.durable.state = PartitionState(0)
    world.start_offset = Deferred()
    world.load()
    assert world.partition.phase is Phase.LOADING
    world.start_offset.resolve(Offset(42))
    assert (world.partition.phase, world.partition.in_flight.start_offset) == (Phase.ACTIVE, 42)


def test_a_start_that_cannot_be_found_is_an_error() -> None:
    world = World()
    world.durable.state = PartitionState(0)
    world.start_offset = Deferred()
    world.load()
    world.start_offset.fail(KafkaError(ErrorCode.CORRUPT_MESSAGE))
    assert world.partition.error is not None
    assert world.partition.error.code == ErrorCode.CORRUPT_MESSAGE


def test_a_state_that_cannot_be_read_closes_the_partition_and_wakes_who_waits() -> None:
    world = World()
    world.durable.fail_with = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    woken = world.watcher.woken
    world.load()
    assert world.partition.phase is Phase.CLOSED
    assert world.partition.error is not None
    assert world.partition.error.code == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert world.watcher.woken == woken + 1


def test_a_state_that_arrives_after_the_partition_was_closed_changes_nothing() -> None:
    world = World()
    world.durable.held = []
    world.load()
    world.partition.close(None)
    world.durable.answer_next()
    assert world.partition.phase is Phase.CLOSED


def test_a_state_ahead_of_a_log_that_lost_its_end_covers_no_new_records() -> None:
    world = World()
    world.log.log_end_offset = Offset(6)
    world.durable.state = world.durable.state._replace(
        state_batches=[
            StateBatch(Offset(0), Offset(8), 2, 1),
            StateBatch(Offset(9), Offset(9), 4, 1),
        ]
    )
    world.load()
    assert world.acquire(ALICE, (6, 7)) == [(6, 7, 1)]


def test_a_partition_that_is_closed_acknowledges_nothing() -> None:
    world = World()
    world.acquire(ALICE, (0, 9))
    world.partition.close(None)
    with pytest.raises(KafkaError) as caught:
        world.acknowledge(ALICE, 0, 9, ACCEPT).result()
    assert caught.value.code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    world.partition.release_all_of(ALICE)
    assert world.durable.writes == []
    assert len(world.timer) == 0


# Sessions


class Sessions:
    def __init__(self, slots: int = 2) -> None:
        self.closed: list[ShareSession] = []
        self.sessions = ShareSessions(lambda: slots, self.closed.append)

    def open(self, member: MemberId, *partitions: tuple[Uuid, int]) -> ShareSession:
        return self.sessions.open(GROUP, member, partitions)


def test_no_more_sessions_than_there_are_slots() -> None:
    world = Sessions()
    world.open(ALICE)
    world.open(BOB)
    with pytest.raises(KafkaError) as caught:
        world.open(MemberId("carol"))
    assert caught.value.code == ErrorCode.SHARE_SESSION_LIMIT_REACHED
    world.open(ALICE)
    assert len(world.sessions) == 2
    assert world.closed == []


def test_epochs_begin_again_after_the_highest() -> None:
    world = Sessions()
    session = world.open(ALICE)
    session.epoch = 2**31 - 1
    world.sessions.resume(GROUP, ALICE, 2**31 - 1)
    assert session.epoch == 1


def test_a_session_is_closed_once() -> None:
    world = Sessions()
    session = world.open(ALICE)
    world.sessions.close(session)
    world.sessions.close(session)
    assert world.closed == [session]
    assert not world.sessions.has_members_of(GROUP)


def test_the_end_of_an_old_connection_does_not_close_the_members_new_session() -> None:
    world = Sessions()
    old = world.open(ALICE)
    new = world.open(ALICE)
    world.sessions.close(old)
    assert world.sessions.resume(GROUP, ALICE, 1) is new
    assert world.closed == []


def test_each_partition_gets_its_turn_to_be_first() -> None:
    topic = Uuid(b"t" * 16)
    world = Sessions()
    session = world.open(ALICE, (topic, 0), (topic, 1), (topic, 2))
    firsts = []
    for epoch in range(1, 4):
        world.sessions.resume(GROUP, ALICE, epoch)
        order = session.in_turn()
        assert sorted(order) == [(topic, 0), (topic, 1), (topic, 2)]
        firsts.append(order[0][1])
    assert sorted(firsts) == [0, 1, 2]
