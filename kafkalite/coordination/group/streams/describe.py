"""A streams group as StreamsGroupDescribe shows it."""

from __future__ import annotations

from collections.abc import Iterable

from kafkalite_protocol.messages.streams_group_describe import StreamsGroupDescribeResponse

from kafkalite.coordination.group.streams.configured_topology import (
    ConfiguredSubtopology,
    ConfiguredTopology,
    InternalTopic,
)
from kafkalite.coordination.group.streams.group import StreamsGroup
from kafkalite.coordination.group.streams.member import StreamsMember
from kafkalite.coordination.group.streams.tasks import TaskId, Tasks, write_tasks
from kafkalite.coordination.group.streams.topology import Subtopology, TopicInfo, Topology

DescribedGroup = StreamsGroupDescribeResponse.DescribedGroup
_DescribedMember = StreamsGroupDescribeResponse.Member
_DescribedTopology = StreamsGroupDescribeResponse.Topology
_DescribedSubtopology = StreamsGroupDescribeResponse.Subtopology
_DescribedTopic = StreamsGroupDescribeResponse.TopicInfo
_TaskIds = StreamsGroupDescribeResponse.TaskIds
_KeyValue = StreamsGroupDescribeResponse.KeyValue


def describe_group(group: StreamsGroup) -> DescribedGroup:
    return DescribedGroup(
        group_id=group.group_id,
        group_state=group.state_name,
        group_epoch=group.epoch,
        assignment_epoch=group.assignment_epoch,
        topology=_topology(group),
        members=[
            _member(member, group.target(member_id)) for member_id, member in group.members.items()
        ],
    )


def _member(member: StreamsMember, target: Tasks) -> _DescribedMember:
    metadata, assigned, endpoint = member.metadata, member.assigned, member.metadata.user_endpoint
    return _DescribedMember(
        member_id=member.member_id,
        member_epoch=member.epoch,
        instance_id=metadata.instance_id,
        rack_id=metadata.rack_id,
        client_id=metadata.client_id,
        client_host=metadata.client_host,
        topology_epoch=metadata.topology_epoch,
        process_id=metadata.process_id,
        user_endpoint=None
        if endpoint is None
        else StreamsGroupDescribeResponse.Endpoint(endpoint.host, endpoint.port),
        client_tags=[_KeyValue(*each) for each in metadata.client_tags.items()],
        assignment=_assignment(assigned.active, assigned.standby, assigned.warmup),
        target_assignment=_assignment(*target),
    )


def _assignment(
    active: Iterable[TaskId], standby: Iterable[TaskId], warmup: Iterable[TaskId]
) -> StreamsGroupDescribeResponse.Assignment:
    return StreamsGroupDescribeResponse.Assignment(
        write_tasks(active, _TaskIds), write_tasks(standby, _TaskIds), write_tasks(warmup, _TaskIds)
    )


def _topology(group: StreamsGroup) -> _DescribedTopology | None:
    """With the numbers of partitions that were worked out, when they were."""
    if group.configured is not None and group.configured.is_ready:
        return _configured_topology(group.configured)
    return None if group.topology is None else _raw_topology(group.topology)


def _configured_topology(configured: ConfiguredTopology) -> _DescribedTopology:
    return _DescribedTopology(
        configured.topology.epoch,
        [_configured(name, each) for name, each in sorted(configured.subtopologies.items())],
    )


def _configured(name: str, subtopology: ConfiguredSubtopology) -> _DescribedSubtopology:
    return _DescribedSubtopology(
        subtopology_id=name,
        source_topics=sorted(subtopology.source_topics),
        repartition_sink_topics=sorted(subtopology.repartition_sink_topics),
        repartition_source_topics=_topics(subtopology.repartition_source_topics.values()),
        state_changelog_topics=_topics(subtopology.state_changelog_topics.values()),
    )


def _raw_topology(topology: Topology) -> _DescribedTopology:
    return _DescribedTopology(
        topology.epoch, [_raw(each) for _, each in sorted(topology.subtopologies.items())]
    )


def _raw(subtopology: Subtopology) -> _DescribedSubtopology:
    return _DescribedSubtopology(
        subtopology_id=subtopology.subtopology_id,
        source_topics=sorted(subtopology.source_topics),
        repartition_sink_topics=sorted(subtopology.repartition_sink_topics),
        repartition_source_topics=_topics(subtopology.repartition_source_topics),
        state_changelog_topics=_topics(subtopology.state_changelog_topics),
    )


def _topics(topics: Iterable[TopicInfo | InternalTopic]) -> list[_DescribedTopic]:
    return [
        _DescribedTopic(
            topic.name,
            topic.partitions,
            topic.replication_factor,
            [_KeyValue(*each) for each in topic.configs],
        )
        for topic in sorted(topics)
    ]
