"""The timer queue: order, cancelling, and a heap that does not grow with cancelled entries."""

from __future__ import annotations

from kafkalite.clock import ManualClock
from kafkalite.timer import TimerQueue


def test_calls_run_in_deadline_order_and_not_before():
    clock = ManualClock()
    timers = TimerQueue(clock)
    ran = []
    timers.schedule(20, lambda: ran.append("b"))
    timers.schedule(10, lambda: ran.append("a"))
    clock.advance(9)
    assert timers.run_due() == 0
    clock.advance(11)
    assert timers.run_due() == 2
    assert ran == ["a", "b"]


def test_equal_deadlines_run_in_the_order_they_were_scheduled():
    clock = ManualClock()
    timers = TimerQueue(clock)
    ran = []
    for name in "abc":
        timers.schedule(5, lambda name=name: ran.append(name))
    clock.advance(5)
    timers.run_due()
    assert ran == ["a", "b", "c"]


def test_cancelled_call_does_not_run_and_cancelling_twice_counts_once():
    clock = ManualClock()
    timers = TimerQueue(clock)
    handle = timers.schedule(5, lambda: 1 / 0)
    handle.cancel()
    handle.cancel()
    assert len(timers) == 0
    clock.advance(10)
    assert timers.run_due() == 0
    assert timers.next_deadline_ms() is None


def test_call_scheduled_by_a_call_waits_for_its_own_deadline():
    clock = ManualClock()
    timers = TimerQueue(clock)
    ran = []
    timers.schedule(1, lambda: timers.schedule(1, lambda: ran.append(1)))
    clock.advance(1)
    assert timers.run_due() == 1
    assert ran == []
    clock.advance(1)
    assert timers.run_due() == 1


def test_sleeper_is_told_only_of_an_earlier_deadline():
    told = []
    timers = TimerQueue(ManualClock(), on_earlier=lambda: told.append(1))
    timers.schedule(100, print)
    timers.schedule(200, print)
    assert len(told) == 1
    timers.schedule(50, print)
    assert len(told) == 2


def test_heap_stays_within_twice_the_live_entries():
    timers = TimerQueue(ManualClock())
    live = [timers.schedule(1_000_000 + n, print) for n in range(100)]
    for n in range(10_000):
        timers.schedule(n, print).cancel()
    assert len(timers) == len(live)
    assert len(timers._heap) <= 2 * len(live) + 1
