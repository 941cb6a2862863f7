"""A parked fetch that fails when it looks again fails alone."""

from __future__ import annotations

import pytest

from kafkalite.broker.purgatory import FetchPurgatory, Look
from kafkalite.timer import TimerQueue


class ManualClock:
    now = 0

    def now_ms(self) -> int:
        return self.now

    def monotonic_ms(self) -> int:
        return self.now


class WatchedReplica:
    """What the purgatory needs of a replica."""

    def __init__(self) -> None:
        self.watchers: set = set()

    def watch(self, watcher) -> None:
        self.watchers.add(watcher)

    def unwatch(self, watcher) -> None:
        self.watchers.discard(watcher)


class BrokenFetch:
    def look(self, *, final: bool) -> Look:
        raise OSError("too many open files")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_error_in_a_woken_fetch_does_not_reach_the_append_that_woke_it(clock):
    timer, replica = TimerQueue(clock), WatchedReplica()
    purgatory = FetchPurgatory(timer)
    parked = purgatory.park(BrokenFetch(), 10, [replica], 1000)
    [watcher] = replica.watchers
    watcher.on_readable(10)
    with pytest.raises(OSError, match="too many"):
        parked.result()
    assert (len(purgatory), len(timer), replica.watchers) == (0, 0, set())


def test_error_at_the_deadline_does_not_stop_the_timer(clock):
    timer, replica = TimerQueue(clock), WatchedReplica()
    purgatory = FetchPurgatory(timer)
    parked = purgatory.park(BrokenFetch(), 10, [replica], 1000)
    ran = []
    timer.schedule(1000, lambda: ran.append("next"))
    clock.now = 1000
    timer.run_due()
    assert ran == ["next"]
    with pytest.raises(OSError, match="too many"):
        parked.result()
    assert (len(purgatory), replica.watchers) == (0, set())
