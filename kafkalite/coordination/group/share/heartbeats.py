"""What one ShareGroupHeartbeat makes of a group: decided on a `Draft`, without writing anything.

member epoch   0     joins; a member that is there already is told all it has
               > 0   lives; must be the epoch it was told last, or the one before if that answer may have got lost
               -1    leaves
"""

from __future__ import annotations

from typing import Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)

from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.modern.assignor import compute_targets
from kafkalite.coordination.group.modern.group import (
    LEAVE_EPOCH,
    changed_targets,
    is_assignment_due,
)
from kafkalite.coordination.group.modern.metadata_hash import group_hash
from kafkalite.coordination.group.modern.partitions import Partitions
from kafkalite.coordination.group.share.draft import Draft
from kafkalite.coordination.group.share.member import CurrentAssignment, MemberMetadata, ShareMember
from kafkalite.coordination.group.share.simple_assignor import SimpleAssignor
from kafkalite.coordination.ports import TopicView
from kafkalite.errors import KafkaError
from kafkalite.types import MemberId, Uuid

JOIN_EPOCH: Final = 0

MEMBER_ID_LENGTH_MAX: Final = 36
"""Of a UUID as text, which it is meant to be."""

ASSIGNOR: Final = SimpleAssignor()
"""The only one there is for share groups."""


def check_request(request: ShareGroupHeartbeatRequest) -> None:
    """KafkaError INVALID_REQUEST for what makes no sense whatever the group's state."""
    problem = None
    if not request.member_id.strip():
        problem = "The member id is empty."
    elif len(request.member_id) > MEMBER_ID_LENGTH_MAX:
        problem = f"The member id is longer than {MEMBER_ID_LENGTH_MAX} characters."
    elif not request.group_id.strip():
        problem = "The group id is empty."
    elif request.rack_id is not None and not request.rack_id.strip():
        problem = "The rack id is empty; it has to be null when there is none."
    elif request.member_epoch < LEAVE_EPOCH:
        problem = f"There is no member epoch {request.member_epoch}."
    elif request.member_epoch == JOIN_EPOCH and not request.subscribed_topic_names:
        problem = "A member that joins has to say which topics it reads."
    if problem is not None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, problem)


def decide(
    draft: Draft,
    request: ShareGroupHeartbeatRequest,
    client: Client,
    topics: TopicView,
    settings: GroupConfig,
    now_ms: int,
) -> ShareGroupHeartbeatResponse:
    """The records are in `draft` then. KafkaError UNKNOWN_MEMBER_ID or FENCED_MEMBER_EPOCH."""
    before = _find_member(draft, request)
    changed = _take_metadata(draft, before, request, client)
    bumped = _refresh(draft, topics, subscription_changed=changed)
    _assign(draft, topics, settings.share_assignment_interval_ms, now_ms)
    after = _advance(draft, before.member_id, topics, bumped=bumped)
    tell = (
        request.member_epoch == JOIN_EPOCH
        or request.subscribed_topic_names is not None
        or after.current.assigned != before.current.assigned
    )
    return ShareGroupHeartbeatResponse(
        member_id=after.member_id,
        member_epoch=after.epoch,
        heartbeat_interval_ms=settings.share_heartbeat_interval_ms,
        assignment=_assignment(after.current.assigned) if tell else None,
    )


def remove_member(draft: Draft, member_id: MemberId, topics: TopicView) -> None:
    """A new group epoch says that the others are to share what it had."""
    draft.remove_member(member_id)
    draft.put_epoch(draft.group.epoch + 1, group_hash(draft.group.subscribed_topics(), topics))


def _find_member(draft: Draft, request: ShareGroupHeartbeatRequest) -> ShareMember:
    """The member as it was; one that joins has nothing yet."""
    member_id = MemberId(request.member_id)
    if request.member_epoch == JOIN_EPOCH:
        return draft.group.members.get(member_id, ShareMember(member_id))
    member = draft.group.member(member_id)
    epoch = request.member_epoch
    if epoch != member.epoch and not epoch == member.current.previous_epoch < member.epoch:
        word = "a greater" if epoch > member.epoch else "an older"
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"The member comes with {word} epoch, {epoch}, than it has here, {member.epoch}: "
            "it has to give up all partitions and join again.",
        )
    return member


def _take_metadata(
    draft: Draft, before: ShareMember, request: ShareGroupHeartbeatRequest, client: Client
) -> bool:
    """Put the member as it describes itself now. Has its subscription changed?"""
    old = before.metadata
    names = request.subscribed_topic_names
    new = MemberMetadata(
        rack_id=old.rack_id if request.rack_id is None else request.rack_id,
        client_id=client.client_id,
        client_host=client.client_host,
        topic_names=old.topic_names if names is None else frozenset(names),
    )
    if new != old or before.member_id not in draft.group.members:
        draft.put_metadata(before.member_id, new)
    return new.topic_names != old.topic_names


def _refresh(draft: Draft, topics: TopicView, *, subscription_changed: bool) -> bool:
    """Group epoch +1 if the subscription or the topics that are read have changed, or if there are partitions that could
    not be assigned before. Has it changed?"""
    group = draft.before
    must_change = subscription_changed or (
        group.assignment_epoch >= group.epoch and group.misses_initialized_partitions
    )
    if not must_change and not group.metadata_may_have_changed:
        return False
    metadata_hash = group_hash(draft.group.subscribed_topics(), topics)
    bumped = must_change or metadata_hash != group.metadata_hash
    if bumped:
        draft.put_epoch(group.epoch + 1, metadata_hash)
    draft.before.metadata_compared(draft.group.epoch)
    return bumped


def _assign(draft: Draft, topics: TopicView, interval_ms: int, now_ms: int) -> None:
    """Compute the target for the group epoch, of partitions that have durable state. While that has to wait, the one
    there is holds."""
    if not is_assignment_due(draft.group, interval_ms, now_ms):
        return
    initialized = draft.group.state_partitions.initialized

    def assignable(topic_id: Uuid, _: str) -> list[int]:
        return sorted(initialized[topic_id].numbers) if topic_id in initialized else []

    targets = compute_targets(draft.group, ASSIGNOR, topics, assignable)
    for member_id, target in changed_targets(draft.group, targets, list(draft.group.members)):
        draft.put_target(member_id, target)
    draft.put_assignment_epoch(draft.group.epoch, now_ms)


def _advance(draft: Draft, member_id: MemberId, topics: TopicView, *, bumped: bool) -> ShareMember:
    """Bring the member to the target at once; what it reads no longer goes also while the target waits."""
    group = draft.group
    member = group.members[member_id]
    epoch = group.assignment_epoch
    if not bumped and member.is_reconciled_to(epoch):
        return member
    subscribed = {topics.topic_id(name) for name in member.subscribed_topic_names}
    current = CurrentAssignment(
        epoch=epoch,
        previous_epoch=member.current.previous_epoch if epoch == member.epoch else member.epoch,
        assigned={
            topic_id: numbers
            for topic_id, numbers in group.target(member_id).items()
            if topic_id in subscribed
        },
    )
    if current != member.current:
        draft.put_current(member_id, current)
    return draft.group.members[member_id]


def _assignment(assigned: Partitions) -> ShareGroupHeartbeatResponse.Assignment:
    return ShareGroupHeartbeatResponse.Assignment(
        topic_partitions=[
            ShareGroupHeartbeatResponse.TopicPartitions(
                topic_id=topic_id, partitions=sorted(numbers)
            )
            for topic_id, numbers in assigned.items()
        ]
    )
