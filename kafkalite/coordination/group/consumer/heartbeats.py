"""What one ConsumerGroupHeartbeat makes of a group: decided on a `Draft`, without writing anything.

member epoch   0     joins, or joins again after it was fenced
               > 0   lives; must be the epoch it was told last, or the one before if that answer may have got lost
               -1    leaves
               -2    a static member goes away and may come back: it stays in the group, with all it has
"""

from __future__ import annotations

from collections.abc import Mapping

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)

from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.consumer import steps
from kafkalite.coordination.group.consumer.draft import Draft
from kafkalite.coordination.group.consumer.group import ConsumerGroup, same_partitions
from kafkalite.coordination.group.consumer.member import (
    LEAVE_STATIC_EPOCH,
    NO_PARTITION_EPOCHS,
    ConsumerMember,
    CurrentAssignment,
    MemberMetadata,
    PartitionEpochs,
)
from kafkalite.coordination.group.consumer.regexes import RegexChange, change_regex
from kafkalite.coordination.group.consumer.request_checks import JOIN_EPOCH
from kafkalite.coordination.group.modern.assignor import Assignor
from kafkalite.coordination.group.modern.group import LEAVE_EPOCH
from kafkalite.coordination.group.modern.partitions import Partitions, partitions_of
from kafkalite.coordination.ports import TopicView
from kafkalite.errors import KafkaError
from kafkalite.types import MemberId, Uuid


class Heartbeat:
    """One heartbeat of a member that joins or lives."""

    def __init__(self, request: ConsumerGroupHeartbeatRequest, client: Client) -> None:
        self.member_id = MemberId(request.member_id)
        self._request = request
        self._client = client
        self._owned = _owned(request)

    def decide(
        self,
        draft: Draft,
        assignors: Mapping[str, Assignor],
        topics: TopicView,
        settings: GroupConfig,
        now_ms: int,
    ) -> ConsumerGroupHeartbeatResponse:
        """The records are in `draft` then. KafkaError of the member's epoch, its instance id or its regex."""
        before = self._find_member(draft)
        subscription_changed, bump = self._take_metadata(draft, before)
        steps.refresh(draft, topics, subscription_changed=bump)
        interval_ms = settings.consumer_assignment_interval_ms
        steps.assign(draft, assignors, topics, interval_ms, now_ms)
        steps.advance(
            draft, self.member_id, self._owned, topics, subscription_changed=subscription_changed
        )
        after = draft.group.members[self.member_id]
        return ConsumerGroupHeartbeatResponse(
            member_id=self.member_id,
            member_epoch=after.epoch,
            heartbeat_interval_ms=settings.consumer_heartbeat_interval_ms,
            assignment=_assignment(after.current.assigned)
            if self._is_full or not same_partitions(before.current.assigned, after.current.assigned)
            else None,
        )

    def _find_member(self, draft: Draft) -> ConsumerMember:
        """The member as it was; one that joins has nothing yet, or what the static member had that it stands for."""
        request = self._request
        group = draft.group
        joins = request.member_epoch == JOIN_EPOCH
        if request.instance_id is None:
            known = group.members.get(self.member_id)
            if known is None and not joins:
                known = group.member(self.member_id)
        else:
            known = group.static_member(request.instance_id)
            if not joins:
                known = steps.static_member(group, request.instance_id, self.member_id)
            elif known is not None:
                # Whoever speaks the classic protocol is replaced like a static member of a classic group
                if not known.uses_classic_protocol:
                    steps.check_instance_is_free(known)
                steps.replace_static_member(draft, known, self.member_id)
                return draft.group.members[self.member_id]
        if known is None:
            return ConsumerMember(self.member_id, MemberMetadata(), CurrentAssignment())
        if not joins:
            _check_epoch(known, request.member_epoch, self._owned)
        return known

    def _take_metadata(self, draft: Draft, before: ConsumerMember) -> tuple[bool, bool]:
        """Put the member as it describes itself now. Has its subscription changed; must the group's epoch change?"""
        request = self._request
        old = before.metadata
        names = request.subscribed_topic_names
        new = MemberMetadata(
            instance_id=old.instance_id if request.instance_id is None else request.instance_id,
            rack_id=old.rack_id if request.rack_id is None else request.rack_id,
            client_id=self._client.client_id,
            client_host=self._client.client_host,
            rebalance_timeout_ms=old.rebalance_timeout_ms
            if request.rebalance_timeout_ms == -1
            else request.rebalance_timeout_ms,
            topic_names=old.topic_names if names is None else frozenset(names),
            topic_regex=old.topic_regex
            if request.subscribed_topic_regex is None
            else request.subscribed_topic_regex,
            server_assignor=old.server_assignor
            if request.server_assignor is None
            else request.server_assignor,
        )
        if new != old or self.member_id not in draft.group.members:
            draft.put_metadata(self.member_id, new)
        names_changed = new.topic_names != old.topic_names
        regex = change_regex(draft, old.topic_regex, new.topic_regex)
        return (
            names_changed or regex is not RegexChange.NONE,
            names_changed or regex is RegexChange.RESOLVED,
        )

    @property
    def _is_full(self) -> bool:
        """The member says all about itself, as it does when it joins and after an error: it wants to know all, too."""
        request = self._request
        return request.member_epoch == JOIN_EPOCH or (
            request.rebalance_timeout_ms != -1
            and request.topic_partitions is not None
            and not (
                request.subscribed_topic_names is None and request.subscribed_topic_regex is None
            )
        )


def leaving_member(group: ConsumerGroup, request: ConsumerGroupHeartbeatRequest) -> ConsumerMember:
    """Who leaves by this request. KafkaError UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID."""
    if request.instance_id is None:
        return group.member(request.member_id)
    return steps.static_member(group, request.instance_id, request.member_id)


def go_away(draft: Draft, member: ConsumerMember) -> None:
    """A static member that may come back: until its session ends, nobody else gets what it has. When it does, it begins at
    epoch 0, and may commit for what it has from then on."""
    current = member.current
    draft.put_current(
        member.member_id,
        CurrentAssignment(
            epoch=LEAVE_STATIC_EPOCH,
            previous_epoch=current.previous_epoch,
            state=current.state,
            assigned={
                topic_id: dict.fromkeys(numbers, 0)
                for topic_id, numbers in current.assigned.items()
            },
            pending_revocation=NO_PARTITION_EPOCHS,
        ),
    )


def is_leave(request: ConsumerGroupHeartbeatRequest) -> bool:
    return request.member_epoch in (LEAVE_EPOCH, LEAVE_STATIC_EPOCH)


def _check_epoch(member: ConsumerMember, epoch: int, owned: Partitions | None) -> None:
    """KafkaError FENCED_MEMBER_EPOCH: the member is to give up everything and join again."""
    if epoch == member.epoch:
        return
    if epoch == member.current.previous_epoch and _is_subset(owned, member.current.assigned):
        return  # the answer that told of the new epoch has got lost
    word = "a greater" if epoch > member.epoch else "an older"
    raise KafkaError(
        ErrorCode.FENCED_MEMBER_EPOCH,
        f"The member comes with {word} epoch, {epoch}, than it has here, {member.epoch}: "
        "it has to give up all partitions and join again.",
    )


def _is_subset(owned: Partitions | None, assigned: PartitionEpochs) -> bool:
    return owned is not None and all(
        topic_id in assigned and numbers <= assigned[topic_id].keys()
        for topic_id, numbers in owned.items()
    )


def _owned(request: ConsumerGroupHeartbeatRequest) -> Partitions | None:
    if request.topic_partitions is None:
        return None
    return partitions_of(
        (Uuid(each.topic_id), each.partitions) for each in request.topic_partitions
    )


def _assignment(assigned: PartitionEpochs) -> ConsumerGroupHeartbeatResponse.Assignment:
    return ConsumerGroupHeartbeatResponse.Assignment(
        topic_partitions=[
            ConsumerGroupHeartbeatResponse.TopicPartitions(
                topic_id=topic_id, partitions=sorted(epochs)
            )
            for topic_id, epochs in assigned.items()
        ]
    )
