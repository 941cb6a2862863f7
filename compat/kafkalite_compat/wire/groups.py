"""Consumer groups: their committed offsets and states, and a member that is the suite itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment
from kafkalite_protocol.messages.consumer_protocol_subscription import (
    ConsumerProtocolSubscription,
)
from kafkalite_protocol.messages.describe_groups import DescribeGroupsRequest
from kafkalite_protocol.messages.join_group import JoinGroupRequest
from kafkalite_protocol.messages.leave_group import LeaveGroupRequest
from kafkalite_protocol.messages.list_groups import ListGroupsRequest
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest
from kafkalite_protocol.messages.offset_fetch import OffsetFetchRequest
from kafkalite_protocol.messages.sync_group import SyncGroupRequest

from kafkalite_compat.wire.cluster import Cluster
from kafkalite_compat.wire.connection import check

SESSION_TIMEOUT_MS: Final = 30_000
ONE_GROUP: Final = 7  # OffsetFetch asks about several groups from 8 on
LAST_COMMIT_WITH_NAMES: Final = 9
Position = tuple[str, int]


def commit(
    cluster: Cluster, group: str, offsets: Mapping[Position, int], metadata: str = ""
) -> None:
    """Commit offsets from outside: the group must have no members."""
    ask = OffsetCommitRequest
    topics = [
        ask.OffsetCommitRequestTopic(
            topic,
            partitions=[
                ask.OffsetCommitRequestPartition(
                    partition, committed_offset=offset, committed_metadata=metadata
                )
            ],
        )
        for (topic, partition), offset in offsets.items()
    ]
    request = ask(
        group, generation_id_or_member_epoch=-1, member_id="", retention_time_ms=-1, topics=topics
    )

    def attempt() -> None:
        answer = cluster.coordinator(group).ask(request, LAST_COMMIT_WITH_NAMES)
        for topic in answer.topics:
            check(f"committing for {group}", topic.partitions[0].error_code)

    cluster.retry(attempt)


def committed(cluster: Cluster, group: str) -> dict[Position, tuple[int, str]]:
    """All committed offsets of a group, with their metadata."""
    request = OffsetFetchRequest(group, topics=None)

    def attempt() -> Any:
        answer = cluster.coordinator(group).ask(request, ONE_GROUP)
        check(f"offsets of {group}", answer.error_code)
        return answer

    return {
        (topic.name, one.partition_index): (one.committed_offset, one.metadata or "")
        for topic in cluster.retry(attempt).topics
        for one in topic.partitions
        if one.committed_offset >= 0
    }


def state(cluster: Cluster, group: str) -> str | None:
    """The group's state in Kafka's words, e.g. "Stable", or None if there is no such group."""

    def attempt() -> str | None:
        answer = cluster.coordinator(group).ask(ListGroupsRequest())
        check("listing groups", answer.error_code)
        return next((one.group_state for one in answer.groups if one.group_id == group), None)

    return cluster.retry(attempt)


def members(cluster: Cluster, group: str) -> list[str]:
    """The member ids of a classic group."""
    request = DescribeGroupsRequest([group])
    (described,) = cluster.retry(lambda: cluster.coordinator(group).ask(request)).groups
    check(f"describing {group}", described.error_code)
    return [member.member_id for member in described.members]


class Member:
    """A member of a classic group that is the suite itself; alone in its group, it is given every partition of `topic`."""

    def __init__(self, cluster: Cluster, group: str, topic: str, partitions: int = 1) -> None:
        self._cluster = cluster
        self._group = group
        self.member_id = ""
        subscription = ConsumerProtocolSubscription([topic]).encode(1)
        generation = cluster.retry(lambda: self._join(b"\x00\x01" + subscription))
        assigned = ConsumerProtocolAssignment.TopicPartition(topic, list(range(partitions)))
        assignment = ConsumerProtocolAssignment([assigned]).encode(1)
        self._sync(generation, b"\x00\x01" + assignment)

    def leave(self) -> None:
        remove_member(self._cluster, self._group, self.member_id)

    def _join(self, metadata: bytes) -> int:
        request = JoinGroupRequest(
            self._group,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            rebalance_timeout_ms=SESSION_TIMEOUT_MS,
            member_id=self.member_id,
            protocol_type="consumer",
            protocols=[JoinGroupRequest.JoinGroupRequestProtocol("range", metadata)],
        )
        answer = self._cluster.coordinator(self._group).ask(request)
        if answer.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id = answer.member_id
            return self._join(metadata)
        check(f"joining {self._group}", answer.error_code)
        self.member_id = answer.member_id
        return int(answer.generation_id)

    def _sync(self, generation: int, assignment: bytes) -> None:
        request = SyncGroupRequest(
            self._group,
            generation_id=generation,
            member_id=self.member_id,
            protocol_type="consumer",
            protocol_name="range",
            assignments=[SyncGroupRequest.SyncGroupRequestAssignment(self.member_id, assignment)],
        )
        answer = self._cluster.coordinator(self._group).ask(request)
        check(f"syncing {self._group}", answer.error_code)


def remove_member(cluster: Cluster, group: str, member_id: str) -> None:
    """Take a member out of its group, as an administrator does: it has not been asked."""
    request = LeaveGroupRequest(
        group, member_id=member_id, members=[LeaveGroupRequest.MemberIdentity(member_id)]
    )
    answer = cluster.retry(lambda: cluster.coordinator(group).ask(request))
    check(f"removing a member from {group}", answer.error_code)
