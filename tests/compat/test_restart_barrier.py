"""Scenarios that need a restart meet: the broker is restarted once for all, and nobody waits for who has gone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from kafkalite_compat.barrier import RestartBarrier
from kafkalite_compat.brokers import CannotRestart


def test_broker_is_restarted_once_when_the_last_party_has_asked():
    restarts = []
    barrier = RestartBarrier(5, restarts.append)
    with ThreadPoolExecutor(5) as parties:
        list(parties.map(barrier.arrive, [False] * 5))
    assert restarts == [False]


def test_one_party_that_asks_for_a_kill_makes_it_a_kill():
    restarts = []
    barrier = RestartBarrier(3, restarts.append)
    with ThreadPoolExecutor(3) as parties:
        list(parties.map(barrier.arrive, [False, True, False]))
    assert restarts == [True]


def test_party_that_leaves_is_not_waited_for():
    restarts = []
    barrier = RestartBarrier(2, restarts.append)
    with ThreadPoolExecutor(2) as parties:
        waiting = parties.submit(barrier.arrive, False)
        parties.submit(barrier.leave).result()
        waiting.result()
    assert restarts == [False]


def test_nothing_is_restarted_when_all_leave():
    restarts = []
    barrier = RestartBarrier(2, restarts.append)
    barrier.leave()
    barrier.leave()
    assert restarts == []


def test_parties_may_meet_again():
    restarts = []
    barrier = RestartBarrier(2, restarts.append)

    def twice(kill):
        barrier.arrive(kill)
        barrier.arrive(kill)

    with ThreadPoolExecutor(2) as parties:
        list(parties.map(twice, [True, True]))
    assert restarts == [True, True]


def test_every_party_hears_that_the_restart_failed():
    def cannot(kill):
        raise CannotRestart("not ours")

    barrier = RestartBarrier(2, cannot)

    def party(_):
        with pytest.raises(CannotRestart):
            barrier.arrive(False)
        return True

    with ThreadPoolExecutor(2) as parties:
        assert list(parties.map(party, range(2))) == [True, True]
