"""Consumer groups: ConsumerGroupHeartbeat and ConsumerGroupDescribe (KIP-848).

A heartbeat is decided on a draft of the group (`heartbeats.py`), written, and answered when it is committed. What
happens when members are not heard of is in `membership.py`; members of the classic protocol are in
`classic_members.py`, groups that change their type in `migration.py`.
"""

from __future__ import annotations

import logging

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)

from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.groups import ClassicGroups
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.consumer import migration
from kafkalite.coordination.group.consumer.assignors import assignors_of
from kafkalite.coordination.group.consumer.classic_members import ClassicMembers
from kafkalite.coordination.group.consumer.describe import DescribedGroup, describe_group
from kafkalite.coordination.group.consumer.draft import Draft
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.heartbeats import (
    Heartbeat,
    go_away,
    is_leave,
    leaving_member,
)
from kafkalite.coordination.group.consumer.member import LEAVE_STATIC_EPOCH
from kafkalite.coordination.group.consumer.membership import Membership
from kafkalite.coordination.group.consumer.records import ResolvedRegex
from kafkalite.coordination.group.consumer.regexes import (
    RegexResolver,
    is_refresh_due,
    put_resolved,
)
from kafkalite.coordination.group.consumer.request_checks import JOIN_EPOCH, check_request
from kafkalite.coordination.group.context import GroupContext
from kafkalite.coordination.group.modern.member_ids import new_member_id
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, MemberId

_log = logging.getLogger(__name__)

Answer = ConsumerGroupHeartbeatResponse | Deferred[ConsumerGroupHeartbeatResponse]


class ConsumerGroups:
    """The service of consumer groups. Each method answers, or gives a Deferred that is never failed."""

    def __init__(self, context: GroupContext, classic: ClassicGroups) -> None:
        self._context = context
        self._assignors = assignors_of(context.config.consumer_assignors)
        self._membership = Membership(context, classic)
        self.classic_members = ClassicMembers(context, self._membership, self._assignors)
        self._resolver = RegexResolver(context.timer, context.topics, self._regexes_resolved)
        self._topics_version = context.topics.version

    # -- partitions and topics come and go --------------------------------------------------------------------------

    def loaded(self, group: ConsumerGroup) -> None:
        """The group has been replayed from its log: every member's session starts anew."""
        self._membership.loaded(group)

    def unloaded(self, group: ConsumerGroup, _code: ErrorCode) -> None:
        """The group is served elsewhere, or gone. Nothing is parked."""
        self._membership.unloaded(group.group_id)

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
                error_code=error.code, error_message=error.message or error.code.message
            )

    def _heartbeat(
        self, shard: GroupShard, request: ConsumerGroupHeartbeatRequest, client: Client
    ) -> Answer:
        context = self._context
        joins = request.member_epoch == JOIN_EPOCH
        draft = self._draft(shard, GroupId(request.group_id), create=joins)
        self._check_room(draft.group, request.member_id)
        if not request.member_id:
            request.member_id = new_member_id(context.random)
        step = Heartbeat(request, client)
        settings = context.settings_of(request.group_id)
        now_ms = context.clock.now_ms()
        response = step.decide(draft, self._assignors, context.topics, settings, now_ms)
        before = draft.before.members.get(step.member_id)
        after = draft.group.members[step.member_id]
        answer = self._membership.write(draft, response, _failed)
        self._membership.start_session(draft.group_id, after)
        if before is None or before.current != after.current:
            self._membership.watch_rebalance(draft.group_id, after)
        self._resolve_regexes(draft.group, now_ms)
        return answer

    def _draft(self, shard: GroupShard, group_id: GroupId, *, create: bool) -> Draft:
        """KafkaError GROUP_ID_NOT_FOUND."""
        group = shard.find(group_id)
        if isinstance(group, ConsumerGroup):
            return Draft(group)
        if group is None and create:
            return Draft(ConsumerGroup(group_id))
        if isinstance(group, ClassicGroup) and create:
            return migration.upgrade(group, self._context.config, self._context.topics)
        text = "is not a consumer group" if group is not None else "does not exist"
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"The group {group_id} {text}.")

    def _check_room(self, group: ConsumerGroup, member_id: str) -> None:
        most = self._context.config.consumer_max_size
        if len(group.members) >= most and MemberId(member_id) not in group.members:
            raise KafkaError(
                ErrorCode.GROUP_MAX_SIZE_REACHED,
                f"The group {group.group_id} has {most} members already, and may not have more.",
            )

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
            self._membership.remove(draft, [member])
        return self._membership.write(draft, response, _failed)

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
            self._membership.write(draft, None, lambda _: None)

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
    return ConsumerGroupHeartbeatResponse(error_code=code, error_message=code.message)
