"""Members of the classic protocol in a consumer group: JoinGroup, SyncGroup, Heartbeat and LeaveGroup (KIP-848).

Such a member believes that it is in a classic group, where nobody leads and everybody follows:

    Heartbeat   REBALANCE_IN_PROGRESS when there is something for it to do: a newer epoch, partitions to give up, or
                partitions that have become free
    JoinGroup   reconciles, with what its subscription says it owns; the generation it is told is its member epoch
    SyncGroup   gives it its assignment

Joining needs no barrier: a member waits for nobody.
"""

from __future__ import annotations

import logging

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from kafkalite_protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from kafkalite_protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from kafkalite_protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from kafkalite_protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

from kafkalite.coordination.group.classic.consumer_protocol import CONSUMER_PROTOCOL_TYPE
from kafkalite.coordination.group.classic.joining import MEMBER_ID_REQUIRED_VERSION, Client
from kafkalite.coordination.group.classic.member import NO_MEMBER_ID, Protocol
from kafkalite.coordination.group.classic.rebalance import join_error
from kafkalite.coordination.group.consumer import migration, steps
from kafkalite.coordination.group.consumer.draft import Draft
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.member import (
    ClassicMetadata,
    ConsumerMember,
    CurrentAssignment,
    MemberMetadata,
    MemberState,
)
from kafkalite.coordination.group.consumer.membership import Membership
from kafkalite.coordination.group.consumer.regexes import RegexChange, change_regex
from kafkalite.coordination.group.consumer.subscription_bytes import (
    owned_partitions,
    subscription_of,
    write_assignment,
)
from kafkalite.coordination.group.context import GroupContext
from kafkalite.coordination.group.modern.assignor import Assignor
from kafkalite.coordination.group.modern.member_ids import new_member_id
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import MemberId

_log = logging.getLogger(__name__)

JoinAnswer = JoinGroupResponse | Deferred[JoinGroupResponse]
LeaveAnswer = LeaveGroupResponse | Deferred[LeaveGroupResponse]


class ClassicMembers:
    """Each method answers, or gives a Deferred that is never failed. The group has members when they join."""

    def __init__(
        self, context: GroupContext, membership: Membership, assignors: dict[str, Assignor]
    ) -> None:
        self._context = context
        self._membership = membership
        self._assignors = assignors

    # -- JoinGroup --------------------------------------------------------------------------------------------------

    def join(
        self, group: ConsumerGroup, request: JoinGroupRequest, client: Client, version: int
    ) -> JoinAnswer:
        try:
            return self._join(group, request, client, version)
        except KafkaError as error:
            return join_error(error.code, NO_MEMBER_ID)

    def _join(
        self, group: ConsumerGroup, request: JoinGroupRequest, client: Client, version: int
    ) -> JoinAnswer:
        config = self._context.config
        if not (
            config.min_session_timeout_ms
            <= request.session_timeout_ms
            <= config.max_session_timeout_ms
        ):
            raise KafkaError(ErrorCode.INVALID_SESSION_TIMEOUT)
        known_id = MemberId(request.member_id)
        member_id = known_id or new_member_id(self._context.random)
        if len(group.members) >= config.consumer_max_size and member_id not in group.members:
            raise KafkaError(ErrorCode.GROUP_MAX_SIZE_REACHED)
        protocols = tuple(Protocol(each.name, each.metadata) for each in request.protocols)
        subscription = _supported(group, request.protocol_type, protocols)
        dynamic = request.group_instance_id is None
        if dynamic and not known_id and version >= MEMBER_ID_REQUIRED_VERSION:
            return join_error(ErrorCode.MEMBER_ID_REQUIRED, member_id)

        draft = Draft(group)
        replaced = group.static_member(request.group_instance_id)
        before = _find_member(draft, request, known_id, member_id)
        classic = ClassicMetadata(request.session_timeout_ms, protocols)
        changed = self._take_metadata(draft, before, request, client, subscription, classic)
        steps.refresh(draft, self._context.topics, subscription_changed=changed)
        last_of_its_kind = (
            replaced is not None
            and not replaced.uses_classic_protocol
            and migration.may_downgrade(draft.group, (), config)
        )
        if not last_of_its_kind:
            self._assign(draft)
        if not (last_of_its_kind and changed):
            owned = owned_partitions(subscription, self._context.topics)
            steps.advance(
                draft, member_id, owned, self._context.topics, subscription_changed=changed
            )
        member = draft.group.members[member_id]
        if last_of_its_kind:
            migration.downgrade(draft, (), self._context.topics, self._context.clock.now_ms())
        response = JoinGroupResponse(
            generation_id=member.epoch,
            protocol_type=CONSUMER_PROTOCOL_TYPE,
            protocol_name=protocols[0].name,
            member_id=member_id,
        )
        answer = self._membership.write(
            draft, response, lambda code: join_error(code, member_id), rebalance=changed
        )
        if not last_of_its_kind:
            self._membership.joined(group.group_id, member)
        return answer

    def _take_metadata(
        self,
        draft: Draft,
        before: ConsumerMember,
        request: JoinGroupRequest,
        client: Client,
        subscription: ConsumerProtocolSubscription,
        classic: ClassicMetadata,
    ) -> bool:
        """Put the member as it describes itself now. Has its subscription changed?"""
        old = before.metadata
        new = MemberMetadata(
            instance_id=request.group_instance_id or old.instance_id,
            rack_id=subscription.rack_id or old.rack_id,
            client_id=client.client_id,
            client_host=client.client_host,
            rebalance_timeout_ms=request.rebalance_timeout_ms,
            topic_names=frozenset(subscription.topics),
            server_assignor=old.server_assignor,
            classic=classic,
        )
        if new != old or before.member_id not in draft.group.members:
            draft.put_metadata(before.member_id, new)
        regex = change_regex(draft, old.topic_regex, new.topic_regex)
        return new.topic_names != old.topic_names or regex is not RegexChange.NONE

    def _assign(self, draft: Draft) -> None:
        context = self._context
        interval_ms = context.settings_of(draft.group_id).consumer_assignment_interval_ms
        steps.assign(draft, self._assignors, context.topics, interval_ms, context.clock.now_ms())

    # -- SyncGroup --------------------------------------------------------------------------------------------------

    def sync(self, group: ConsumerGroup, request: SyncGroupRequest) -> SyncGroupResponse:
        try:
            return self._sync(group, request)
        except KafkaError as error:
            return SyncGroupResponse(error_code=error.code, protocol_type=None, protocol_name=None)

    def _sync(self, group: ConsumerGroup, request: SyncGroupRequest) -> SyncGroupResponse:
        member, classic = _classic_member(group, request.member_id, request.group_instance_id)
        if request.generation_id != member.epoch:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        name = classic.protocols[0].name
        if request.protocol_type not in (None, CONSUMER_PROTOCOL_TYPE) or (
            request.protocol_name not in (None, name)
        ):
            raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        gives_up = member.current.state is MemberState.UNREVOKED_PARTITIONS
        if group.epoch > member.epoch and not gives_up:
            self._membership.expect_join(group.group_id, member)
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)
        self._membership.synced(group.group_id, member)
        assigned = {
            topic_id: frozenset(epochs) for topic_id, epochs in member.current.assigned.items()
        }
        return SyncGroupResponse(
            protocol_type=CONSUMER_PROTOCOL_TYPE,
            protocol_name=name,
            assignment=write_assignment(assigned, classic.protocols, self._context.topics),
        )

    # -- Heartbeat --------------------------------------------------------------------------------------------------

    def heartbeat(self, group: ConsumerGroup, request: HeartbeatRequest) -> HeartbeatResponse:
        try:
            member, _ = _classic_member(group, request.member_id, request.group_instance_id)
            if request.generation_id != member.epoch:
                raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        except KafkaError as error:
            return HeartbeatResponse(error_code=error.code)
        self._membership.start_session(group.group_id, member)
        if not _has_to_join(group, member):
            return HeartbeatResponse()
        self._membership.expect_join(group.group_id, member)
        return HeartbeatResponse(error_code=ErrorCode.REBALANCE_IN_PROGRESS)

    # -- LeaveGroup -------------------------------------------------------------------------------------------------

    def leave(self, group: ConsumerGroup, request: LeaveGroupRequest) -> LeaveAnswer:
        """Members of either protocol: an administrator takes them out in this way, too."""
        leaving: dict[MemberId, ConsumerMember] = {}
        answers = []
        for identity in request.members:
            code = ErrorCode.NONE
            try:
                member = _leaving_member(group, identity)
                leaving[member.member_id] = member
            except KafkaError as error:
                code = error.code
            answers.append(
                LeaveGroupResponse.MemberResponse(
                    member_id=identity.member_id,
                    group_instance_id=identity.group_instance_id,
                    error_code=code,
                )
            )
        response = LeaveGroupResponse(members=answers)
        if not leaving:
            return response
        _log.info("group %s: members %s leave", group.group_id, ", ".join(leaving))
        draft = Draft(group)
        self._membership.remove(draft, list(leaving.values()))
        return self._membership.write(
            draft, response, lambda code: LeaveGroupResponse(error_code=code)
        )


def _supported(
    group: ConsumerGroup, protocol_type: str, protocols: tuple[Protocol, ...]
) -> ConsumerProtocolSubscription:
    """The member's subscription. KafkaError INCONSISTENT_GROUP_PROTOCOL when it is no consumer, or has no protocol that
    all classic members have: should the group become a classic one, they need one."""
    subscription = subscription_of(protocols)
    others = [
        {protocol.name for protocol in member.metadata.classic.protocols}
        for member in group.classic_members()
        if member.metadata.classic is not None
    ]
    common = any(all(each.name in names for names in others) for each in protocols)
    if protocol_type != CONSUMER_PROTOCOL_TYPE or subscription is None or not common:
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    return subscription


def _find_member(
    draft: Draft, request: JoinGroupRequest, known_id: MemberId, member_id: MemberId
) -> ConsumerMember:
    """The member as it was; one that joins has nothing yet, or what the static member had that it stands for."""
    instance_id = request.group_instance_id
    existing = draft.group.static_member(instance_id)
    if instance_id is None:
        existing = draft.group.members.get(member_id)
    elif known_id:
        existing = steps.static_member(draft.group, instance_id, known_id)
    elif existing is not None:
        steps.replace_static_member(draft, existing, member_id)
        existing = draft.group.members[member_id]
    return existing or ConsumerMember(member_id, MemberMetadata(), CurrentAssignment())


def _classic_member(
    group: ConsumerGroup, member_id: str, instance_id: str | None
) -> tuple[ConsumerMember, ClassicMetadata]:
    """KafkaError UNKNOWN_MEMBER_ID, also for a member of the consumer protocol, or FENCED_INSTANCE_ID."""
    member = (
        group.member(member_id)
        if instance_id is None
        else steps.static_member(group, instance_id, member_id)
    )
    if member.metadata.classic is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
    return member, member.metadata.classic


def _leaving_member(
    group: ConsumerGroup, identity: LeaveGroupRequest.MemberIdentity
) -> ConsumerMember:
    """An administrator may name a static member by its instance id alone."""
    instance_id = identity.group_instance_id
    if instance_id is None:
        return group.member(identity.member_id)
    existing = group.static_member(instance_id)
    member_id = identity.member_id or ("" if existing is None else existing.member_id)
    return steps.static_member(group, instance_id, member_id)


def _has_to_join(group: ConsumerGroup, member: ConsumerMember) -> bool:
    """Is there something for the member to do?"""
    state = member.current.state
    return (
        member.epoch < group.epoch
        or state is MemberState.UNREVOKED_PARTITIONS
        or (state is MemberState.UNRELEASED_PARTITIONS and not _waits_for_others(group, member))
    )


def _waits_for_others(group: ConsumerGroup, member: ConsumerMember) -> bool:
    """Is a partition of its target still somebody's?"""
    assigned = member.current.assigned
    return any(
        number not in assigned.get(topic_id, {}) and group.owner_of(topic_id, number) is not None
        for topic_id, numbers in group.target(member.member_id).items()
        for number in numbers
    )
