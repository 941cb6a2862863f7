"""Random histories of transactions: producers that are replaced and come back as zombies, partitions that take markers when it
suits them, a coordinator that is killed between any two records. Whatever happens:

    all or nothing     the records of a transaction are committed in every partition, or in none
    as promised        what a producer was told is how it is; nothing is committed that its producer did not commit
    one owner          no two producers are ever given the same producer id and epoch
    an end             when all is quiet and timeouts have passed, nothing is open and every id is at rest
    the log is all     replaying it gives what the coordinator knows

A history is a seed, and perhaps where the coordinator is killed: after so many records and markers. To see one again:

    KAFKALITE_TRANSACTION_HISTORY=seed,kill python -m pytest tests/coordination/test_transaction_simulation.py
"""

from __future__ import annotations

import os
from random import Random

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.transaction.records import encode
from kafkalite.coordination.transaction.shard import TransactionShard
from kafkalite.coordination.transaction.transaction import EPOCH_MAX, Transaction
from kafkalite.types import ProducerId
from tests.coordination.transaction_clients import TIMEOUT_MS, Promises, SimulatedProducer
from tests.coordination.transaction_world import TransactionWorld

STEPS = 150
NEVER = -1
IDS = ("transfers", "audit")

HISTORIES_QUICK = 300
HISTORIES_SLOW = 12_000


class History:
    """One run of the simulation."""

    def __init__(self, seed: int, kill_after: int = NEVER) -> None:
        self._random = Random(seed)
        self._kill_after = kill_after
        self.durable_events = 0
        """Records committed and markers delivered so far."""
        self._version = self._random.choice((1, 2, 2))
        self.world = TransactionWorld(transaction_version=self._version, hold=True)
        self.promises = Promises()
        self._producers: list[SimulatedProducer] = []
        if self._random.random() < 0.4:
            self._begin_near_the_last_epoch()
        for transactional_id in IDS:
            self._new_producer(transactional_id)

    def run(self) -> None:
        for _ in range(STEPS):
            self._step()
        self._settle()
        self._check()

    # -- what may happen --------------------------------------------------------------------------------------------

    def _step(self) -> None:
        log, markers = self.world.log, self.world.markers
        log.refuse_with = ErrorCode.NOT_ENOUGH_REPLICAS if self._random.random() < 0.01 else None
        chance = self._random.random()
        if chance < 0.30 and log.held:
            log.commit_next()
            self._happened()
        elif chance < 0.45 and markers.held:
            self._deliver_marker()
        elif chance < 0.47 and self.world.strays:
            self._deliver_stray()
        elif chance < 0.485:
            self.world.pass_time(self._random.choice((1, 1, 100, 100, TIMEOUT_MS + 1)))
            self.world.coordinator.abort_timed_out()
        elif chance < 0.493:
            survivors = self._random.randint(0, len(log.held))
            self._random.choice((self.world.crash, self.world.move))(survivors)
        elif chance < 0.50:
            self._new_producer(self._random.choice(IDS))
        else:
            self._random.choice(self._producers).step(self.world)
        self._producers = [each for each in self._producers if not each.is_dead]
        for transactional_id in IDS:
            if all(each.transactional_id != transactional_id for each in self._producers):
                self._new_producer(transactional_id)

    def _deliver_marker(self) -> None:
        held = self._random.choice(self.world.markers.held)
        refusal = ErrorCode.NOT_ENOUGH_REPLICAS if self._random.random() < 0.1 else None
        self.world.markers.deliver(held, self._random.choice(held.waiting), refusal)
        self._happened()

    def _deliver_stray(self) -> None:
        held = self.world.strays.pop(self._random.randrange(len(self.world.strays)))
        for tp in held.waiting:
            self.world.partitions[tp].mark(held.marker)

    def _happened(self) -> None:
        """Something became durable; this may be the moment that the history is about."""
        if self.durable_events == self._kill_after:
            self.world.crash()
        self.durable_events += 1

    def _new_producer(self, transactional_id: str) -> None:
        name = f"{transactional_id}-{len(self.promises.owners)}-{self._random.getrandbits(32):x}"
        version = self._random.choice((1, 2)) if self._version == 2 else 1
        self._producers.append(
            SimulatedProducer(name, transactional_id, version, self.promises, self._random)
        )

    def _begin_near_the_last_epoch(self) -> None:
        old = Transaction.new(ProducerId(7), TIMEOUT_MS, self.world.clock.now_ms())
        epoch = EPOCH_MAX - self._random.randint(1, 6)
        self.world.log.committed.append(encode(IDS[0], old._replace(producer_epoch=epoch), 2))
        self.world.crash()

    # -- the end ----------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Producers are gone; what is under way comes to its end."""
        world = self.world
        world.log.refuse_with = None
        for _ in range(3):
            while world.log.held or world.markers.held:
                while world.log.held:
                    world.log.commit_next()
                for held in list(world.markers.held):
                    for tp in list(held.waiting):
                        world.markers.deliver(held, tp)
            world.pass_time(TIMEOUT_MS + 1)
            world.coordinator.abort_timed_out()

    def _check(self) -> None:
        for tp, partition in self.world.partitions.items():
            assert not any(partition.open.values()), f"{tp} has something open: {partition.open}"
            assert partition.producers.first_unstable_offset is None
        for tag, written in self.promises.written.items():
            outcomes = {self.world.partitions[tp].outcomes[tag] for tp in written}
            assert len(outcomes) == 1, f"{tag} is committed in part"
            committed = outcomes.pop()
            assert not committed or tag in self.promises.commits_asked, f"nobody committed {tag}"
            assert self.promises.outcomes.get(tag, committed) == committed, f"{tag}: not as told"
        known = {each.transactional_id: each for each in self.world.coordinator.entries()}
        assert all(each.transaction.state.is_at_rest for each in known.values())
        assert all(each.pending is None for each in known.values())
        replayed = TransactionShard(0, 0)
        replayed.replay_all(self.world.log.committed)
        assert {
            name: each.transaction._replace(last_producer_epoch=-1) for name, each in known.items()
        } == {name: each.transaction for name, each in replayed.entries.items()}


def run(seed: int, kill_after: int = NEVER) -> int:
    """One history; returns how many moments there are to kill the coordinator in."""
    history = History(seed, kill_after)
    try:
        history.run()
    except BaseException:
        print(
            f"\nagain with: KAFKALITE_TRANSACTION_HISTORY={seed},{kill_after} "
            f"python -m pytest {os.path.relpath(__file__)}"
        )
        raise
    return history.durable_events


def run_all(count: int, first_seed: int = 0) -> None:
    """Histories of seed after seed: each as it comes, and killed after each record and marker of it."""
    done, seed = 0, first_seed
    while done < count:
        moments = run(seed)
        for kill_after in range(moments):
            run(seed, kill_after)
        done += 1 + moments
        seed += 1


def test_transactions_are_all_or_nothing_whenever_the_coordinator_is_killed():
    again = os.environ.get("KAFKALITE_TRANSACTION_HISTORY")
    if again is not None:
        seed, kill_after = again.split(",")
        run(int(seed), int(kill_after))
    else:
        run_all(HISTORIES_QUICK)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_transactions_are_all_or_nothing_in_thousands_of_histories():
    run_all(HISTORIES_SLOW, first_seed=1_000_000)
