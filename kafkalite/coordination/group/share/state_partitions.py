"""Which partitions a share group has durable state for (record type 15); a partition is assigned only once it has.

                 somebody subscribes              persister has answered
    (nothing) --------------------> initializing ----------------------> initialized
        ^                                |                                    |
        |   it failed, or topic deleted  |                                    |  offsets or group deleted by an administrator
        +--------------------------------+              deleting <------------+
        +--------------------------------------------------+
                        persister has answered

The states themselves are in `__share_group_state`, behind the `Persister`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from kafkalite.types import Uuid

V = TypeVar("V")


class TopicPartitions(NamedTuple):
    """Partitions of one topic, which has a name beside its id for whoever reads the log."""

    name: str
    numbers: frozenset[int]


Topics = Mapping[Uuid, TopicPartitions]
"""By topic id; a topic without partitions is left out."""

NO_TOPICS: Final[Topics] = MappingProxyType({})
_NO_NAMES: Final[Mapping[Uuid, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StatePartitions:
    """A value; each change makes a new one."""

    initializing: Topics = field(default_factory=lambda: NO_TOPICS)
    initialized: Topics = field(default_factory=lambda: NO_TOPICS)
    deleting: Mapping[Uuid, str] = field(default_factory=lambda: _NO_NAMES)
    """Topic id -> name: all that the group had of the topic."""

    def begin(self, topics: Topics) -> StatePartitions:
        """The persister is to be asked to initialise these."""
        return replace(
            self,
            initializing=plus(self.initializing, topics),
            deleting=_without(self.deleting, topics),
        )

    def succeeded(self, topics: Topics) -> StatePartitions:
        return replace(
            self,
            initializing=minus(self.initializing, topics),
            initialized=plus(self.initialized, topics),
        )

    def failed(self, topics: Topics) -> StatePartitions:
        """They are tried again when somebody who reads them is heard of."""
        return replace(self, initializing=minus(self.initializing, topics))

    def delete(self, names: Mapping[Uuid, str]) -> StatePartitions:
        """The persister is to be asked to delete all there is of these topics."""
        return StatePartitions(
            initializing=_without(self.initializing, names),
            initialized=_without(self.initialized, names),
            deleting={**self.deleting, **names},
        )

    def forget(self, topic_ids: Collection[Uuid]) -> StatePartitions:
        """There is nothing left of these topics."""
        return StatePartitions(
            initializing=_without(self.initializing, topic_ids),
            initialized=_without(self.initialized, topic_ids),
            deleting=_without(self.deleting, topic_ids),
        )

    @property
    def known(self) -> Topics:
        """Initialised, or about to be."""
        return plus(self.initialized, self.initializing)


def plus(one: Topics, other: Topics) -> Topics:
    found = dict(one)
    for topic_id, topic in other.items():
        numbers = found[topic_id].numbers if topic_id in found else frozenset()
        found[topic_id] = TopicPartitions(topic.name, numbers | topic.numbers)
    return found


def minus(one: Topics, other: Topics) -> Topics:
    found = {}
    for topic_id, topic in one.items():
        gone = other[topic_id].numbers if topic_id in other else frozenset()
        if topic.numbers - gone:
            found[topic_id] = TopicPartitions(topic.name, topic.numbers - gone)
    return found


def _without(one: Mapping[Uuid, V], topic_ids: Iterable[Uuid]) -> Mapping[Uuid, V]:
    gone = set(topic_ids)
    return {topic_id: value for topic_id, value in one.items() if topic_id not in gone}
