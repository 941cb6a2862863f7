"""The port of assignors that run in the coordinator, and what they are given (Kafka's `PartitionAssignor`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, Protocol

from kafkalite.coordination.group.modern.group import M, ModernGroup
from kafkalite.coordination.group.modern.partitions import Partitions
from kafkalite.coordination.ports import TopicView
from kafkalite.types import MemberId, Uuid

Assignable = Mapping[Uuid, Collection[int]]
"""Topic id -> the partitions to hand out, ascending. Exactly the topics that somebody is subscribed to and that exist."""


class Subscriber(NamedTuple):
    """One member as assignors see it."""

    topic_ids: frozenset[Uuid]
    """Subscribed and existing."""
    target: Partitions
    """What it was to have so far; may hold topics and partitions that are gone."""
    instance_id: str | None = None
    rack_id: str | None = None


class Assignor(Protocol):
    """A strategy. Pure: the same question has the same answer."""

    @property
    def name(self) -> str: ...

    def assign(
        self, subscribers: Mapping[MemberId, Subscriber], assignable: Assignable
    ) -> dict[MemberId, Partitions]:
        """The new target of every subscriber; one that is left out gets nothing."""
        ...


def compute_targets(
    group: ModernGroup[M],
    assignor: Assignor,
    topics: TopicView,
    assignable_of: Callable[[Uuid, str], Collection[int]] | None = None,
) -> dict[MemberId, Partitions]:
    """Ask `assignor` for the targets of the group as it is now.

    `assignable_of(topic id, name)` narrows down which partitions are handed out; without it they are all.
    """
    id_of = {name: topics.topic_id(name) for name in group.subscribed_topics()}
    assignable = {
        topic_id: range(topics.partition_count(name))
        if assignable_of is None
        else assignable_of(topic_id, name)
        for name, topic_id in id_of.items()
        if topic_id is not None
    }
    ids_by_names: dict[frozenset[str], frozenset[Uuid]] = {}

    def ids_of(names: frozenset[str]) -> frozenset[Uuid]:
        """Most members read the same topics: worked out once, and shared."""
        ids = ids_by_names.get(names)
        if ids is None:
            found = (id_of[name] for name in names)
            ids = ids_by_names[names] = frozenset(each for each in found if each is not None)
        return ids

    subscribers = {
        member_id: Subscriber(
            ids_of(group.subscribed_names(member)),
            group.target(member_id),
            member.instance_id,
            member.rack_id,
        )
        for member_id, member in group.members.items()
    }
    return assignor.assign(subscribers, assignable)
