"""Consumer groups: ConsumerGroupHeartbeat and ConsumerGroupDescribe (KIP-848), and the timers behind them.

    session      not heard of for consumer.session.timeout.ms                          -> removed
    rebalance    told to give partitions up, has not within its own rebalance timeout  -> removed

A heartbeat is decided on a draft of the group (`heartbeats.py`), written, and answered when it is committed. Members of
the classic protocol are in `classic_members.py`, groups that change their type in `migration.py`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)

from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.consumer.assignors import assignors_of
from kafkalite.coordination.group.consumer.describe import DescribedGroup, describe_group
from kafkalite.coordination.group.consumer.draft import Draft
from kafkalite.coordination.group.consumer.fencing import remove_members
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.heartbeats import (
    Heartbeat,
    go_away,
    is_leave,
    leaving_member,
)
from kafkalite.coordination.group.consumer.member import (
    LEAVE_STATIC_EPOCH,
    ConsumerMember,
    MemberState,
)
from kafkalite.coordination.group.consumer.records import ResolvedRegex
from kafkalite.coordination.group.consumer.regexes import (
    RegexResolver,
    is_refresh_due,
    put_resolved,
)
from kafkalite.coordination.group.consumer.request_checks import JOIN_EPOCH, check_request
from kafkalite.coordination.group.context import GroupContext
from kafkalite.coordination.group.modern.member_timers import MemberTimers
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, MemberId

_log = logging.getLogger(__name__)

_RETRY_MS = 500
"""After a removal that could not be written."""

Answer = ConsumerGroupHeartbeatResponse | Deferred[ConsumerGroupHeartbeatResponse]


class ConsumerGroups:
    """The service of consumer groups. Each method answers, or gives a Deferred that is never failed."""

    def __init__(self, context: GroupContext) -> None:
        self._context = context
        self._assignors = assignors_of(context.config.consumer_assignors)
        self._sessions = MemberTimers(context.timer)
        self._rebalances = MemberTimers(context.timer)
        self._resolver = RegexResolver(context.timer, context.topics, self._regexes_resolved)
        self._topics_version = 0

    # -- partitions and topics come and go --------------------------------------------------------------------------

    def loaded(self, group: ConsumerGroup) -> None:
        """The group has been replayed from its log: every member's session starts anew."""
        for member in group.members.values():
            self._start_session(group.group_id, member)
            if member.current.state is MemberState.UNREVOKED_PARTITIONS:
                self._start_rebalance(group.group_id, member)

    def unloaded(self, group: ConsumerGroup) -> None:
        """The group is served elsewhere, or gone."""
        for timers in (self._sessions, self._rebalances):
            timers.stop_group(group.group_id)

    def topics_changed(self) -> None:
        """There may be new topics, which subscriptions by regex may match."""
        self._topics_version = self._context.topics.version

    # -- ConsumerGroupHeartbeat -------------------------------------------------------------------------------------

    def heartbeat(
        self, request: ConsumerGroupHeartbeatRequest, client: Client, version: int
    ) -> Answer:
        """ConsumerGroupHeartbeat: v0 gives a member id out, v1 takes the client's, and regular expressions."""
        try:
            check_request(request, version, self._assignors)
            shard = self._context.shard_of(request.group_id)
            if is_leave(request):
                return self._leave(shard, request)
            return self._heartbeat(shard, request, client)
        except KafkaError as error:
            return ConsumerGroupHeartbeatResponse(
                error_code=error.code, error_message=error.message
            )

    def _heartbeat(
        self, shard: GroupShard, request: ConsumerGroupHeartbeatRequest, client: Client
    ) -> Answer:
        joins = request.member_epoch == JOIN_EPOCH
        draft = self._draft(shard, GroupId(request.group_id), create=joins)
        self._check_room(draft.group, request.member_id)
        if not request.member_id:
            request.member_id = str(uuid.UUID(int=self._context.random.getrandbits(128), version=4))
        step = Heartbeat(request, client)
        now_ms = self._context.clock.now_ms()
        settings = self._context.settings_of(request.group_id)
        response = step.decide(draft, self._assignors, self._context.topics, settings, now_ms)
        self._resolve_regexes(draft.group, now_ms)
        return self._finish(draft, step.member_id, response)

    def _draft(self, shard: GroupShard, group_id: GroupId, *, create: bool) -> Draft:
        """KafkaError GROUP_ID_NOT_FOUND."""
        group = shard.find(group_id)
        if isinstance(group, ConsumerGroup):
            return Draft(group)
        if group is None and create:
            return Draft(ConsumerGroup(group_id))
        text = "is not a consumer group" if group is not None else "does not exist"
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"The group {group_id} {text}.")

    def _check_room(self, group: ConsumerGroup, member_id: str) -> None:
        most = self._context.config.consumer_max_size
        if len(group.members) >= most and MemberId(member_id) not in group.members:
            raise KafkaError(
                ErrorCode.GROUP_MAX_SIZE_REACHED,
                f"The group {group.group_id} has {most} members already, and may not have more.",
            )

    def _finish(
        self, draft: Draft, member_id: MemberId, response: ConsumerGroupHeartbeatResponse
    ) -> Answer:
        """Write what was decided, and (re)start the member's timers."""
        group_id = draft.group_id
        before = draft.before.members.get(member_id)
        after = draft.group.members[member_id]
        self._start_session(group_id, after)
        if before is None or before.current != after.current:
            if after.current.state is MemberState.UNREVOKED_PARTITIONS:
                self._start_rebalance(group_id, after)
            else:
                self._rebalances.stop(group_id, member_id)
        return self._context.write(group_id, draft.records, response, _failed)

    # -- leaving ----------------------------------------------------------------------------------------------------

    def _leave(self, shard: GroupShard, request: ConsumerGroupHeartbeatRequest) -> Answer:
        draft = self._draft(shard, GroupId(request.group_id), create=False)
        member = leaving_member(draft.group, request)
        _log.info("group %s: member %s leaves", draft.group_id, member.member_id)
        response = ConsumerGroupHeartbeatResponse(
            member_id=member.member_id, member_epoch=request.member_epoch
        )
        if request.member_epoch == LEAVE_STATIC_EPOCH:
            go_away(draft, member)
        else:
            self._remove(draft, [member])
        return self._context.write(draft.group_id, draft.records, response, _failed)

    def _remove(self, draft: Draft, members: Sequence[ConsumerMember]) -> None:
        remove_members(draft, members, self._context.topics)
        for member in members:
            for timers in (self._sessions, self._rebalances):
                timers.stop(draft.group_id, member.member_id)

    def _start_session(self, group_id: GroupId, member: ConsumerMember) -> None:
        timeout_ms = self._context.settings_of(group_id).consumer_session_timeout_ms
        member_id = member.member_id
        self._sessions.start(
            group_id,
            member_id,
            timeout_ms,
            lambda: self._expel(group_id, member_id, "was not heard of in time"),
        )

    def _start_rebalance(self, group_id: GroupId, member: ConsumerMember) -> None:
        member_id, epoch = member.member_id, member.epoch

        def due() -> None:
            self._expel(group_id, member_id, "did not give its partitions up in time", epoch)

        self._rebalances.start(group_id, member_id, member.metadata.rebalance_timeout_ms, due)

    def _expel(
        self, group_id: GroupId, member_id: MemberId, reason: str, epoch: int | None = None
    ) -> None:
        """Time is up for a member; if `epoch` is given, only while it is in that epoch."""
        group = self._context.shard_of(group_id).groups.get(group_id)
        member = group.members.get(member_id) if isinstance(group, ConsumerGroup) else None
        if not isinstance(group, ConsumerGroup) or member is None:
            return
        if epoch is not None and member.epoch != epoch:
            return
        _log.info("group %s: member %s %s", group_id, member_id, reason)
        draft = Draft(group)
        self._remove(draft, [member])

        def failed(code: ErrorCode) -> None:
            _log.warning("group %s: %s could not be removed: %s", group_id, member_id, code.name)
            self._sessions.start(
                group_id, member_id, _RETRY_MS, lambda: self._expel(group_id, member_id, reason)
            )

        self._context.write(group_id, draft.records, None, failed)

    # -- regular expressions ----------------------------------------------------------------------------------------

    def _resolve_regexes(self, group: ConsumerGroup, now_ms: int) -> None:
        max_interval_ms = self._context.config.consumer_regex_refresh_interval_ms
        if is_refresh_due(group, self._topics_version, max_interval_ms, now_ms):
            self._resolver.resolve(group.group_id, group.regex_subscribers, now_ms)

    def _regexes_resolved(self, group_id: GroupId, found: dict[str, ResolvedRegex]) -> None:
        try:
            group = self._context.shard_of(group_id).groups.get(group_id)
        except KafkaError:
            return  # served elsewhere by now
        if isinstance(group, ConsumerGroup):
            draft = Draft(group)
            put_resolved(draft, found, self._context.topics)
            self._context.write(group_id, draft.records, None, lambda _: None)

    # -- ConsumerGroupDescribe --------------------------------------------------------------------------------------

    def describe(self, group_id: str) -> DescribedGroup:
        """ConsumerGroupDescribe of one group; errors are in it."""
        try:
            group = self._context.shard_of(group_id).find(GroupId(group_id))
        except KafkaError as error:
            return DescribedGroup(
                group_id=group_id, error_code=error.code, error_message=error.message
            )
        if not isinstance(group, ConsumerGroup):
            text = "does not exist" if group is None else "is not a consumer group"
            return DescribedGroup(
                group_id=group_id,
                error_code=ErrorCode.GROUP_ID_NOT_FOUND,
                error_message=f"The group {group_id} {text}.",
            )
        return describe_group(group, next(iter(self._assignors)), self._context.topics)


def _failed(code: ErrorCode) -> ConsumerGroupHeartbeatResponse:
    return ConsumerGroupHeartbeatResponse(error_code=code)
