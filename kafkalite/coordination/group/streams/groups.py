"""Streams groups: StreamsGroupHeartbeat and StreamsGroupDescribe (KIP-1071), and the timers behind them.

session            no heartbeat for streams.session.timeout.ms                     => the member is removed
rebalance          told to give tasks up, has not within its rebalance timeout     => the member is removed
initial delay      the first member waits streams.initial.rebalance.delay.ms for others before tasks are assigned
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
)

from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.context import GroupContext
from kafkalite.coordination.group.modern.member_timers import MemberTimers
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.group.streams import records
from kafkalite.coordination.group.streams.configured_topology import InternalTopic, configure
from kafkalite.coordination.group.streams.describe import DescribedGroup, describe_group
from kafkalite.coordination.group.streams.group import StreamsGroup
from kafkalite.coordination.group.streams.heartbeat import Heartbeat, is_assignment_due
from kafkalite.coordination.group.streams.member import MemberState, StreamsMember
from kafkalite.coordination.group.streams.request_checks import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    check_request,
)
from kafkalite.coordination.group.streams.target import compute_target
from kafkalite.coordination.group.streams.topology import read_topology
from kafkalite.coordination.ports import KeyValue
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, MemberId

_log = logging.getLogger(__name__)

_WHOLE_GROUP = MemberId("")
"""In place of a member, for the timer that a group has once. No member's id is empty."""


class HeartbeatResult(NamedTuple):
    response: StreamsGroupHeartbeatResponse
    missing_topics: tuple[InternalTopic, ...] = ()
    """To be created by whoever may create topics; the members wait for them."""


class StreamsGroups:
    """The service of streams groups. Each method answers, or gives a Deferred that is never failed."""

    def __init__(self, context: GroupContext) -> None:
        self._context = context
        self._sessions = MemberTimers(context.timer)
        self._rebalances = MemberTimers(context.timer)
        self._initial_delays = MemberTimers(context.timer)

    # -- partitions come and go -------------------------------------------------------------------------------------

    def loaded(self, group: StreamsGroup) -> None:
        """The group has been replayed from its log: every member's session starts anew."""
        for member in group.members.values():
            self._restart_session(group.group_id, member.member_id)
            if member.state is MemberState.UNREVOKED_TASKS:
                self._start_rebalance(group.group_id, member)

    def unloaded(self, group: StreamsGroup, _code: ErrorCode) -> None:
        """The group is served elsewhere, or gone. Nothing is parked."""
        for timers in (self._sessions, self._rebalances, self._initial_delays):
            timers.stop_group(group.group_id)

    # -- StreamsGroupHeartbeat --------------------------------------------------------------------------------------

    def heartbeat(
        self, request: StreamsGroupHeartbeatRequest, client: Client
    ) -> HeartbeatResult | Deferred[HeartbeatResult]:
        """StreamsGroupHeartbeat: v0 joins with epoch 0, leaves with -1."""
        try:
            check_request(request)
            shard = self._context.shard_of(request.group_id)
            if request.member_epoch == LEAVE_EPOCH:
                return self._leave(shard, request)
            return self._heartbeat(shard, request, client)
        except KafkaError as error:
            return _refused(error.code, error.message)

    def topics_to_make_first(
        self, request: StreamsGroupHeartbeatRequest
    ) -> tuple[InternalTopic, ...]:
        """Topics that the first member of a new group is missing, and that had better be made before it is answered.

        Kafka answers that they are missing, makes them, and has the application wait for its next heartbeat, five
        seconds on. Where topics are made at once nobody needs to wait.
        """
        if request.topology is None or request.member_epoch != JOIN_EPOCH:
            return ()
        try:
            check_request(request)
            group, _ = self._joined_group(self._context.shard_of(request.group_id), request)
            if group.topology is not None:
                return ()
            return configure(read_topology(request.topology), self._context.topics).missing_topics
        except KafkaError:
            return ()  # the heartbeat itself will say so

    def _heartbeat(
        self, shard: GroupShard, request: StreamsGroupHeartbeatRequest, client: Client
    ) -> HeartbeatResult | Deferred[HeartbeatResult]:
        group_id = GroupId(request.group_id)
        settings = self._context.settings_of(group_id)
        first: list[KeyValue] = []
        if request.member_epoch == JOIN_EPOCH:
            group, first = self._joined_group(shard, request)
        else:
            group = self._find(shard, request.group_id)
        starts_delay = group.is_empty and settings.streams_initial_rebalance_delay_ms > 0
        decision = Heartbeat(
            group,
            request,
            client,
            settings,
            self._context.topics,
            self._context.clock.now_ms(),
            is_known=group_id in shard.groups,
            initial_delay=starts_delay or self._initial_delays.is_running(group_id, _WHOLE_GROUP),
        ).decide()
        if starts_delay and not self._initial_delays.is_running(group_id, _WHOLE_GROUP):
            self._initial_delays.start(
                group_id,
                _WHOLE_GROUP,
                settings.streams_initial_rebalance_delay_ms,
                lambda: self._initial_delay_over(group_id),
            )
        self._restart_session(group_id, decision.member.member_id)
        if decision.took_a_step:
            self._rebalances.stop(group_id, decision.member.member_id)
            if decision.member.state is MemberState.UNREVOKED_TASKS:
                self._start_rebalance(group_id, decision.member)
        return self._context.write(
            group_id,
            [*first, *decision.records],
            HeartbeatResult(decision.response, decision.missing_topics),
            _refused,
        )

    def _joined_group(
        self, shard: GroupShard, request: StreamsGroupHeartbeatRequest
    ) -> tuple[StreamsGroup, list[KeyValue]]:
        """The group to join, made if there is none, and what takes an empty classic group of the name away first."""
        group_id = GroupId(request.group_id)
        found = shard.find(group_id)
        if found is None:
            return StreamsGroup(group_id), []
        if isinstance(found, ClassicGroup) and found.is_empty:
            return StreamsGroup(group_id), found.tombstones()
        group = self._find(shard, request.group_id)
        size_max = self._context.config.streams_max_size
        if len(group.members) >= size_max and request.member_id not in group.members:
            raise KafkaError(
                ErrorCode.GROUP_MAX_SIZE_REACHED,
                f"The group takes no more than {size_max} members.",
            )
        return group, []

    def _leave(
        self, shard: GroupShard, request: StreamsGroupHeartbeatRequest
    ) -> HeartbeatResult | Deferred[HeartbeatResult]:
        group = self._find(shard, request.group_id)
        if request.shutdown_application and group.shutdown_requested_by is None:
            group.shutdown_requested_by = MemberId(request.member_id)
        member = group.member(request.member_id)
        response = StreamsGroupHeartbeatResponse(
            member_id=request.member_id, member_epoch=request.member_epoch, status=[]
        )
        return self._remove(group, member, HeartbeatResult(response))

    def _find(self, shard: GroupShard, group_id: str) -> StreamsGroup:
        """KafkaError GROUP_ID_NOT_FOUND."""
        group = shard.find(GroupId(group_id))
        if isinstance(group, StreamsGroup):
            return group
        raise KafkaError(
            ErrorCode.GROUP_ID_NOT_FOUND,
            f"There is no group {group_id}."
            if group is None
            else f"Group {group_id} is of type {group.type.value}.",
        )

    # -- members that go --------------------------------------------------------------------------------------------

    def _remove(
        self, group: StreamsGroup, member: StreamsMember, answer: HeartbeatResult
    ) -> HeartbeatResult | Deferred[HeartbeatResult]:
        self._sessions.stop(group.group_id, member.member_id)
        self._rebalances.stop(group.group_id, member.member_id)
        removal = [
            *records.member_tombstones(group.group_id, member.member_id),
            records.group_metadata(
                group.group_id,
                group.epoch + 1,
                group.metadata_hash,
                group.validated_topology_epoch,
                group.assignment_configs,
            ),
        ]
        return self._context.write(group.group_id, removal, answer, _refused)

    def _restart_session(self, group_id: GroupId, member_id: MemberId) -> None:
        timeout_ms = self._context.settings_of(group_id).streams_session_timeout_ms
        self._sessions.start(
            group_id, member_id, timeout_ms, lambda: self._session_over(group_id, member_id)
        )

    def _session_over(self, group_id: GroupId, member_id: MemberId) -> None:
        self._fence(group_id, member_id, "its session expired")

    def _start_rebalance(self, group_id: GroupId, member: StreamsMember) -> None:
        timeout_ms = member.metadata.rebalance_timeout_ms
        self._rebalances.start(
            group_id,
            member.member_id,
            timeout_ms,
            lambda: self._rebalance_over(group_id, member.member_id, member.epoch),
        )

    def _rebalance_over(self, group_id: GroupId, member_id: MemberId, epoch: int) -> None:
        group = self._served(group_id)
        member = None if group is None else group.members.get(member_id)
        if member is not None and member.epoch == epoch:
            self._fence(group_id, member_id, f"it did not leave epoch {epoch} in time")

    def _fence(self, group_id: GroupId, member_id: MemberId, reason: str) -> None:
        group = self._served(group_id)
        member = None if group is None else group.members.get(member_id)
        if group is None or member is None:
            return
        _log.info("streams group %s: member %s is removed: %s", group_id, member_id, reason)
        self._remove(group, member, HeartbeatResult(StreamsGroupHeartbeatResponse()))

    # -- the initial delay ------------------------------------------------------------------------------------------

    def _initial_delay_over(self, group_id: GroupId) -> None:
        """Assign what the members that have come so far are to have."""
        group = self._served(group_id)
        if group is None or group.is_empty or group.configured is None:
            return
        now_ms = self._context.clock.now_ms()
        settings = self._context.settings_of(group_id)
        if group.epoch <= group.assignment_epoch or not is_assignment_due(group, settings, now_ms):
            return
        _, written = compute_target(
            group,
            group.members,
            group.configured,
            settings.streams_num_standby_replicas,
            group.epoch,
            now_ms,
        )
        nothing = HeartbeatResult(StreamsGroupHeartbeatResponse())
        self._context.write(group_id, written, nothing, _refused)

    def _served(self, group_id: GroupId) -> StreamsGroup | None:
        """For timers: the group, if it is still there and still ours."""
        try:
            group = self._context.shard_of(group_id).groups.get(group_id)
        except KafkaError:
            return None
        return group if isinstance(group, StreamsGroup) else None

    # -- StreamsGroupDescribe ---------------------------------------------------------------------------------------

    def describe(self, group_id: str) -> DescribedGroup:
        """StreamsGroupDescribe v0, one group. Errors are the group's."""
        try:
            shard = self._context.shard_of(group_id)
            group = shard.find(GroupId(group_id))
            if isinstance(group, StreamsGroup):
                return describe_group(group)
        except KafkaError as error:
            return DescribedGroup(
                group_id=group_id, error_code=error.code, error_message=error.message
            )
        return DescribedGroup(
            group_id=group_id,
            error_code=ErrorCode.GROUP_ID_NOT_FOUND,
            error_message=f"There is no group {group_id}."
            if group is None
            else f"Group {group_id} is of type {group.type.value}.",
        )


def _refused(code: ErrorCode, message: str | None = None) -> HeartbeatResult:
    return HeartbeatResult(
        StreamsGroupHeartbeatResponse(error_code=code, error_message=message or code.message)
    )
