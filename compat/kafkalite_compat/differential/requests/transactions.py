"""Short ways to write the requests of transactions, and a producer that remembers what it was told."""

from __future__ import annotations

from typing import Any

from kafkalite_protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from kafkalite_protocol.messages.add_partitions_to_txn import AddPartitionsToTxnRequest
from kafkalite_protocol.messages.describe_transactions import DescribeTransactionsRequest
from kafkalite_protocol.messages.end_txn import EndTxnRequest
from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest
from kafkalite_protocol.messages.init_producer_id import InitProducerIdRequest
from kafkalite_protocol.messages.list_transactions import ListTransactionsRequest

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.side import Side

_NOT_NOW = {14, 15, 16, 51}
"""Codes that pass: the coordinator is being loaded, or found, or has something to finish."""

_LAST_EPOCH = 32_766
_PIPELINED = 200

Partitions = tuple[str, int]


def topics_of(*partitions: Partitions) -> list[Any]:
    names = dict.fromkeys(name for name, _ in partitions)
    return [
        AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(
            name, [index for topic, index in partitions if topic == name]
        )
        for name in names
    ]


def add_partitions(name: str, producer_id: int, epoch: int, *partitions: Partitions) -> Any:
    """v0-v3."""
    return AddPartitionsToTxnRequest([], name, producer_id, epoch, topics_of(*partitions))


def transaction(
    name: str, producer_id: int, epoch: int, *partitions: Partitions, verify: bool = False
) -> Any:
    """One of the transactions of v4-v5."""
    return AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction(
        name, producer_id, epoch, verify, topics_of(*partitions)
    )


def describe(side: Side, label: str, *names: str) -> None:
    """DescribeTransactions, without what the clock says."""
    answer = side.client.ask(DescribeTransactionsRequest(list(names)), 0)
    side.count += 1
    for state in answer.transaction_states:
        state.topics.sort(key=lambda topic: topic.topic)
        for topic in state.topics:
            topic.partitions.sort()
        state.transaction_start_time_ms = min(1, state.transaction_start_time_ms)
    side.note(label, answer)


def list_transactions(
    side: Side, label: str, version: int, prefix: str = "", **filters: Any
) -> None:
    """ListTransactions: those whose names begin with `prefix`, which other scenarios do not use."""
    answer = side.client.ask(ListTransactionsRequest(**filters), version)
    side.count += 1
    answer.transaction_states = sorted(
        (one for one in answer.transaction_states if one.transactional_id.startswith(prefix)),
        key=lambda one: one.transactional_id,
    )
    side.note(f"{label} v{version}", answer)


class Writer:
    """A transactional id, and the producer id and epoch that it was told last."""

    def __init__(self, side: Side, name: str) -> None:
        self.side = side
        self.name = name
        self.producer_id = -1
        self.epoch = -1
        eventually(f"{name} has a coordinator", self._is_coordinated)
        side.producer_id()

    def _is_coordinated(self) -> bool:
        found = self.side.client.ask(FindCoordinatorRequest(self.name, 1), 2)
        return found.error_code == 0 and self.state()[0] not in _NOT_NOW

    def state(self) -> tuple[int, str]:
        answer = self.side.client.ask(DescribeTransactionsRequest([self.name]), 0)
        state = answer.transaction_states[0]
        return state.error_code, state.transaction_state

    def settle(self) -> None:
        """Wait until nothing is being written for this id: Kafka finishes in its own time."""
        eventually(f"{self.name} is settled", lambda: not self.state()[1].startswith("Prepare"))

    def init(
        self,
        label: str,
        version: int = 4,
        *,
        known: tuple[int, int] | None = None,
        timeout_ms: int = 60_000,
    ) -> Any:
        producer_id, epoch = known or (-1, -1)
        request = InitProducerIdRequest(self.name, timeout_ms, producer_id, epoch)
        answer = self.side.ask(label, request, version)
        self.settle()
        self._take(label, answer)
        return answer

    def _take(self, label: str, answer: Any) -> None:
        self.side.note(f"{label}: the same id", answer.producer_id == self.producer_id)
        if answer.error_code == 0:
            self.producer_id, self.epoch = answer.producer_id, answer.producer_epoch

    def open(self) -> Writer:
        """The next epoch, not written down."""
        answer: Any = None

        def opened() -> bool:
            nonlocal answer
            answer = self.side.client.ask(InitProducerIdRequest(self.name, 60_000), 4)
            return answer.error_code == 0

        eventually(f"{self.name} has a producer id", opened)
        self.producer_id, self.epoch = answer.producer_id, answer.producer_epoch
        return self

    def use_up_epochs(self) -> Writer:
        """Be initialized until the last epoch that a client gets; not written down."""
        self.open()
        request = InitProducerIdRequest(self.name, 60_000)
        while self.epoch < _LAST_EPOCH:
            answer = None
            count = min(_PIPELINED, _LAST_EPOCH - self.epoch)
            for _ in range(count):
                self.side.client.send(request, 4)
            for _ in range(count):
                answer = self.side.client.receive(request.API_KEY, 4)
                assert answer.error_code == 0, answer
            assert answer is not None
            self.epoch = answer.producer_epoch
        return self

    def add(
        self,
        label: str,
        *partitions: Partitions,
        version: int = 3,
        producer_id: int | None = None,
        later: int = 0,
    ) -> Any:
        """AddPartitionsToTxn v0-v3; `later` is added to the epoch."""
        mine = self.producer_id if producer_id is None else producer_id
        request = add_partitions(self.name, mine, self.epoch + later, *partitions)
        return self.side.ask(label, request, version)

    def add_offsets(
        self,
        label: str,
        group: str,
        version: int = 3,
        *,
        producer_id: int | None = None,
        later: int = 0,
    ) -> Any:
        mine = self.producer_id if producer_id is None else producer_id
        request = AddOffsetsToTxnRequest(self.name, mine, self.epoch + later, group)
        return self.side.ask(label, request, version)

    def end(
        self,
        label: str,
        commit: bool,
        version: int = 4,
        *,
        producer_id: int | None = None,
        later: int = 0,
    ) -> Any:
        """EndTxn; from v5 on with what the answer says for the next transaction."""
        mine = self.producer_id if producer_id is None else producer_id
        request = EndTxnRequest(self.name, mine, self.epoch + later, commit)
        answer = self.side.ask(label, request, version)
        self.settle()
        if version >= 5:
            self._take(label, answer)
        return answer
