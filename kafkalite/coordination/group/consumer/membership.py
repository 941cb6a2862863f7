"""Keeping members, and letting them go: sessions and other deadlines, and writing what a step has decided.

session     not heard of in time: consumer.session.timeout.ms, or the session timeout of a classic member
rebalance   told to give partitions up, has not in its rebalance timeout                (consumer protocol)
join        told to join again, has not in its rebalance timeout                        (classic protocol)
sync        joined, has not asked for its assignment in its rebalance timeout           (classic protocol)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.groups import ClassicGroups
from kafkalite.coordination.group.consumer import migration
from kafkalite.coordination.group.consumer.draft import Draft
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.member import ConsumerMember, MemberState
from kafkalite.coordination.group.context import GroupContext
from kafkalite.coordination.group.modern.member_timers import MemberTimers
from kafkalite.coordination.group.modern.metadata_hash import group_hash
from kafkalite.deferred import Deferred
from kafkalite.types import GroupId, MemberId

_log = logging.getLogger(__name__)

_RETRY_MS = 500
"""After a removal that could not be written."""

R = TypeVar("R")


class Membership:
    """For members of either protocol."""

    def __init__(self, context: GroupContext, classic: ClassicGroups) -> None:
        self._context = context
        self._classic = classic
        self._sessions = MemberTimers(context.timer)
        self._rebalances = MemberTimers(context.timer)
        self._joins = MemberTimers(context.timer)
        self._syncs = MemberTimers(context.timer)
        self._all_timers = (self._sessions, self._rebalances, self._joins, self._syncs)

    def loaded(self, group: ConsumerGroup) -> None:
        """Every member's session starts anew."""
        for member in group.members.values():
            self.start_session(group.group_id, member)
            self.watch_rebalance(group.group_id, member)

    def unloaded(self, group_id: GroupId) -> None:
        for timers in self._all_timers:
            timers.stop_group(group_id)

    # -- deadlines --------------------------------------------------------------------------------------------------

    def start_session(self, group_id: GroupId, member: ConsumerMember) -> None:
        """The member was heard of."""
        classic = member.metadata.classic
        timeout_ms = (
            self._context.settings_of(group_id).consumer_session_timeout_ms
            if classic is None
            else classic.session_timeout_ms
        )
        self._start(self._sessions, group_id, member, timeout_ms, "was not heard of in time")

    def watch_rebalance(self, group_id: GroupId, member: ConsumerMember) -> None:
        """The member's assignment has changed."""
        if member.uses_classic_protocol:
            return
        if member.current.state is not MemberState.UNREVOKED_PARTITIONS:
            self._rebalances.stop(group_id, member.member_id)
            return
        self._start(
            self._rebalances,
            group_id,
            member,
            member.metadata.rebalance_timeout_ms,
            "did not give its partitions up in time",
            epoch=member.epoch,
        )

    def expect_join(self, group_id: GroupId, member: ConsumerMember) -> None:
        """A classic member was told to join again; the first time counts."""
        if not self._joins.is_running(group_id, member.member_id):
            timeout_ms = member.metadata.rebalance_timeout_ms
            self._start(self._joins, group_id, member, timeout_ms, "did not join again in time")

    def joined(self, group_id: GroupId, member: ConsumerMember) -> None:
        """A classic member has joined, and is to ask for its assignment."""
        self._joins.stop(group_id, member.member_id)
        self.start_session(group_id, member)
        timeout_ms = member.metadata.rebalance_timeout_ms
        self._start(self._syncs, group_id, member, timeout_ms, "did not sync in time")

    def synced(self, group_id: GroupId, member: ConsumerMember) -> None:
        self._syncs.stop(group_id, member.member_id)
        self.start_session(group_id, member)

    def _start(
        self,
        timers: MemberTimers,
        group_id: GroupId,
        member: ConsumerMember,
        timeout_ms: int,
        reason: str,
        *,
        epoch: int | None = None,
    ) -> None:
        member_id = member.member_id
        timers.start(
            group_id, member_id, timeout_ms, lambda: self._expel(group_id, member_id, reason, epoch)
        )

    # -- removal ----------------------------------------------------------------------------------------------------

    def remove(self, draft: Draft, members: Sequence[ConsumerMember]) -> None:
        """Take members out. Their partitions are free with that, and a new group epoch says that somebody else is to
        have them; unless those who are left go on as a classic group."""
        leaving = {member.member_id for member in members}
        config = self._context.config
        topics = self._context.topics
        if migration.may_downgrade(draft.group, leaving, config):
            migration.downgrade(draft, leaving, topics, self._context.clock.now_ms())
            return
        for member in members:
            draft.remove_member(member.member_id)
        for expression in dict.fromkeys(each.metadata.topic_regex for each in members):
            if expression and expression not in draft.group.regex_subscribers:
                draft.remove_regex(expression)
        draft.put_epoch(draft.group.epoch + 1, group_hash(draft.group.subscribed_topics(), topics))

    def _expel(
        self, group_id: GroupId, member_id: MemberId, reason: str, epoch: int | None
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
        self.remove(draft, [member])

        def failed(code: ErrorCode) -> None:
            _log.warning("group %s: %s could not be removed: %s", group_id, member_id, code.name)
            self._start(self._sessions, group_id, member, _RETRY_MS, reason)

        self.write(draft, None, failed)

    # -- writing ----------------------------------------------------------------------------------------------------

    def write(
        self, draft: Draft, answer: R, failed: Callable[[ErrorCode], R], *, rebalance: bool = True
    ) -> R | Deferred[R]:
        """Write what was decided; see `GroupContext.write`. A group that becomes a classic one then begins with a
        rebalance, unless that is not needed (`rebalance`)."""
        group_id = draft.group_id
        groups = self._context.shard_of(group_id).groups
        before = groups.get(group_id)
        leaving = draft.before.members.keys() - draft.group.members.keys()
        out = self._context.write(group_id, draft.records, answer, failed)
        after = groups.get(group_id)
        if isinstance(after, ClassicGroup) and after is not before:
            _log.info("group %s is a classic group from now on", group_id)
            self.unloaded(group_id)
            self._classic.taken_over(after, rebalance=rebalance)
        elif isinstance(before, ClassicGroup) and isinstance(after, ConsumerGroup):
            _log.info("group %s is a consumer group from now on", group_id)
            self._classic.unloaded(before, ErrorCode.REBALANCE_IN_PROGRESS)
            self.loaded(after)
        elif isinstance(after, ConsumerGroup):
            for member_id in leaving - after.members.keys():
                for timers in self._all_timers:
                    timers.stop(group_id, member_id)
        return out
