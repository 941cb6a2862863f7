"""A `Persister` in memory, which answers at once, or when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.share.persister import (
    InitialState,
    PartitionLeader,
    PartitionResult,
    PartitionState,
    PartitionSummary,
    StateUpdate,
)
from kafkalite.deferred import Deferred, resolved
from kafkalite.types import GroupId, Offset, Uuid

T = TypeVar("T")


class Key(NamedTuple):
    group_id: str
    topic_id: Uuid
    partition: int


class FakePersister:
    """`hold` keeps answers back until `answer_next`; partitions in `fail` are refused with its code."""

    def __init__(self) -> None:
        self.states: dict[Key, InitialState] = {}
        self.fail: dict[int, ErrorCode] = {}
        self.hold = False
        self._held: list[Callable[[], None]] = []

    def initialize_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[InitialState]
    ) -> Deferred[list[PartitionResult]]:
        def initialize() -> list[PartitionResult]:
            for each in partitions:
                if each.partition not in self.fail:
                    self.states[Key(group_id, topic_id, each.partition)] = each
            return self._results([each.partition for each in partitions])

        return self._answer(initialize)

    def delete_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[int]
    ) -> Deferred[list[PartitionResult]]:
        def delete() -> list[PartitionResult]:
            for partition in partitions:
                if partition not in self.fail:
                    self.states.pop(Key(group_id, topic_id, partition), None)
            return self._results(partitions)

        return self._answer(delete)

    def read_summary(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[PartitionLeader]
    ) -> Deferred[list[PartitionSummary]]:
        def summary(partition: int) -> PartitionSummary:
            state = self.states.get(Key(group_id, topic_id, partition))
            if partition in self.fail or state is None:
                return PartitionSummary(partition, self.fail.get(partition, ErrorCode.NONE))
            return PartitionSummary(
                partition,
                state_epoch=state.state_epoch,
                start_offset=state.start_offset,
                delivery_complete_count=0,
            )

        return self._answer(lambda: [summary(each.partition) for each in partitions])

    def read_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[PartitionLeader]
    ) -> Deferred[list[PartitionState]]:
        raise AssertionError("of no use to the group coordinator")

    def write_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[StateUpdate]
    ) -> Deferred[list[PartitionResult]]:
        raise AssertionError("of no use to the group coordinator")

    def answer_next(self) -> None:
        self._held.pop(0)()

    @property
    def waiting(self) -> int:
        return len(self._held)

    def start_offsets(self, group_id: str) -> dict[tuple[Uuid, int], Offset]:
        return {
            (key.topic_id, key.partition): state.start_offset
            for key, state in self.states.items()
            if key.group_id == group_id
        }

    def _results(self, partitions: Sequence[int]) -> list[PartitionResult]:
        return [PartitionResult(each, self.fail.get(each, ErrorCode.NONE)) for each in partitions]

    def _answer(self, act: Callable[[], T]) -> Deferred[T]:
        if not self.hold:
            return resolved(act())
        out: Deferred[T] = Deferred()
        self._held.append(lambda: out.resolve(act()))
        return out
