"""Producers of a simulation: they do what a client library does, one request at a time, and remember what they were promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.transaction.coordinator import Producer
from kafkalite.coordination.transaction.transaction import ProducerIdAndEpoch
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import TopicPartition
from tests.coordination.transaction_world import PARTITIONS, TransactionWorld

_AGAIN = {
    ErrorCode.CONCURRENT_TRANSACTIONS,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
}
"""What a client asks again after."""

TIMEOUT_MS = 1000


@dataclass
class Promises:
    """What all producers have asked for and been told."""

    owners: dict[ProducerIdAndEpoch, SimulatedProducer] = field(default_factory=dict)
    commits_asked: set[str] = field(default_factory=set)
    outcomes: dict[str, bool] = field(default_factory=dict)
    """Tag of a transaction -> committed, as its producer was told."""
    written: dict[str, set[TopicPartition]] = field(default_factory=dict)
    """Tag -> where its records are."""

    def given(self, producer: ProducerIdAndEpoch, to: SimulatedProducer) -> None:
        owner = self.owners.setdefault(producer, to)
        assert owner is to, f"{producer} was given to {owner.name} and to {to.name}"


class SimulatedProducer:
    """One process that uses a transactional id. Another with the same id fences it, which it may not notice."""

    def __init__(
        self, name: str, transactional_id: str, version: int, promises: Promises, random: Random
    ) -> None:
        """`version` of transactions, 1 or 2."""
        self.name = name
        self.transactional_id = transactional_id
        self.version = version
        self.identity: ProducerIdAndEpoch | None = None
        self.is_dead = False
        self._promises = promises
        self._random = random
        self._tag = ""
        self._transactions = 0
        self._added: set[TopicPartition] = set()
        self._ending: bool | None = None
        self._expected: ProducerIdAndEpoch | None = None
        self._waiting: Deferred[Any] | None = None
        self._on_answer: Any = None
        self._asked_under = -1

    def step(self, world: TransactionWorld) -> None:
        """Take the answer that has come, or ask for something."""
        if self._waiting is not None:
            if self._waiting.done:
                self._take_answer()
            elif self._asked_under != world.coordinator_epoch:
                self._waiting = None  # the coordinator that was asked is gone
            return
        if self.identity is None:
            self._initialize(world)
        elif self._ending is not None:
            self._end(world)
        else:
            self._go_on(world)

    def _go_on(self, world: TransactionWorld) -> None:
        if not self._tag:
            self._transactions += 1
            self._tag = f"{self.name}/{self._transactions}"
            self._added = set()
        chance = self._random.random()
        if chance < 0.05:
            self._expected, self.identity = self.identity, None
        elif chance < 0.65 or (not self._added and (self.version == 1 or chance < 0.95)):
            self._write(world, self._random.choice(PARTITIONS))
        else:
            # Only who has written something commits it
            self._ending = bool(self._added) and self._random.random() < 0.7
            self._end(world)

    def _initialize(self, world: TransactionWorld) -> None:
        self._tag = ""
        answer = world.coordinator.init_producer_id(
            self.transactional_id, TIMEOUT_MS, self._expected
        )

        def told(identity: ProducerIdAndEpoch) -> None:
            self._promises.given(identity, self)
            self.identity, self._expected = identity, None

        self._ask(world, answer, told)

    def _write(self, world: TransactionWorld, tp: TopicPartition) -> None:
        assert self.identity is not None
        partition = world.partitions[tp]
        if partition.has_open(*self.identity) and (self.version == 2 or tp in self._added):
            self._append(world, tp)
            return
        producer = Producer(self.transactional_id, *self.identity)
        client_version = 2 if self.version == 2 else 0

        def told(codes: Any) -> None:
            if codes[tp] != ErrorCode.NONE:
                raise KafkaError(codes[tp])
            self._added.add(tp)
            if self.version == 1:
                self._write(world, tp)

        answer = world.coordinator.add_partitions(producer, [tp], client_version)
        if self.version == 2:
            # The partition itself asks, and appends as soon as it is told
            tag = self._tag
            answer.on_done(
                lambda done: done.result()[tp] == ErrorCode.NONE and self._append(world, tp, tag)
            )
        elif tp in self._added:
            if world.coordinator.verify_partitions(producer, [tp])[tp] == ErrorCode.NONE:
                self._append(world, tp)
            return
        self._ask(world, answer, told)

    def _append(self, world: TransactionWorld, tp: TopicPartition, tag: str = "") -> None:
        assert self.identity is not None
        tag = tag or self._tag
        if world.partitions[tp].write(tag, *self.identity):
            self._promises.written.setdefault(tag, set()).add(tp)
        else:
            self.is_dead = True

    def _end(self, world: TransactionWorld) -> None:
        assert self.identity is not None
        commit, tag = bool(self._ending), self._tag
        if commit:
            self._promises.commits_asked.add(tag)
        producer = Producer(self.transactional_id, *self.identity)
        client_version = 2 if self.version == 2 else 0

        def told(following: ProducerIdAndEpoch) -> None:
            self._promises.outcomes[tag] = commit
            self._tag, self._ending = "", None
            if self.version == 2:
                self._promises.given(following, self)
                self.identity = following

        self._ask(world, world.coordinator.end_transaction(producer, commit, client_version), told)

    def _ask(self, world: TransactionWorld, answer: Deferred[Any], on_answer: Any) -> None:
        self._waiting, self._on_answer = answer, on_answer
        self._asked_under = world.coordinator_epoch

    def _take_answer(self) -> None:
        waiting, self._waiting = self._waiting, None
        assert waiting is not None
        try:
            self._on_answer(waiting.result())
        except KafkaError as error:
            if error.code not in _AGAIN:
                self.is_dead = True
