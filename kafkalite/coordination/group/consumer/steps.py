"""The parts of a step that a heartbeat and a classic member's JoinGroup have in common, each on a `Draft`:

refresh   group epoch +1 if the subscription or the topics that are read have changed
assign    a target assignment for the group epoch, if it is time for one
advance   bring the member as far towards the target as it may go
"""

from __future__ import annotations

from collections.abc import Mapping

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.consumer.draft import Draft
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.member import (
    LEAVE_STATIC_EPOCH,
    ConsumerMember,
    CurrentAssignment,
)
from kafkalite.coordination.group.consumer.reconciliation import Situation, reconcile
from kafkalite.coordination.group.modern.assignor import Assignor, compute_targets
from kafkalite.coordination.group.modern.group import changed_targets, is_assignment_due
from kafkalite.coordination.group.modern.metadata_hash import group_hash
from kafkalite.coordination.group.modern.partitions import Partitions
from kafkalite.coordination.ports import TopicView
from kafkalite.errors import KafkaError
from kafkalite.types import MemberId, Uuid


def refresh(draft: Draft, topics: TopicView, *, subscription_changed: bool) -> None:
    """Compare the topics with those of the last time when they may have changed, or the subscription has."""
    group = draft.group
    if not (subscription_changed or draft.before.metadata_may_have_changed):
        return
    metadata_hash = group_hash(group.subscribed_topics(), topics)
    if subscription_changed or metadata_hash != group.metadata_hash:
        draft.put_epoch(group.epoch + 1, metadata_hash)
    if group.has_legacy_metadata:
        draft.remove_legacy_metadata()
    draft.before.metadata_compared(draft.group.epoch)


def assign(
    draft: Draft,
    assignors: Mapping[str, Assignor],
    topics: TopicView,
    interval_ms: int,
    now_ms: int,
) -> None:
    """Compute the target for the group epoch. While that has to wait, the one there is holds."""
    group = draft.group
    if not is_assignment_due(group, interval_ms, now_ms):
        return
    targets = compute_targets(group, preferred_assignor(group, assignors), topics)
    for member_id, target in changed_targets(group, targets, list(group.members)):
        draft.put_target(member_id, target)
    draft.put_assignment_epoch(group.epoch, now_ms)


def preferred_assignor(group: ConsumerGroup, assignors: Mapping[str, Assignor]) -> Assignor:
    """What most members ask for, else the first that is configured. One that is gone from the configuration is not
    asked for."""
    name = group.preferred_assignor()
    return assignors.get(name or "", next(iter(assignors.values())))


def advance(
    draft: Draft,
    member_id: MemberId,
    owned: Partitions | None,
    topics: TopicView,
    *,
    subscription_changed: bool,
) -> None:
    """Reconcile the member with its target."""
    group = draft.group
    member = group.members[member_id]
    if not subscription_changed and member.is_reconciled_to(group.assignment_epoch):
        return
    current = reconcile(
        member,
        Situation(
            target_epoch=group.assignment_epoch,
            target=group.target(member_id),
            owner_of=group.owner_of,
            subscribed=_subscribed_ids(group, member, topics),
            subscription_changed=subscription_changed,
            owned=owned,
        ),
    )
    if current != member.current:
        draft.put_current(member_id, current)


def _subscribed_ids(
    group: ConsumerGroup, member: ConsumerMember, topics: TopicView
) -> frozenset[Uuid]:
    ids = (topics.topic_id(name) for name in group.subscribed_names(member))
    return frozenset(each for each in ids if each is not None)


def replace_static_member(draft: Draft, old: ConsumerMember, new_id: MemberId) -> None:
    """A static member came back under a new member id: it has what the old one had, and begins at epoch 0."""
    target = draft.group.target(old.member_id)
    draft.remove_member(old.member_id)
    draft.put_metadata(new_id, old.metadata)
    draft.put_target(new_id, target)
    current = old.current
    draft.put_current(
        new_id,
        CurrentAssignment(
            epoch=0,
            previous_epoch=0,
            state=current.state,
            assigned=current.assigned,
            pending_revocation=current.pending_revocation,
        ),
    )


def check_instance_is_free(existing: ConsumerMember) -> None:
    """A static member may be taken over once it has said that it goes (epoch -2). KafkaError UNRELEASED_INSTANCE_ID."""
    if existing.epoch != LEAVE_STATIC_EPOCH:
        raise KafkaError(
            ErrorCode.UNRELEASED_INSTANCE_ID,
            f"The group.instance.id {existing.instance_id} is in use by member {existing.member_id}, "
            "which has not left.",
        )


def static_member(group: ConsumerGroup, instance_id: str, member_id: str) -> ConsumerMember:
    """The member that stands for an instance id, which must be the one that asks. KafkaError UNKNOWN_MEMBER_ID or
    FENCED_INSTANCE_ID."""
    existing = group.static_member(instance_id)
    if existing is None:
        raise KafkaError(
            ErrorCode.UNKNOWN_MEMBER_ID, f"No member has the group.instance.id {instance_id}."
        )
    if existing.member_id != member_id:
        raise KafkaError(
            ErrorCode.FENCED_INSTANCE_ID,
            f"The group.instance.id {instance_id} belongs to member {existing.member_id} now.",
        )
    return existing
