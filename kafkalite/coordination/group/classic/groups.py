"""Classic groups: JoinGroup, SyncGroup, Heartbeat and LeaveGroup (KIP-62, 345, 394, 814)."""

from __future__ import annotations

from collections.abc import Mapping

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from kafkalite_protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from kafkalite_protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from kafkalite_protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

from kafkalite.coordination.group.classic import records
from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.joining import Client, Joining
from kafkalite.coordination.group.classic.member import NO_MEMBER_ID
from kafkalite.coordination.group.classic.rebalance import (
    Rebalancer,
    current_assignment,
    join_error,
)
from kafkalite.coordination.group.classic.states import GroupState
from kafkalite.coordination.group.context import GroupContext, warn_if_failed
from kafkalite.coordination.group.group import Group, GroupType
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, MemberId, Offset


class ClassicGroups:
    """The service of classic groups. Each method answers, or gives a Deferred that is never failed."""

    def __init__(self, context: GroupContext) -> None:
        self._context = context
        self._rebalancer = Rebalancer(context.config, context.timer, context.clock, self._persist)
        self._joining = Joining(self._rebalancer, context.random)

    def loaded(self, group: ClassicGroup) -> None:
        """The group has been replayed from its log: every member's session starts anew."""
        for member in group.members.values():
            self._rebalancer.reset_session(group, member)
        if len(group.members) > self._context.config.max_size:
            self._rebalancer.prepare(group, "it is larger than group.max.size")

    def taken_over(self, group: ClassicGroup, *, rebalance: bool) -> None:
        """The group was of another type until now, and goes on in this one."""
        self.loaded(group)
        if rebalance and group.state is GroupState.STABLE:
            self._rebalancer.prepare(group, "it has become a classic group")

    def unloaded(self, group: ClassicGroup, code: ErrorCode) -> None:
        """The group is served elsewhere, or gone: what is parked is answered `code`."""
        self._rebalancer.unload(group, code)

    def committed(self, group: ClassicGroup, member_id: str) -> None:
        """A member has sent OffsetCommit, so it lives."""
        member = group.members.get(MemberId(member_id))
        if member is not None:
            self._rebalancer.reset_session(group, member)

    def join(
        self, request: JoinGroupRequest, client: Client, version: int
    ) -> JoinGroupResponse | Deferred[JoinGroupResponse]:
        """JoinGroup: v4+ gives a member id out first, v5+ static members, v9+ skip_assignment."""
        try:
            return self._join(request, client, version)
        except KafkaError as error:
            turned_away = error.code is ErrorCode.GROUP_MAX_SIZE_REACHED
            return join_error(error.code, NO_MEMBER_ID if turned_away else request.member_id)

    def _join(
        self, request: JoinGroupRequest, client: Client, version: int
    ) -> JoinGroupResponse | Deferred[JoinGroupResponse]:
        shard = self._context.shard_of(request.group_id)
        group_id = GroupId(request.group_id)
        config = self._context.config
        if (
            not config.min_session_timeout_ms
            <= request.session_timeout_ms
            <= config.max_session_timeout_ms
        ):
            raise KafkaError(ErrorCode.INVALID_SESSION_TIMEOUT)
        found = shard.find(group_id)
        if not _may_be_joined(found):
            return join_error(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, NO_MEMBER_ID)
        group = found if isinstance(found, ClassicGroup) else None
        if group is None:
            if request.member_id:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
            group = ClassicGroup(group_id)
        answer = self._joining.join(group, request, client, version)
        if shard.groups.get(group_id) is not group:
            # Only now: a join that is refused changes nothing.
            replaced = [] if found is None or found is group else found.tombstones()
            shard.groups[group_id] = group
            record = records.new_group(group_id, self._context.clock.now_ms())
            self._context.append(group_id, [*replaced, record]).on_done(warn_if_failed)
        return answer

    def sync(self, request: SyncGroupRequest) -> SyncGroupResponse | Deferred[SyncGroupResponse]:
        """SyncGroup: waits for the leader's; v5+ says which protocol the client believes in."""
        try:
            return self._sync(request)
        except KafkaError as error:
            return SyncGroupResponse(error_code=error.code, protocol_type=None, protocol_name=None)

    def _sync(self, request: SyncGroupRequest) -> SyncGroupResponse | Deferred[SyncGroupResponse]:
        found = self._context.shard_of(request.group_id).find(GroupId(request.group_id))
        if found is not None and found.type is not GroupType.CLASSIC:
            raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        group = self._group_of_member(request.group_id)
        member_id = MemberId(request.member_id)
        member = group.check_member(member_id, request.group_instance_id)
        if request.generation_id != group.generation_id:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        if _differs(request.protocol_type, group.protocol_type) or _differs(
            request.protocol_name, group.protocol_name
        ):
            raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        if group.state is GroupState.PREPARING_REBALANCE:
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)
        self._rebalancer.sync_received(group, member_id)
        self._rebalancer.reset_session(group, member)
        if group.state is GroupState.STABLE:
            return current_assignment(group, member_id)
        assert group.state is GroupState.COMPLETING_REBALANCE, (
            "an empty group has no member to sync"
        )
        # A request of the same member that is parked already comes from a client that gave up waiting for it.
        self._rebalancer.answer_parked(group, member_id, ErrorCode.REBALANCE_IN_PROGRESS)
        answer: Deferred[SyncGroupResponse] = Deferred()
        group.parked_syncs[member_id] = answer
        if member_id == group.leader_id:
            self._rebalancer.assign(
                group, {MemberId(each.member_id): each.assignment for each in request.assignments}
            )
        return answer

    def heartbeat(self, request: HeartbeatRequest) -> HeartbeatResponse:
        """Heartbeat: the member lives; tells it when it has to join again."""
        try:
            return HeartbeatResponse(error_code=self._heartbeat(request))
        except KafkaError as error:
            return HeartbeatResponse(error_code=error.code)

    def _heartbeat(self, request: HeartbeatRequest) -> ErrorCode:
        group = self._group_of_member(request.group_id)
        member = group.check_member(MemberId(request.member_id), request.group_instance_id)
        if request.generation_id != group.generation_id:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        self._rebalancer.reset_session(group, member)
        if group.state is GroupState.PREPARING_REBALANCE:
            return ErrorCode.REBALANCE_IN_PROGRESS
        return ErrorCode.NONE

    def leave(self, request: LeaveGroupRequest) -> LeaveGroupResponse:
        """LeaveGroup, in the shape of v3+: each entry of `members` is answered for itself."""
        try:
            group = self._find(self._context.shard_of(request.group_id), request.group_id)
        except KafkaError as error:
            return LeaveGroupResponse(error_code=error.code)
        answers = [
            LeaveGroupResponse.MemberResponse(
                member_id=identity.member_id,
                group_instance_id=identity.group_instance_id,
                error_code=self._remove(group, identity),
            )
            for identity in request.members
        ]
        if group is not None and any(answer.error_code == ErrorCode.NONE for answer in answers):
            if group.can_rebalance and group.state is not GroupState.EMPTY:
                self._rebalancer.prepare(group, "members left")
            else:
                self._rebalancer.complete_if_all_joined(group)
        return LeaveGroupResponse(members=answers)

    def _remove(
        self, group: ClassicGroup | None, identity: LeaveGroupRequest.MemberIdentity
    ) -> ErrorCode:
        """Take one member out. An administrator may name a static member by its instance id alone."""
        if group is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        member_id = MemberId(identity.member_id)
        instance_id = identity.group_instance_id
        if not member_id and instance_id is not None:
            member_id = group.static_members.get(instance_id, member_id)
        if member_id in group.pending_joins:
            group.pending_joins.pop(member_id).cancel()
            return ErrorCode.NONE
        try:
            member = group.check_member(member_id, instance_id)
        except KafkaError as error:
            return error.code
        self._rebalancer.remove(group, member)
        return ErrorCode.NONE

    def _persist(
        self, group: ClassicGroup, assignments: Mapping[MemberId, bytes]
    ) -> Deferred[Offset]:
        return self._context.append(group.group_id, [records.group_metadata(group, assignments)])

    def _group_of_member(self, group_id: str) -> ClassicGroup:
        """The group a member claims to be in; without a group nobody is a member."""
        group = self._find(self._context.shard_of(group_id), group_id)
        if group is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
        return group

    def _find(self, shard: GroupShard, group_id: str) -> ClassicGroup | None:
        """The group, None where there is none: a group of another type has no members of this one."""
        group = shard.find(GroupId(group_id))
        return group if isinstance(group, ClassicGroup) else None


def _may_be_joined(found: Group | None) -> bool:
    """A consumer or streams group whose members have all gone is replaced."""
    if found is None or found.type is GroupType.CLASSIC:
        return True
    return found.type in (GroupType.CONSUMER, GroupType.STREAMS) and found.is_empty


def _differs(claimed: str | None, actual: str | None) -> bool:
    """Older clients do not say, and a group may have none: only two that are said can differ."""
    return claimed is not None and actual is not None and claimed != actual
