"""The `Persister` of a broker that coordinates its own share groups: the coordinator, once its topic exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.share.coordinator import ShareCoordinator
from kafkalite.coordination.share.persister import (
    InitialState,
    PartitionLeader,
    PartitionResult,
    PartitionState,
    PartitionSummary,
    StateUpdate,
)
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, Uuid

T = TypeVar("T")


class LocalPersister:
    """See `Persister`. The first call makes `__share_group_state`, as looking for the coordinator does in Kafka."""

    def __init__(
        self, coordinator: ShareCoordinator, ensure_topic: Callable[[], Deferred[None]]
    ) -> None:
        self._coordinator = coordinator
        self._ensure_topic = ensure_topic

    def initialize_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[InitialState]
    ) -> Deferred[list[PartitionResult]]:
        return self._call(
            lambda: self._coordinator.initialize_state(group_id, topic_id, partitions),
            lambda code, message: [PartitionResult(p.partition, code, message) for p in partitions],
        )

    def read_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[PartitionLeader]
    ) -> Deferred[list[PartitionState]]:
        return self._call(
            lambda: self._coordinator.read_state(group_id, topic_id, partitions),
            lambda code, message: [PartitionState(p.partition, code, message) for p in partitions],
        )

    def write_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[StateUpdate]
    ) -> Deferred[list[PartitionResult]]:
        return self._call(
            lambda: self._coordinator.write_state(group_id, topic_id, partitions),
            lambda code, message: [PartitionResult(p.partition, code, message) for p in partitions],
        )

    def delete_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[int]
    ) -> Deferred[list[PartitionResult]]:
        return self._call(
            lambda: self._coordinator.delete_state(group_id, topic_id, partitions),
            lambda code, message: [PartitionResult(p, code, message) for p in partitions],
        )

    def read_summary(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[PartitionLeader]
    ) -> Deferred[list[PartitionSummary]]:
        return self._call(
            lambda: self._coordinator.read_summary(group_id, topic_id, partitions),
            lambda code, message: [
                PartitionSummary(p.partition, code, message) for p in partitions
            ],
        )

    def _call(
        self,
        operation: Callable[[], Deferred[list[T]]],
        failed: Callable[[ErrorCode, str | None], list[T]],
    ) -> Deferred[list[T]]:
        out: Deferred[list[T]] = Deferred()

        def ready(created: Deferred[None]) -> None:
            try:
                created.result()
            except KafkaError as error:
                out.resolve(failed(ErrorCode.COORDINATOR_NOT_AVAILABLE, error.message))
            else:
                operation().on_done(lambda done: out.resolve(done.result()))

        self._ensure_topic().on_done(ready)
        return out
