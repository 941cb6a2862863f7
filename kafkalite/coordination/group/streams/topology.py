"""The topology of a Streams application, as its members send it when they join.

    subtopology 0   source topics orders          -> repartition topic app-by-customer
    subtopology 1   repartition topic             -> changelog app-count-changelog of its state

A subtopology has as many tasks as the widest of its source and repartition source topics has partitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.streams_group_topology_value import StreamsGroupTopologyValue

from kafkalite.errors import KafkaError


class TopicInfo(NamedTuple):
    """A topic that the application wants to have."""

    name: str
    partitions: int
    """0: to be worked out from the topics that lead to it."""
    replication_factor: int
    """0: the broker's default."""
    configs: tuple[tuple[str, str], ...]


class CopartitionGroup(NamedTuple):
    """Topics that must have the same number of partitions, as indexes into the subtopology's lists."""

    source_topics: tuple[int, ...]
    source_topic_regex: tuple[int, ...]
    repartition_source_topics: tuple[int, ...]


class Subtopology(NamedTuple):
    subtopology_id: str
    source_topics: tuple[str, ...]
    source_topic_regex: tuple[str, ...]
    state_changelog_topics: tuple[TopicInfo, ...]
    repartition_sink_topics: tuple[str, ...]
    repartition_source_topics: tuple[TopicInfo, ...]
    copartition_groups: tuple[CopartitionGroup, ...]

    def read_topics(self) -> Iterator[str]:
        """What its tasks read from: source topics and repartition source topics."""
        yield from self.source_topics
        for topic in self.repartition_source_topics:
            yield topic.name

    def copartitioned(self) -> list[set[str]]:
        """Names for the indexes. KafkaError STREAMS_INVALID_TOPOLOGY when one of them points nowhere."""
        try:
            return [
                {self.source_topics[_index(n)] for n in group.source_topics}
                | {
                    self.repartition_source_topics[_index(n)].name
                    for n in group.repartition_source_topics
                }
                for group in self.copartition_groups
            ]
        except IndexError:
            raise KafkaError(
                ErrorCode.STREAMS_INVALID_TOPOLOGY,
                f"A copartition group of subtopology {self.subtopology_id} names a topic that it does not have.",
            ) from None


class Topology:
    """Immutable. Two are equal when they say the same."""

    def __init__(self, epoch: int, subtopologies: Iterable[Subtopology]) -> None:
        self.epoch = epoch
        self.subtopologies: Mapping[str, Subtopology] = {
            each.subtopology_id: each for each in subtopologies
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Topology):
            return NotImplemented
        return self.epoch == other.epoch and self.subtopologies == other.subtopologies

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def reader_of(self) -> Mapping[str, Subtopology]:
        """The subtopology that reads a source or repartition topic, by the topic's name."""
        return {
            name: subtopology
            for subtopology in self.subtopologies.values()
            for name in subtopology.read_topics()
        }

    @cached_property
    def required_topics(self) -> frozenset[str]:
        """Every topic without which the application cannot run."""
        changelogs = {
            topic.name
            for subtopology in self.subtopologies.values()
            for topic in subtopology.state_changelog_topics
        }
        return frozenset(changelogs | self.reader_of.keys())


class TopologyMessage(Protocol):
    """The topology in a heartbeat (`StreamsGroupHeartbeatRequest.Topology`) and in its record have the same fields."""

    epoch: int

    @property
    def subtopologies(self) -> Sequence[_SubtopologyMessage]: ...


class _KeyValue(Protocol):
    key: str
    value: str


class _TopicInfoMessage(Protocol):
    name: str
    partitions: int
    replication_factor: int

    @property
    def topic_configs(self) -> Sequence[_KeyValue]: ...


class _CopartitionMessage(Protocol):
    source_topics: list[int]
    source_topic_regex: list[int]
    repartition_source_topics: list[int]


class _SubtopologyMessage(Protocol):
    subtopology_id: str
    source_topics: list[str]
    source_topic_regex: list[str]
    repartition_sink_topics: list[str]

    @property
    def state_changelog_topics(self) -> Sequence[_TopicInfoMessage]: ...
    @property
    def repartition_source_topics(self) -> Sequence[_TopicInfoMessage]: ...
    @property
    def copartition_groups(self) -> Sequence[_CopartitionMessage]: ...


def read_topology(message: TopologyMessage) -> Topology:
    return Topology(message.epoch, map(_read_subtopology, message.subtopologies))


def topology_record(topology: Topology) -> StreamsGroupTopologyValue:
    """The value of its record; subtopologies in the order in which they came."""
    return StreamsGroupTopologyValue(
        topology.epoch, [_record_subtopology(each) for each in topology.subtopologies.values()]
    )


def _read_subtopology(message: _SubtopologyMessage) -> Subtopology:
    return Subtopology(
        subtopology_id=message.subtopology_id,
        source_topics=tuple(message.source_topics),
        source_topic_regex=tuple(message.source_topic_regex),
        state_changelog_topics=tuple(map(_read_topic, message.state_changelog_topics)),
        repartition_sink_topics=tuple(message.repartition_sink_topics),
        repartition_source_topics=tuple(map(_read_topic, message.repartition_source_topics)),
        copartition_groups=tuple(
            CopartitionGroup(
                tuple(group.source_topics),
                tuple(group.source_topic_regex),
                tuple(group.repartition_source_topics),
            )
            for group in message.copartition_groups
        ),
    )


def _read_topic(message: _TopicInfoMessage) -> TopicInfo:
    return TopicInfo(
        message.name,
        message.partitions,
        message.replication_factor,
        tuple((each.key, each.value) for each in message.topic_configs),
    )


def _record_subtopology(subtopology: Subtopology) -> StreamsGroupTopologyValue.Subtopology:
    return StreamsGroupTopologyValue.Subtopology(
        subtopology_id=subtopology.subtopology_id,
        source_topics=list(subtopology.source_topics),
        source_topic_regex=list(subtopology.source_topic_regex),
        state_changelog_topics=[_record_topic(each) for each in subtopology.state_changelog_topics],
        repartition_sink_topics=list(subtopology.repartition_sink_topics),
        repartition_source_topics=[
            _record_topic(each) for each in subtopology.repartition_source_topics
        ],
        copartition_groups=[
            StreamsGroupTopologyValue.CopartitionGroup(
                list(group.source_topics),
                list(group.source_topic_regex),
                list(group.repartition_source_topics),
            )
            for group in subtopology.copartition_groups
        ],
    )


def _record_topic(topic: TopicInfo) -> StreamsGroupTopologyValue.TopicInfo:
    return StreamsGroupTopologyValue.TopicInfo(
        topic.name,
        topic.partitions,
        topic.replication_factor,
        [StreamsGroupTopologyValue.TopicConfig(*each) for each in topic.configs],
    )


def _index(number: int) -> int:
    """Python would count a negative one from the end."""
    if number < 0:
        raise IndexError
    return number
