"""How the cleaner holds itself up, by a clock that only its pauses move."""

from __future__ import annotations

import pytest

from kafkalite.storage.cleaner.errors import CleaningAbortedError
from kafkalite.storage.cleaner.pace import ThreadPace

UNLIMITED = 1.7976931348623157e308


class SleepingClock:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.pauses.append(seconds)
        self.now_s += seconds


def pace_on(clock: SleepingClock, max_bytes_per_second: float = UNLIMITED) -> ThreadPace:
    return ThreadPace(max_bytes_per_second, now_s=lambda: clock.now_s, sleep_s=clock.sleep)


def test_work_is_interrupted_at_regular_times() -> None:
    clock = SleepingClock()
    pace = pace_on(clock)
    for _ in range(1000):
        clock.now_s += 0.0001
        pace.step()
    assert 400 <= len(clock.pauses) <= 500
    assert max(clock.pauses) < 0.001


def test_quick_work_is_not_interrupted() -> None:
    clock = SleepingClock()
    pace = pace_on(clock)
    for _ in range(1000):
        pace.step()
    assert clock.pauses == []


@pytest.mark.parametrize("limit", [1000.0, 1e6])
def test_bytes_go_no_faster_than_the_limit(limit: float) -> None:
    clock = SleepingClock()
    pace = pace_on(clock, limit)
    for _ in range(1000):
        pace.moved(100)
    assert clock.now_s - 100.0 == pytest.approx(100_000 / limit, rel=0.01)


def test_a_limit_of_nothing_is_not_divided_by() -> None:
    clock = SleepingClock()
    pace_on(clock, 0.0).moved(2)
    assert clock.now_s == pytest.approx(102.0)


def test_a_stop_ends_the_work_at_its_next_pause() -> None:
    clock = SleepingClock()
    pace = pace_on(clock)
    pace.stop()
    clock.now_s += 1
    with pytest.raises(CleaningAbortedError):
        pace.step()


def test_a_stop_is_noticed_in_a_long_wait_for_the_limit() -> None:
    clock = SleepingClock()
    pace = pace_on(clock, 1.0)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.pauses) == 3:
            pace.stop()

    pace._sleep_s = sleep
    with pytest.raises(CleaningAbortedError):
        pace.moved(1_000_000)
    assert sum(clock.pauses) < 1
