"""Short ways to write the requests of groups and their offsets."""

from __future__ import annotations

from typing import Any

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from kafkalite_protocol.messages.delete_groups import DeleteGroupsRequest
from kafkalite_protocol.messages.describe_groups import DescribeGroupsRequest
from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest
from kafkalite_protocol.messages.heartbeat import HeartbeatRequest
from kafkalite_protocol.messages.join_group import JoinGroupRequest
from kafkalite_protocol.messages.leave_group import LeaveGroupRequest
from kafkalite_protocol.messages.list_groups import ListGroupsRequest
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest
from kafkalite_protocol.messages.offset_delete import OffsetDeleteRequest
from kafkalite_protocol.messages.offset_fetch import OffsetFetchRequest
from kafkalite_protocol.messages.sync_group import SyncGroupRequest

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.side import Side

_JOIN_WITHOUT_FIRST_ASKING_FOR_AN_ID = 3


def coordinator_is_there(side: Side) -> None:
    """Wait until `__consumer_offsets` has been made and every partition of it is served."""
    groups = [f"any-{number}" for number in range(200)]

    def served() -> bool:
        side.client.ask(FindCoordinatorRequest(key="any", key_type=0), 3)
        found = side.client.ask(DescribeGroupsRequest(groups=groups), 0).groups
        return all(group.error_code == ErrorCode.NONE for group in found)

    eventually("the group coordinator", served)


def subscription(*topics: str) -> bytes:
    return b"\0\0" + ConsumerProtocolSubscription(topics=list(topics)).encode(0)


def join(group_id: str, member_id: str = "", **fields: Any) -> JoinGroupRequest:
    """Metadata must be a subscription: some bytes that are none make Kafka never answer."""
    protocols = fields.pop("protocols", {"range": subscription("any")})
    values = {
        "session_timeout_ms": 30_000,
        "rebalance_timeout_ms": 30_000,
        "protocol_type": "consumer",
    } | fields
    return JoinGroupRequest(
        group_id=group_id,
        member_id=member_id,
        protocols=[JoinGroupRequest.JoinGroupRequestProtocol(*each) for each in protocols.items()],
        **values,
    )


def sync(
    group_id: str,
    generation_id: int,
    member_id: str,
    assignments: dict[str, bytes] | None = None,
    **fields: Any,
) -> SyncGroupRequest:
    return SyncGroupRequest(
        group_id=group_id,
        generation_id=generation_id,
        member_id=member_id,
        assignments=[
            SyncGroupRequest.SyncGroupRequestAssignment(*each)
            for each in (assignments or {}).items()
        ],
        **fields,
    )


def heartbeat(
    group_id: str, generation_id: int, member_id: str, instance_id: str | None = None
) -> HeartbeatRequest:
    return HeartbeatRequest(group_id, generation_id, member_id, instance_id)


def leave(group_id: str, *members: str | tuple[str, str]) -> LeaveGroupRequest:
    """Members are ids, or (id, instance id)."""
    pairs = [each if isinstance(each, tuple) else (each, None) for each in members]
    return LeaveGroupRequest(
        group_id=group_id,
        member_id=pairs[0][0] if pairs else "",
        members=[
            LeaveGroupRequest.MemberIdentity(member_id=member_id, group_instance_id=instance_id)
            for member_id, instance_id in pairs
        ],
    )


def commit(
    group_id: str,
    *parts: tuple[str | bytes, int, int],
    generation_id: int = -1,
    member_id: str = "",
    note: str | None = "",
    epoch: int = -1,
    **fields: Any,
) -> OffsetCommitRequest:
    """Parts are (topic name or id, partition, offset)."""
    topics: dict[str | bytes, OffsetCommitRequest.OffsetCommitRequestTopic] = {}
    for topic, index, offset in parts:
        one = topics.setdefault(topic, OffsetCommitRequest.OffsetCommitRequestTopic())
        if isinstance(topic, bytes):
            one.topic_id = topic
        else:
            one.name = topic
        one.partitions.append(
            OffsetCommitRequest.OffsetCommitRequestPartition(
                partition_index=index,
                committed_offset=offset,
                committed_metadata=note,
                committed_leader_epoch=epoch,
            )
        )
    return OffsetCommitRequest(
        group_id=group_id,
        generation_id_or_member_epoch=generation_id,
        member_id=member_id,
        topics=list(topics.values()),
        **fields,
    )


def fetch_offsets(
    version: int,
    group_id: str,
    topics: dict[str | bytes, list[int]] | None,
    require_stable: bool = False,
    **fields: Any,
) -> OffsetFetchRequest:
    """In the shape of the version; topics None asks for all."""
    if version < 8:
        asked = OffsetFetchRequest.OffsetFetchRequestTopic
        return OffsetFetchRequest(
            group_id=group_id,
            topics=None if topics is None else [asked(*each) for each in topics.items()],
            require_stable=require_stable,
        )
    group = OffsetFetchRequest.OffsetFetchRequestGroup(group_id=group_id, topics=None, **fields)
    if topics is not None:
        group.topics = []
        for topic, indexes in topics.items():
            one = OffsetFetchRequest.OffsetFetchRequestTopics(partition_indexes=indexes)
            if isinstance(topic, bytes):
                one.topic_id = topic
            else:
                one.name = topic
            group.topics.append(one)
    return OffsetFetchRequest(groups=[group], require_stable=require_stable)


def delete_offsets(group_id: str, *topics: tuple[str, list[int]]) -> OffsetDeleteRequest:
    return OffsetDeleteRequest(
        group_id=group_id,
        topics=[
            OffsetDeleteRequest.OffsetDeleteRequestTopic(
                name=name,
                partitions=[
                    OffsetDeleteRequest.OffsetDeleteRequestPartition(partition_index=index)
                    for index in indexes
                ],
            )
            for name, indexes in topics
        ],
    )


def describe(*group_ids: str, operations: bool = False) -> DescribeGroupsRequest:
    return DescribeGroupsRequest(groups=list(group_ids), include_authorized_operations=operations)


def list_groups(states: list[str] | None = None, types: list[str] | None = None) -> Any:
    return ListGroupsRequest(states_filter=states or [], types_filter=types or [])


def delete(*group_ids: str) -> DeleteGroupsRequest:
    return DeleteGroupsRequest(groups_names=list(group_ids))


def stable_group(side: Side, group_id: str, assignment: bytes = b"mine", **fields: Any) -> Any:
    """A group of one member, not written down; returns the answer to its JoinGroup."""
    joined = side.client.ask(
        join(group_id, **fields),
        5 if "group_instance_id" in fields else _JOIN_WITHOUT_FIRST_ASKING_FOR_AN_ID,
    )
    assert joined.error_code == ErrorCode.NONE, joined
    request = sync(group_id, joined.generation_id, joined.member_id, {joined.member_id: assignment})
    assert side.client.ask(request, 3).error_code == ErrorCode.NONE
    return joined
