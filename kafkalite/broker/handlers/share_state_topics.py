"""What the five APIs of share-group state have in common: per topic, one call of the coordinator; all answered together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from kafkalite.coordination.share.persister import PartitionLeader
from kafkalite.deferred import Deferred, gather
from kafkalite.types import LeaderEpoch


class Topic(Protocol):
    """One topic of a request."""

    @property
    def partitions(self) -> Sequence[object]: ...


class Read(Protocol):
    """One partition that its leader asks about."""

    partition: int
    leader_epoch: int


def leaders_of(partitions: Sequence[Read]) -> list[PartitionLeader]:
    """Who asks, by partition."""
    return [PartitionLeader(each.partition, LeaderEpoch(each.leader_epoch)) for each in partitions]


T = TypeVar("T", bound=Topic)
R = TypeVar("R")


def for_each_topic(
    group_id: str, topics: Sequence[T], ask: Callable[[T], Deferred[R]]
) -> Deferred[list[R]]:
    """One result for each topic. None at all when the group has no name or a topic has no partitions, as Kafka answers."""
    if not group_id or not all(topic.partitions for topic in topics):
        return gather([])
    return gather([ask(topic) for topic in topics])
