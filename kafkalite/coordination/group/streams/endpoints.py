"""Which partitions are to be had at which `application.server`: how one instance finds the state of another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kafkalite_protocol.messages.streams_group_heartbeat import StreamsGroupHeartbeatResponse

from kafkalite.coordination.group.streams.configured_topology import (
    ConfiguredSubtopology,
    ConfiguredTopology,
)
from kafkalite.coordination.group.streams.member import StreamsMember
from kafkalite.coordination.group.streams.tasks import TaskId, by_subtopology
from kafkalite.coordination.ports import TopicView

EndpointToPartitions = StreamsGroupHeartbeatResponse.EndpointToPartitions
_TopicPartitions = StreamsGroupHeartbeatResponse.TopicPartition


def partitions_by_endpoint(
    members: Iterable[StreamsMember], configured: ConfiguredTopology, topics: TopicView
) -> list[EndpointToPartitions]:
    """One entry for each member that has an endpoint."""
    return [
        EndpointToPartitions(
            StreamsGroupHeartbeatResponse.Endpoint(endpoint.host, endpoint.port),
            list(_topic_partitions(member.assigned.active, configured.subtopologies, topics)),
            list(_topic_partitions(member.assigned.standby, configured.subtopologies, topics)),
        )
        for member in members
        if (endpoint := member.metadata.user_endpoint) is not None
    ]


def _topic_partitions(
    tasks: Iterable[TaskId],
    subtopologies: Mapping[str, ConfiguredSubtopology],
    topics: TopicView,
) -> Iterator[_TopicPartitions]:
    """Of a topic with fewer partitions than there are tasks, the first ones (as Kafka)."""
    for subtopology_id, partitions in by_subtopology(tasks).items():
        subtopology = subtopologies.get(subtopology_id)
        if subtopology is None:
            continue
        for topic in sorted(
            subtopology.source_topics | subtopology.repartition_source_topics.keys()
        ):
            yield _TopicPartitions(topic, partitions[: topics.partition_count(topic)])
