"""Who may join a classic group, and as whom.

member id  instance id
empty      none     v4+: the id is given out with MEMBER_ID_REQUIRED and the client joins again with it (KIP-394);
                    v0-3: joins at once under a new id
empty      set      static member (KIP-345): takes over the member of that instance id, or joins at once
pending    none     joins under the id it was given
known      any      rejoins
other      any      UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID
"""

from __future__ import annotations

import uuid
from random import Random
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse

from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.member import NO_MEMBER_ID, Member, Protocol
from kafkalite.coordination.group.classic.rebalance import (
    Rebalancer,
    current_generation,
    join_error,
)
from kafkalite.coordination.group.classic.states import GroupState
from kafkalite.coordination.runtime import answer_for_failed_append
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import MemberId, Offset

JoinAnswer = JoinGroupResponse | Deferred[JoinGroupResponse]

MEMBER_ID_REQUIRED_VERSION = 4
_SKIP_ASSIGNMENT_VERSION = 9


class Client(NamedTuple):
    """Who sent a request, as DescribeGroups will show it."""

    client_id: str
    client_host: str
    """As Java prints an address: `/127.0.0.1`."""


class Joining:
    """Handles JoinGroup for a group that is served here. Errors are raised as KafkaError."""

    def __init__(self, rebalancer: Rebalancer, random: Random) -> None:
        self._rebalancer = rebalancer
        self._random = random

    def join(
        self, group: ClassicGroup, request: JoinGroupRequest, client: Client, version: int
    ) -> JoinAnswer:
        member_id = MemberId(request.member_id)
        if not self._has_room(group, member_id):
            self._turn_away(group, member_id)
            raise KafkaError(ErrorCode.GROUP_MAX_SIZE_REACHED)
        protocols = [Protocol(protocol.name, protocol.metadata) for protocol in request.protocols]
        if not group.supports(request.protocol_type, protocols):
            raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        if member_id:
            return self._join_known(group, member_id, request, protocols, client)
        return self._join_new(group, request, protocols, client, version)

    def _has_room(self, group: ClassicGroup, member_id: MemberId) -> bool:
        """group.max.size. At the join barrier those that have come count, so that a group that became too large (the
        config was lowered) loses whoever comes last."""
        if group.state is GroupState.EMPTY:
            return True
        if group.state is GroupState.PREPARING_REBALANCE:
            return (
                member_id in group.parked_joins
                or len(group.parked_joins) < self._rebalancer.config.max_size
            )
        return member_id in group.members or len(group.members) < self._rebalancer.config.max_size

    def _turn_away(self, group: ClassicGroup, member_id: MemberId) -> None:
        if member_id in group.pending_joins:
            self._rebalancer.remove_pending(group, member_id)
        member = group.members.get(member_id)
        if member is not None:
            self._rebalancer.remove(group, member)
            self._rebalancer.complete_if_all_joined(group)

    def _join_new(
        self,
        group: ClassicGroup,
        request: JoinGroupRequest,
        protocols: list[Protocol],
        client: Client,
        version: int,
    ) -> JoinAnswer:
        instance_id = request.group_instance_id
        member_id = self._new_member_id(client.client_id if instance_id is None else instance_id)
        if instance_id is not None and instance_id in group.static_members:
            return self._replace_static(group, member_id, request, protocols, version)
        if instance_id is None and version >= MEMBER_ID_REQUIRED_VERSION:
            self._rebalancer.add_pending(group, member_id, request.session_timeout_ms)
            return join_error(ErrorCode.MEMBER_ID_REQUIRED, member_id)
        return self._add(group, member_id, request, protocols, client)

    def _join_known(
        self,
        group: ClassicGroup,
        member_id: MemberId,
        request: JoinGroupRequest,
        protocols: list[Protocol],
        client: Client,
    ) -> JoinAnswer:
        if member_id in group.pending_joins and request.group_instance_id is None:
            return self._add(group, member_id, request, protocols, client)
        member = group.check_member(member_id, request.group_instance_id)
        unchanged = member.protocols == protocols
        if group.state is GroupState.COMPLETING_REBALANCE and unchanged:
            # It missed the answer to its JoinGroup: the generation is still the same.
            self._rebalancer.reset_session(group, member)
            return current_generation(group, member_id)
        if group.state is GroupState.STABLE and unchanged and member_id != group.leader_id:
            self._rebalancer.reset_session(group, member)
            return current_generation(group, member_id)
        # A leader that joins again wants a new assignment: it has seen partitions come or go.
        self._update(group, member, request, protocols)
        answer = self._park(group, member_id)
        self._rebalancer.prepare_or_complete(group, f"member {member_id} joins again")
        return answer

    def _add(
        self,
        group: ClassicGroup,
        member_id: MemberId,
        request: JoinGroupRequest,
        protocols: list[Protocol],
        client: Client,
    ) -> JoinAnswer:
        member = Member(
            member_id=member_id,
            instance_id=request.group_instance_id,
            client_id=client.client_id,
            client_host=client.client_host,
            rebalance_timeout_ms=request.rebalance_timeout_ms,
            session_timeout_ms=request.session_timeout_ms,
            protocol_type=request.protocol_type,
            protocols=protocols,
            is_new=True,
        )
        pending = group.pending_joins.pop(member_id, None)
        if pending is not None:
            pending.cancel()
        group.add(member)
        group.member_added = True
        self._rebalancer.reset_session(
            group, member, self._rebalancer.config.new_member_join_timeout_ms
        )
        answer = self._park(group, member_id)
        self._rebalancer.prepare_or_complete(group, f"member {member_id} joins")
        return answer

    def _replace_static(
        self,
        group: ClassicGroup,
        new_id: MemberId,
        request: JoinGroupRequest,
        protocols: list[Protocol],
        version: int,
    ) -> JoinAnswer:
        """A static member restarted. If the group is stable and its choice of protocol stays, it just goes on under
        its new id, with its old assignment and without a rebalance."""
        assert request.group_instance_id is not None
        old_id = group.static_members[request.group_instance_id]
        old_leader = group.leader_id
        self._rebalancer.answer_parked(group, old_id, ErrorCode.FENCED_INSTANCE_ID)
        member = group.replace_static(old_id, new_id)
        before = (member.protocols, member.rebalance_timeout_ms, member.session_timeout_ms)
        self._update(group, member, request, protocols)
        self._rebalancer.reset_session(group, member)
        answer = self._park(group, new_id)
        if group.state is not GroupState.STABLE or group.select_protocol() != group.protocol_name:
            self._rebalancer.prepare_or_complete(
                group, f"static member {member.instance_id} came back"
            )
            return answer

        def written(done: Deferred[Offset]) -> None:
            if group.state is not GroupState.STABLE or group.parked_joins.get(new_id) is not answer:
                return  # a rebalance has begun meanwhile and answers
            del group.parked_joins[new_id]
            try:
                done.result()
            except KafkaError as error:
                group.replace_static(new_id, old_id)
                group.update_protocols(member, before[0])
                member.rebalance_timeout_ms, member.session_timeout_ms = before[1:]
                code = answer_for_failed_append(error, ErrorCode.UNKNOWN_SERVER_ERROR)
                answer.resolve(join_error(code, NO_MEMBER_ID))
            else:
                answer.resolve(_static_answer(group, new_id, old_leader, version))

        assignments = {each.member_id: each.assignment for each in group.members.values()}
        self._rebalancer.persist(group, assignments).on_done(written)
        return answer

    def _update(
        self,
        group: ClassicGroup,
        member: Member,
        request: JoinGroupRequest,
        protocols: list[Protocol],
    ) -> None:
        group.update_protocols(member, protocols)
        member.rebalance_timeout_ms = request.rebalance_timeout_ms
        member.session_timeout_ms = request.session_timeout_ms

    def _park(self, group: ClassicGroup, member_id: MemberId) -> Deferred[JoinGroupResponse]:
        """Hold the answer back until the barrier comes down. An earlier request of the same member, from a client
        that has given up waiting, is answered first."""
        self._rebalancer.answer_parked(group, member_id, ErrorCode.REBALANCE_IN_PROGRESS)
        answer: Deferred[JoinGroupResponse] = Deferred()
        group.parked_joins[member_id] = answer
        return answer

    def _new_member_id(self, prefix: str) -> MemberId:
        return MemberId(f"{prefix}-{uuid.UUID(int=self._random.getrandbits(128), version=4)}")


def _static_answer(
    group: ClassicGroup, member_id: MemberId, old_leader: MemberId | None, version: int
) -> JoinGroupResponse:
    """v9+ tells a returning leader to keep the assignment (KIP-814). Before, it must not notice that it leads, or it
    would compute one for a generation that has its own: it is told the leader's former id, which is nobody's."""
    response = current_generation(group, member_id)
    if version >= _SKIP_ASSIGNMENT_VERSION:
        response.skip_assignment = member_id == group.leader_id
    else:
        response.leader = old_leader or ""
        response.members = []
    return response
