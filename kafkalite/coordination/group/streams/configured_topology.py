"""A topology put together with the topics there are: how many tasks it has, and which topics are missing.

Number of partitions, in this order (KIP-1071, Kafka's `InternalTopicManager`):

    repartition topic   what the application says, else the widest topic read by the subtopology that writes it
    copartitioned       repartition topics of a group follow its source topics; among themselves, the widest
    changelog topic     as many as its subtopology has tasks
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.streams.topology import Subtopology, TopicInfo, Topology
from kafkalite.coordination.ports import TopicView
from kafkalite.errors import KafkaError

_NAMES_SHOWN_MAX = 3

_TASKS_MAX = 100_000
"""Ours: a second or two of assigning. A topology can name the same wide topic again and again."""


class StatusCode(IntEnum):
    """What a heartbeat tells of the group's condition, by its number on the wire."""

    STALE_TOPOLOGY = 0
    MISSING_SOURCE_TOPICS = 1
    INCORRECTLY_PARTITIONED_TOPICS = 2
    MISSING_INTERNAL_TOPICS = 3
    SHUTDOWN_APPLICATION = 4
    ASSIGNMENT_DELAYED = 5


class Status(NamedTuple):
    code: StatusCode
    detail: str


class InternalTopic(NamedTuple):
    """A repartition or changelog topic as it is to be made."""

    name: str
    partitions: int
    replication_factor: int
    """0: the broker's default."""
    configs: tuple[tuple[str, str], ...]


class ConfiguredSubtopology(NamedTuple):
    task_count: int
    source_topics: frozenset[str]
    repartition_source_topics: Mapping[str, InternalTopic]
    repartition_sink_topics: frozenset[str]
    state_changelog_topics: Mapping[str, InternalTopic]


class ConfiguredTopology(NamedTuple):
    topology: Topology
    subtopologies: Mapping[str, ConfiguredSubtopology]
    """In order of their ids; empty when the topics do not fit the topology."""
    missing_topics: tuple[InternalTopic, ...] = ()
    problem: Status | None = None
    """Why the topology cannot run yet."""

    @property
    def is_ready(self) -> bool:
        return self.problem is None


class _Unsuitable(Exception):
    """Not an error: the group waits in NotReady for other topics."""

    def __init__(self, code: StatusCode, detail: str) -> None:
        super().__init__(code, detail)
        self.status = Status(code, detail)


def configure(topology: Topology, topics: TopicView) -> ConfiguredTopology:
    """KafkaError STREAMS_INVALID_TOPOLOGY when no set of topics could make the topology work."""
    try:
        return _configure(topology, topics)
    except _Unsuitable as unsuitable:
        return ConfiguredTopology(topology, {}, problem=unsuitable.status)


def _configure(topology: Topology, topics: TopicView) -> ConfiguredTopology:
    absent = {
        name
        for subtopology in topology.subtopologies.values()
        for name in subtopology.source_topics
        if not topics.partition_count(name)
    }
    if absent:
        raise _Unsuitable(
            StatusCode.MISSING_SOURCE_TOPICS, f"There are no such source topics: {_some_of(absent)}"
        )
    counts = _PartitionCounts(topology, topics)
    subtopologies = {
        name: _configured_subtopology(topology.subtopologies[name], counts)
        for name in sorted(topology.subtopologies)
    }
    task_count = sum(each.task_count for each in subtopologies.values())
    if task_count > _TASKS_MAX:
        raise _invalid(f"The topology has {task_count} tasks, more than {_TASKS_MAX}.")
    missing = _missing_topics(subtopologies.values(), topics)
    problem = None
    if missing:
        names = _some_of(topic.name for topic in missing)
        problem = Status(
            StatusCode.MISSING_INTERNAL_TOPICS, f"Internal topics are still to be made: {names}"
        )
    return ConfiguredTopology(topology, subtopologies, missing, problem)


class _PartitionCounts:
    """Decides how many partitions each internal topic has to have."""

    def __init__(self, topology: Topology, topics: TopicView) -> None:
        self._topology = topology
        self._topics = topics
        self._decided: dict[str, int] = {}
        repartition = [
            topic
            for subtopology in topology.subtopologies.values()
            for topic in subtopology.repartition_source_topics
        ]
        self._fixed = {topic.name for topic in repartition if topic.partitions}
        self._flexible = {topic.name for topic in repartition} - self._fixed
        self._decide_repartition_topics()
        for subtopology in topology.subtopologies.values():
            for group in subtopology.copartitioned():
                self._copartition(group)

    def of(self, name: str) -> int:
        """What the topic has, else what it will have."""
        return self._topics.partition_count(name) or self.decided(name)

    def decided(self, name: str) -> int:
        count = self._decided.get(name, 0)
        if count <= 0:
            raise _invalid(f"The number of partitions of topic {name} cannot be worked out.")
        return count

    def _decide_repartition_topics(self) -> None:
        subtopologies = self._topology.subtopologies.values()
        for subtopology in subtopologies:
            for topic in subtopology.repartition_source_topics:
                if topic.partitions:
                    self._decided[topic.name] = topic.partitions
        while self._decide_sinks():
            pass
        for subtopology in subtopologies:
            for topic in subtopology.repartition_source_topics:
                if topic.name not in self._decided:
                    raise _invalid(f"Nothing writes to the repartition topic {topic.name}.")

    def _decide_sinks(self) -> bool:
        """One pass over what subtopologies write to; True when another one is needed."""
        undecided = progress = False
        for subtopology in self._topology.subtopologies.values():
            for sink in subtopology.repartition_sink_topics:
                if sink in self._decided:
                    continue
                count = self._widest_known(subtopology)
                if count:
                    self._decided[sink] = count
                    progress = True
                else:
                    undecided = True
        if undecided and not progress:
            raise _invalid(
                "The number of partitions of the repartition topics cannot be worked out: "
                "there may be loops in the topology."
            )
        return undecided

    def _widest_known(self, subtopology: Subtopology) -> int:
        repartition = (
            self._decided.get(topic.name, 0) for topic in subtopology.repartition_source_topics
        )
        source = map(self._topics.partition_count, subtopology.source_topics)
        return max([*repartition, *source], default=0)

    def _copartition(self, group: set[str]) -> None:
        """Give the repartition topics of a group the number of partitions that the group has."""
        if not group:
            return
        repartition = group & (self._fixed | self._flexible)
        if repartition != group:
            count = self._same(group - repartition)
        elif self._fixed:
            count = self._same(self._fixed)
        else:
            count = max(map(self.of, group))
        for name in sorted(repartition & self._fixed):
            if self.of(name) != count:
                raise _Unsuitable(
                    StatusCode.INCORRECTLY_PARTITIONED_TOPICS,
                    f"Repartition topic {name} has {self.of(name)} partitions, the topics that it is joined with {count}.",
                )
        self._decided.update(dict.fromkeys(repartition, count))

    def _same(self, names: set[str]) -> int:
        counts = {name: self.of(name) for name in sorted(names)}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name}={count}" for name, count in counts.items())
            raise _Unsuitable(
                StatusCode.INCORRECTLY_PARTITIONED_TOPICS,
                f"These topics must have the same number of partitions: {listed}",
            )
        return next(iter(counts.values()))


def _configured_subtopology(
    subtopology: Subtopology, counts: _PartitionCounts
) -> ConfiguredSubtopology:
    task_count = max(map(counts.of, subtopology.read_topics()), default=0)
    if not task_count:
        raise _invalid(f"Subtopology {subtopology.subtopology_id} reads from no topic.")
    return ConfiguredSubtopology(
        task_count,
        frozenset(subtopology.source_topics),
        {
            topic.name: _internal_topic(topic, topic.partitions or counts.decided(topic.name))
            for topic in subtopology.repartition_source_topics
        },
        frozenset(subtopology.repartition_sink_topics),
        {
            topic.name: _internal_topic(topic, task_count)
            for topic in subtopology.state_changelog_topics
        },
    )


def _internal_topic(topic: TopicInfo, partitions: int) -> InternalTopic:
    return InternalTopic(topic.name, partitions, topic.replication_factor, topic.configs)


def _missing_topics(
    subtopologies: Iterable[ConfiguredSubtopology], topics: TopicView
) -> tuple[InternalTopic, ...]:
    wanted: dict[str, InternalTopic] = {}
    for subtopology in subtopologies:
        wanted.update(subtopology.repartition_source_topics)
        wanted.update(subtopology.state_changelog_topics)
    missing = []
    for name in sorted(wanted):
        found = topics.partition_count(name)
        if not found:
            missing.append(wanted[name])
        elif found != wanted[name].partitions:
            raise _Unsuitable(
                StatusCode.INCORRECTLY_PARTITIONED_TOPICS,
                f"Topic {name} is there with {found} partitions, and must have {wanted[name].partitions}.",
            )
    return tuple(missing)


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.STREAMS_INVALID_TOPOLOGY, message)


def _some_of(names: Iterable[str]) -> str:
    """The first few, and how many more there are."""
    ordered = sorted(names)
    more = len(ordered) - _NAMES_SHOWN_MAX
    shown = ", ".join(ordered[:_NAMES_SHOWN_MAX])
    return f"{shown} and {more} more" if more > 0 else shown
