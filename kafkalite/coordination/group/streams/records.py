"""A streams group as records of `__consumer_offsets`, all of value version 0.

17 StreamsGroupMetadata                    group               group epoch, hash of the topics, assignment configs
19 StreamsGroupMemberMetadata              group, member       what the member says of itself
20 StreamsGroupTargetAssignmentMetadata    group               assignment epoch
21 StreamsGroupTargetAssignmentMember      group, member       tasks it should have
22 StreamsGroupCurrentMemberAssignment     group, member       tasks it has, and those it still has to give up
23 StreamsGroupTopology                    group               the topology
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kafkalite_protocol.messages.streams_group_current_member_assignment_key import (
    StreamsGroupCurrentMemberAssignmentKey,
)
from kafkalite_protocol.messages.streams_group_current_member_assignment_value import (
    StreamsGroupCurrentMemberAssignmentValue,
)
from kafkalite_protocol.messages.streams_group_member_metadata_key import (
    StreamsGroupMemberMetadataKey,
)
from kafkalite_protocol.messages.streams_group_member_metadata_value import (
    StreamsGroupMemberMetadataValue,
)
from kafkalite_protocol.messages.streams_group_metadata_key import StreamsGroupMetadataKey
from kafkalite_protocol.messages.streams_group_metadata_value import StreamsGroupMetadataValue
from kafkalite_protocol.messages.streams_group_target_assignment_member_key import (
    StreamsGroupTargetAssignmentMemberKey,
)
from kafkalite_protocol.messages.streams_group_target_assignment_member_value import (
    StreamsGroupTargetAssignmentMemberValue,
)
from kafkalite_protocol.messages.streams_group_target_assignment_metadata_key import (
    StreamsGroupTargetAssignmentMetadataKey,
)
from kafkalite_protocol.messages.streams_group_target_assignment_metadata_value import (
    StreamsGroupTargetAssignmentMetadataValue,
)
from kafkalite_protocol.messages.streams_group_topology_key import StreamsGroupTopologyKey

from kafkalite.coordination.group.record_bytes import encode_record, tombstone_of
from kafkalite.coordination.group.streams.member import StreamsMember
from kafkalite.coordination.group.streams.tasks import TaskId, Tasks, by_subtopology, write_tasks
from kafkalite.coordination.group.streams.topology import Topology, topology_record
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, MemberId

_TargetTasks = StreamsGroupTargetAssignmentMemberValue.TaskIds
_CurrentTasks = StreamsGroupCurrentMemberAssignmentValue.TaskIds


def group_metadata(
    group_id: GroupId,
    epoch: int,
    metadata_hash: int,
    validated_topology_epoch: int,
    assignment_configs: Mapping[str, str],
) -> KeyValue:
    value = StreamsGroupMetadataValue(
        epoch=epoch,
        metadata_hash=metadata_hash,
        validated_topology_epoch=validated_topology_epoch,
        last_assignment_configs=[
            StreamsGroupMetadataValue.LastAssignmentConfig(*each)
            for each in sorted(assignment_configs.items())
        ],
    )
    return encode_record(StreamsGroupMetadataKey(group_id), value)


def topology(group_id: GroupId, value: Topology) -> KeyValue:
    return encode_record(StreamsGroupTopologyKey(group_id), topology_record(value))


def member_metadata(group_id: GroupId, member: StreamsMember) -> KeyValue:
    metadata = member.metadata
    endpoint = metadata.user_endpoint
    value = StreamsGroupMemberMetadataValue(
        instance_id=metadata.instance_id,
        rack_id=metadata.rack_id,
        client_id=metadata.client_id,
        client_host=metadata.client_host,
        rebalance_timeout_ms=metadata.rebalance_timeout_ms,
        topology_epoch=metadata.topology_epoch,
        process_id=metadata.process_id,
        user_endpoint=None
        if endpoint is None
        else StreamsGroupMemberMetadataValue.Endpoint(endpoint.host, endpoint.port),
        client_tags=[
            StreamsGroupMemberMetadataValue.KeyValue(*each)
            for each in sorted(metadata.client_tags.items())
        ],
    )
    key = StreamsGroupMemberMetadataKey(group_id, member.member_id)
    return encode_record(key, value)


def target_epoch(group_id: GroupId, epoch: int, timestamp_ms: int) -> KeyValue:
    value = StreamsGroupTargetAssignmentMetadataValue(epoch, timestamp_ms)
    key = StreamsGroupTargetAssignmentMetadataKey(group_id)
    return encode_record(key, value)


def target(group_id: GroupId, member_id: MemberId, tasks: Tasks) -> KeyValue:
    value = StreamsGroupTargetAssignmentMemberValue(
        write_tasks(tasks.active, _TargetTasks),
        write_tasks(tasks.standby, _TargetTasks),
        write_tasks(tasks.warmup, _TargetTasks),
    )
    key = StreamsGroupTargetAssignmentMemberKey(group_id, member_id)
    return encode_record(key, value)


def current(group_id: GroupId, member: StreamsMember) -> KeyValue:
    assigned, revoking = member.assigned, member.revoking
    value = StreamsGroupCurrentMemberAssignmentValue(
        member_epoch=member.epoch,
        previous_member_epoch=member.previous_epoch,
        state=member.state,
        active_tasks=_with_epochs(assigned.active),
        standby_tasks=write_tasks(assigned.standby, _CurrentTasks),
        warmup_tasks=write_tasks(assigned.warmup, _CurrentTasks),
        active_tasks_pending_revocation=_with_epochs(revoking.active),
        standby_tasks_pending_revocation=write_tasks(revoking.standby, _CurrentTasks),
        warmup_tasks_pending_revocation=write_tasks(revoking.warmup, _CurrentTasks),
    )
    key = StreamsGroupCurrentMemberAssignmentKey(group_id, member.member_id)
    return encode_record(key, value)


def _with_epochs(tasks: Mapping[TaskId, int]) -> list[_CurrentTasks]:
    return [
        _CurrentTasks(name, partitions, [tasks[TaskId(name, each)] for each in partitions])
        for name, partitions in by_subtopology(tasks).items()
    ]


def member_tombstones(group_id: GroupId, member_id: MemberId) -> list[KeyValue]:
    """What takes a member out, in the order in which replaying Kafka wants to see it go."""
    return [
        tombstone_of(StreamsGroupCurrentMemberAssignmentKey(group_id, member_id)),
        tombstone_of(StreamsGroupTargetAssignmentMemberKey(group_id, member_id)),
        tombstone_of(StreamsGroupMemberMetadataKey(group_id, member_id)),
    ]


def group_tombstones(group_id: GroupId, member_ids: Iterable[MemberId]) -> list[KeyValue]:
    """What takes the whole group out; again in Kafka's order."""
    members = list(member_ids)
    return [
        *(tombstone_of(StreamsGroupCurrentMemberAssignmentKey(group_id, m)) for m in members),
        *(tombstone_of(StreamsGroupTargetAssignmentMemberKey(group_id, m)) for m in members),
        tombstone_of(StreamsGroupTargetAssignmentMetadataKey(group_id)),
        *(tombstone_of(StreamsGroupMemberMetadataKey(group_id, m)) for m in members),
        tombstone_of(StreamsGroupMetadataKey(group_id)),
        tombstone_of(StreamsGroupTopologyKey(group_id)),
    ]
