"""Takes the records of streams groups (`records.py`) into the groups. A tombstone of something that is gone is nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from kafkalite_protocol.errors import ProtocolError
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
from kafkalite_protocol.messages.streams_group_topology_value import StreamsGroupTopologyValue

from kafkalite.coordination.group.group import Groups, Replay
from kafkalite.coordination.group.record_bytes import decode_key, decode_value
from kafkalite.coordination.group.streams.group import StreamsGroup
from kafkalite.coordination.group.streams.member import (
    MemberMetadata,
    MemberState,
    StreamsMember,
    UserEndpoint,
)
from kafkalite.coordination.group.streams.tasks import (
    NOTHING_HELD,
    HeldTasks,
    TaskId,
    Tasks,
    read_tasks,
)
from kafkalite.coordination.group.streams.topology import read_topology
from kafkalite.types import GroupId, MemberId

_NO_EPOCH = -1
"""Kafka's mark of what has been taken out of the log."""

_CurrentTasks = StreamsGroupCurrentMemberAssignmentValue.TaskIds


def _existing(groups: Groups, group_id: str) -> StreamsGroup | None:
    group = groups.get(GroupId(group_id))
    return group if isinstance(group, StreamsGroup) else None


def _made(groups: Groups, group_id: str) -> StreamsGroup:
    """The group, made if it is not there. An empty group of another type gives way to it."""
    group = groups.get(GroupId(group_id))
    if isinstance(group, StreamsGroup):
        return group
    if group is not None and not group.is_empty:
        raise ProtocolError(f"group {group_id} is a {group.type.value} group with members")
    made = groups[GroupId(group_id)] = StreamsGroup(GroupId(group_id))
    return made


def _member(group: StreamsGroup, member_id: str) -> StreamsMember:
    found = group.members.get(MemberId(member_id))
    return StreamsMember(MemberId(member_id)) if found is None else found


def _group_metadata(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id = decode_key(StreamsGroupMetadataKey, key).group_id
    if value is None:
        if _existing(groups, group_id) is not None:
            del groups[GroupId(group_id)]
        return
    read = decode_value(StreamsGroupMetadataValue, value)
    group = _made(groups, group_id)
    group.epoch = read.epoch
    group.metadata_hash = read.metadata_hash
    group.validated_topology_epoch = read.validated_topology_epoch
    group.assignment_configs = {each.key: each.value for each in read.last_assignment_configs or ()}


def _topology(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id = decode_key(StreamsGroupTopologyKey, key).group_id
    if value is not None:
        topology = read_topology(decode_value(StreamsGroupTopologyValue, value))
        _made(groups, group_id).topology = topology
    elif (group := _existing(groups, group_id)) is not None:
        group.topology = None


def _member_metadata(groups: Groups, key: bytes, value: bytes | None) -> None:
    names = decode_key(StreamsGroupMemberMetadataKey, key)
    if value is None:
        if (group := _existing(groups, names.group_id)) is not None:
            group.remove_member(MemberId(names.member_id))
        return
    read = decode_value(StreamsGroupMemberMetadataValue, value)
    endpoint = read.user_endpoint
    metadata = MemberMetadata(
        instance_id=read.instance_id,
        rack_id=read.rack_id,
        client_id=read.client_id,
        client_host=read.client_host,
        rebalance_timeout_ms=read.rebalance_timeout_ms,
        topology_epoch=read.topology_epoch,
        process_id=read.process_id,
        user_endpoint=None if endpoint is None else UserEndpoint(endpoint.host, endpoint.port),
        client_tags={each.key: each.value for each in read.client_tags},
    )
    group = _made(groups, names.group_id)
    group.put_member(replace(_member(group, names.member_id), metadata=metadata))


def _target_metadata(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id = decode_key(StreamsGroupTargetAssignmentMetadataKey, key).group_id
    if value is not None:
        read = decode_value(StreamsGroupTargetAssignmentMetadataValue, value)
        group = _made(groups, group_id)
        group.assignment_epoch = read.assignment_epoch
        group.assignment_timestamp_ms = read.assignment_timestamp
    elif (existing := _existing(groups, group_id)) is not None:
        existing.assignment_epoch = _NO_EPOCH
        existing.assignment_timestamp_ms = 0


def _target(groups: Groups, key: bytes, value: bytes | None) -> None:
    names = decode_key(StreamsGroupTargetAssignmentMemberKey, key)
    member_id = MemberId(names.member_id)
    if value is not None:
        read = decode_value(StreamsGroupTargetAssignmentMemberValue, value)
        _made(groups, names.group_id).targets[member_id] = Tasks(
            read_tasks(read.active_tasks),
            read_tasks(read.standby_tasks),
            read_tasks(read.warmup_tasks),
        )
    elif (group := _existing(groups, names.group_id)) is not None:
        group.targets.pop(member_id, None)


def _current(groups: Groups, key: bytes, value: bytes | None) -> None:
    names = decode_key(StreamsGroupCurrentMemberAssignmentKey, key)
    if value is not None:
        read = decode_value(StreamsGroupCurrentMemberAssignmentValue, value)
        group = _made(groups, names.group_id)
        group.put_member(
            replace(
                _member(group, names.member_id),
                epoch=read.member_epoch,
                previous_epoch=read.previous_member_epoch,
                state=MemberState.of(read.state),
                assigned=HeldTasks(
                    _with_epochs(read.active_tasks, read.member_epoch),
                    read_tasks(read.standby_tasks),
                    read_tasks(read.warmup_tasks),
                ),
                revoking=HeldTasks(
                    _with_epochs(read.active_tasks_pending_revocation, read.member_epoch),
                    read_tasks(read.standby_tasks_pending_revocation),
                    read_tasks(read.warmup_tasks_pending_revocation),
                ),
            )
        )
    elif (existing := _existing(groups, names.group_id)) is not None:
        member = existing.members.get(MemberId(names.member_id))
        if member is not None:
            existing.put_member(
                replace(
                    member,
                    epoch=_NO_EPOCH,
                    previous_epoch=_NO_EPOCH,
                    assigned=NOTHING_HELD,
                    revoking=NOTHING_HELD,
                )
            )


def _with_epochs(entries: Sequence[_CurrentTasks], member_epoch: int) -> dict[TaskId, int]:
    """Records of Kafka 4.1 have no epochs: then the member's counts."""
    tasks: dict[TaskId, int] = {}
    for entry in entries:
        epochs = entry.assignment_epochs
        if epochs is None or len(epochs) != len(entry.partitions):
            epochs = [member_epoch] * len(entry.partitions)
        for partition, epoch in zip(entry.partitions, epochs, strict=True):
            tasks[TaskId(entry.subtopology_id, partition)] = epoch
    return tasks


REPLAY: Final[Mapping[int, Replay]] = {
    StreamsGroupMetadataKey.RECORD_KEY: _group_metadata,
    StreamsGroupTopologyKey.RECORD_KEY: _topology,
    StreamsGroupMemberMetadataKey.RECORD_KEY: _member_metadata,
    StreamsGroupTargetAssignmentMetadataKey.RECORD_KEY: _target_metadata,
    StreamsGroupTargetAssignmentMemberKey.RECORD_KEY: _target,
    StreamsGroupCurrentMemberAssignmentKey.RECORD_KEY: _current,
}
