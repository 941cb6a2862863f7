"""One pass of retention over many logs: a few in each turn, and one that fails does not keep the others from theirs."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.retention import RetentionPass
from kafkalite.clock import ManualClock
from kafkalite.errors import KafkaError
from kafkalite.timer import TimerQueue


class FakeLog:
    log_start_offset = 7


class FakeReplica:
    """`old` segments may go; told how many at most, as the real one."""

    topic_partition = "orders-0"
    log = FakeLog()

    def __init__(self, old: int = 0, *, is_removed: bool = False, is_broken: bool = False) -> None:
        self.old = old
        self.is_removed = is_removed
        self.is_broken = is_broken
        self.asked = 0

    def delete_old_segments(self, now_ms: int, count_max: int) -> int:
        self.asked += 1
        if self.is_broken:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)
        count = min(self.old, count_max)
        self.old -= count
        return count


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def timer(clock: ManualClock) -> TimerQueue:
    return TimerQueue(clock)


def turns_until_done(replicas, clock: ManualClock, timer: TimerQueue) -> int:
    done = RetentionPass(replicas, clock, timer).run()
    turns = 1
    while not done.done:
        assert turns < 1000
        clock.advance(1)
        assert timer.run_due() == 1, "one turn, then everybody else's"
        turns += 1
    return turns


def test_each_log_is_asked_once_and_the_loop_has_its_turn_in_between(clock, timer):
    replicas = [FakeReplica() for _ in range(1000)]
    turns = turns_until_done(replicas, clock, timer)
    assert [replica.asked for replica in replicas] == [1] * 1000
    assert turns >= 1000 // 32


def test_many_old_segments_of_one_log_take_several_turns(clock, timer):
    replicas = [FakeReplica(), FakeReplica(old=100), FakeReplica(old=1)]
    assert turns_until_done(replicas, clock, timer) > 3
    assert [replica.old for replica in replicas] == [0, 0, 0]


def test_log_that_fails_does_not_hinder_the_others(clock, timer):
    replicas = [FakeReplica(is_broken=True), FakeReplica(old=1)]
    turns_until_done(replicas, clock, timer)
    assert replicas[1].old == 0


def test_log_of_a_topic_deleted_meanwhile_is_left_alone(clock, timer):
    gone = FakeReplica(old=1, is_removed=True)
    turns_until_done([gone], clock, timer)
    assert gone.asked == 0


def test_no_logs_are_done_at_once(clock, timer):
    assert turns_until_done([], clock, timer) == 1
