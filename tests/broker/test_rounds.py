"""However many wait, work is done at most twice; and nobody is told of a round that began before they came."""

from __future__ import annotations

import pytest

from kafkalite.broker.rounds import Rounds
from kafkalite.deferred import Deferred


class Work:
    def __init__(self) -> None:
        self.rounds: list[Deferred[None]] = []

    def begin(self) -> Deferred[None]:
        self.rounds.append(Deferred())
        return self.rounds[-1]


@pytest.fixture
def work() -> Work:
    return Work()


def test_those_who_come_during_a_round_share_the_next(work: Work) -> None:
    rounds = Rounds(work.begin)
    first, second, third = rounds.join(), rounds.join(), rounds.join()
    assert len(work.rounds) == 1
    work.rounds[0].resolve(None)
    assert (first.done, second.done, len(work.rounds)) == (True, False, 2)
    work.rounds[1].resolve(None)
    assert second.done
    assert third.done
    assert len(work.rounds) == 2


def test_failure_is_told_to_its_round_only(work: Work) -> None:
    rounds = Rounds(work.begin)
    first, second = rounds.join(), rounds.join()
    work.rounds[0].fail(OSError("full"))
    with pytest.raises(OSError, match="full"):
        first.result()
    work.rounds[1].resolve(None)
    second.result()


def test_round_that_ends_as_it_begins_is_followed_by_another_when_asked() -> None:
    count = 0

    def begin() -> Deferred[None]:
        nonlocal count
        count += 1
        done: Deferred[None] = Deferred()
        done.resolve(None)
        return done

    rounds = Rounds(begin)
    assert rounds.join().done
    assert rounds.join().done
    assert count == 2
