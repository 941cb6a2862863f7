"""A classic group as a record of `__consumer_offsets`: key type 2 (group), value v3, one record for the whole group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from kafkalite_protocol.messages.group_metadata_key import GroupMetadataKey
from kafkalite_protocol.messages.group_metadata_value import GroupMetadataValue

from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.member import Member, Protocol
from kafkalite.coordination.group.classic.states import GroupState
from kafkalite.coordination.group.group import Groups, Replay
from kafkalite.coordination.group.record_bytes import (
    decode_key,
    decode_value,
    encode_record,
    tombstone_of,
)
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, MemberId

_VALUE_VERSION: Final = 3


class GroupRecord(NamedTuple):
    group_id: GroupId
    value: GroupMetadataValue | None
    """None: a tombstone."""


def group_metadata(group: ClassicGroup, assignments: Mapping[MemberId, bytes]) -> KeyValue:
    """The group in its present generation, with these assignments instead of the ones it has."""
    value = GroupMetadataValue(
        protocol_type=group.protocol_type or "",
        generation=group.generation_id,
        protocol=group.protocol_name,
        leader=group.leader_id,
        current_state_timestamp=group.state_timestamp_ms,
        members=[
            GroupMetadataValue.MemberMetadata(
                member_id=member.member_id,
                group_instance_id=member.instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                rebalance_timeout=member.rebalance_timeout_ms,
                session_timeout=member.session_timeout_ms,
                subscription=member.metadata_for(group.protocol_name),
                assignment=assignments.get(member.member_id, b""),
            )
            for member in group.members.values()
        ],
    )
    return _group_record(group.group_id, value)


def new_group(group_id: GroupId, now_ms: int) -> KeyValue:
    """A group that somebody wants to join: no generation yet."""
    return _group_record(
        group_id,
        GroupMetadataValue(
            protocol_type="",
            generation=0,
            protocol=None,
            leader=None,
            current_state_timestamp=now_ms,
        ),
    )


def group_tombstone(group_id: GroupId) -> KeyValue:
    return tombstone_of(GroupMetadataKey(group=group_id))


def read_group_record(key: bytes, value: bytes | None) -> GroupRecord:
    """ProtocolError when it is damaged."""
    group_id = GroupId(decode_key(GroupMetadataKey, key).group)
    return GroupRecord(group_id, None if value is None else decode_value(GroupMetadataValue, value))


def replay_group(groups: Groups, key: bytes, value: bytes | None) -> None:
    """A tombstone may be older than a group of another type that has the id now."""
    record = read_group_record(key, value)
    if record.value is not None:
        groups[record.group_id] = group_from_record(record.group_id, record.value)
    elif isinstance(groups.get(record.group_id), ClassicGroup):
        del groups[record.group_id]


REPLAY: Final[Mapping[int, Replay]] = {GroupMetadataKey.RECORD_KEY: replay_group}


def group_from_record(group_id: GroupId, value: GroupMetadataValue) -> ClassicGroup:
    """The group as its last record left it: Stable, or Empty when it has no members."""
    group = ClassicGroup(group_id)
    group.protocol_type = value.protocol_type or None
    for each in value.members:
        group.add(_member_from_record(each, value))
    group.state = group.previous_state = GroupState.STABLE if group.members else GroupState.EMPTY
    group.state_timestamp_ms = value.current_state_timestamp
    group.generation_id = value.generation
    group.protocol_type = value.protocol_type or None
    group.protocol_name = value.protocol
    group.leader_id = None if value.leader is None else MemberId(value.leader)
    return group


def _member_from_record(
    value: GroupMetadataValue.MemberMetadata, group: GroupMetadataValue
) -> Member:
    return Member(
        member_id=MemberId(value.member_id),
        instance_id=value.group_instance_id,
        client_id=value.client_id,
        client_host=value.client_host,
        # v0 has none: there, the session timeout was the rebalance timeout too
        rebalance_timeout_ms=value.session_timeout
        if value.rebalance_timeout < 0
        else value.rebalance_timeout,
        session_timeout_ms=value.session_timeout,
        protocol_type=group.protocol_type,
        protocols=[Protocol(group.protocol or "", value.subscription)],
        assignment=value.assignment,
    )


def _group_record(group_id: GroupId, value: GroupMetadataValue) -> KeyValue:
    return encode_record(GroupMetadataKey(group=group_id), value, _VALUE_VERSION)
