"""The records of `__consumer_offsets`, in Kafka's bytes.

    key    | int16 type | body |         type 1: offset commit (group, topic, partition)      type 2: group (group)
    value  | int16 version | body |      offset commit: v4, flexible      group: v3      null: tombstone

Types 0 and 1 have the same key; 0 is what Kafka before 0.9 wrote. Reading takes every value version there has been.
Types 3 and up belong to the newer group protocols.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages.group_metadata_key import GroupMetadataKey
from kafkalite_protocol.messages.group_metadata_value import GroupMetadataValue
from kafkalite_protocol.messages.offset_commit_key import OffsetCommitKey
from kafkalite_protocol.messages.offset_commit_value import OffsetCommitValue

from kafkalite.coordination.group.classic_group import ClassicGroup
from kafkalite.coordination.group.member import Member, Protocol
from kafkalite.coordination.group.states import GroupState
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import (
    UNKNOWN_LEADER_EPOCH,
    ZERO_UUID,
    GroupId,
    LeaderEpoch,
    MemberId,
    Offset,
    TopicPartition,
    Uuid,
)

_INT16 = struct.Struct(">h")

LEGACY_OFFSET_COMMIT_KEY = 0
OFFSET_COMMIT_KEY = 1
GROUP_METADATA_KEY = 2

_KEY_VERSION = 0
OFFSET_COMMIT_VALUE_VERSION = 4
GROUP_METADATA_VALUE_VERSION = 3


class CommittedOffset(NamedTuple):
    """What a group has committed for one partition."""

    offset: Offset
    """The next offset the group will read."""
    leader_epoch: LeaderEpoch
    metadata: str
    """The client's own note; empty when it sent none."""
    commit_timestamp_ms: int
    topic_id: Uuid = ZERO_UUID
    """The topic that had the name when it was committed; zero in records of Kafka before 4.1."""


class OffsetRecord(NamedTuple):
    group_id: GroupId
    partition: TopicPartition
    committed: CommittedOffset | None
    """None: a tombstone."""


class GroupRecord(NamedTuple):
    group_id: GroupId
    value: GroupMetadataValue | None
    """None: a tombstone."""


def offset_commit(group_id: GroupId, tp: TopicPartition, committed: CommittedOffset) -> KeyValue:
    value = OffsetCommitValue(
        offset=committed.offset,
        leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
        commit_timestamp=committed.commit_timestamp_ms,
        topic_id=committed.topic_id,
    )
    body = value.encode(OFFSET_COMMIT_VALUE_VERSION)
    return _offset_key(group_id, tp), _INT16.pack(OFFSET_COMMIT_VALUE_VERSION) + body


def offset_tombstone(group_id: GroupId, tp: TopicPartition) -> KeyValue:
    return _offset_key(group_id, tp), None


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


def read_record(key: bytes, value: bytes | None) -> OffsetRecord | GroupRecord | None:
    """What a record says; None for a type that is not ours. ProtocolError when it is damaged."""
    key_type, _ = _int16_at_start(key)
    if key_type in (LEGACY_OFFSET_COMMIT_KEY, OFFSET_COMMIT_KEY):
        offset_key = OffsetCommitKey.decode(_KEY_VERSION, key, 2)
        tp = TopicPartition(offset_key.topic, offset_key.partition)
        committed = None if value is None else _read_offset(value)
        return OffsetRecord(GroupId(offset_key.group), tp, committed)
    if key_type == GROUP_METADATA_KEY:
        group_key = GroupMetadataKey.decode(_KEY_VERSION, key, 2)
        if value is None:
            return GroupRecord(GroupId(group_key.group), None)
        version = _checked_version(
            value, GroupMetadataValue.MIN_VERSION, GroupMetadataValue.MAX_VERSION
        )
        return GroupRecord(GroupId(group_key.group), GroupMetadataValue.decode(version, value, 2))
    return None


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


def _read_offset(value: bytes) -> CommittedOffset:
    version = _checked_version(value, OffsetCommitValue.MIN_VERSION, OffsetCommitValue.MAX_VERSION)
    read = OffsetCommitValue.decode(version, value, 2)
    return CommittedOffset(
        Offset(read.offset),
        LeaderEpoch(read.leader_epoch) if read.leader_epoch >= 0 else UNKNOWN_LEADER_EPOCH,
        read.metadata,
        read.commit_timestamp,
        Uuid(read.topic_id),
    )


def _offset_key(group_id: GroupId, tp: TopicPartition) -> bytes:
    key = OffsetCommitKey(group=group_id, topic=tp.topic, partition=tp.partition)
    return _INT16.pack(OFFSET_COMMIT_KEY) + key.encode(_KEY_VERSION)


def _group_record(group_id: GroupId, value: GroupMetadataValue) -> KeyValue:
    key = _INT16.pack(GROUP_METADATA_KEY) + GroupMetadataKey(group=group_id).encode(_KEY_VERSION)
    body = value.encode(GROUP_METADATA_VALUE_VERSION)
    return key, _INT16.pack(GROUP_METADATA_VALUE_VERSION) + body


def _int16_at_start(data: bytes) -> tuple[int, int]:
    if len(data) < _INT16.size:
        raise ProtocolError("a record of __consumer_offsets is shorter than its version")
    return _INT16.unpack_from(data)[0], _INT16.size


def _checked_version(value: bytes, lowest: int, highest: int) -> int:
    version, _ = _int16_at_start(value)
    if not lowest <= version <= highest:
        raise ProtocolError(f"value version {version} of a record of __consumer_offsets is unknown")
    return version
