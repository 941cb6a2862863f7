"""The rebalance of a classic group: bringing the two barriers up and down, and every timer involved.

Timers of a group
    session   per member      heard of nothing for session.timeout.ms -> removed (not while a request of it is parked)
    pending   per given-out id  not used for the session timeout -> forgotten
    join      one             the join barrier's deadline: go on without the dynamic members that are missing
    sync      one             the sync barrier's deadline: members that did not sync are removed

Kafka's counterpart is `GroupMetadataManager` (classicGroup...).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.join_group import JoinGroupResponse
from kafkalite_protocol.messages.sync_group import SyncGroupResponse

from kafkalite.clock import Clock
from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.member import NO_MEMBER_ID, Member
from kafkalite.coordination.group.classic.states import GroupState
from kafkalite.coordination.group.config import GroupCoordinatorConfig
from kafkalite.coordination.runtime import answer_for_failed_append
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer, TimerHandle
from kafkalite.types import MemberId, Offset

_log = logging.getLogger(__name__)

Persist = Callable[[ClassicGroup, Mapping[MemberId, bytes]], Deferred[Offset]]
"""Writes the group's record with these assignments (missing: empty); resolved when committed, or failed."""


class Rebalancer:
    """Moves groups between their states. One for all groups; the state is in the groups."""

    def __init__(
        self, config: GroupCoordinatorConfig, timer: Timer, clock: Clock, persist: Persist
    ) -> None:
        self.config = config
        self.persist = persist
        self._timer = timer
        self._clock = clock

    # -- the join barrier -------------------------------------------------------------------------------------------

    def prepare_or_complete(self, group: ClassicGroup, reason: str) -> None:
        """Start a rebalance; if one is under way, see whether it can go on."""
        if group.can_rebalance:
            self.prepare(group, reason)
        else:
            self.complete_if_all_joined(group)

    def prepare(self, group: ClassicGroup, reason: str) -> None:
        """Put the join barrier up: everybody has to send JoinGroup again."""
        if group.state is GroupState.COMPLETING_REBALANCE:
            self._drop_assignments(group, ErrorCode.REBALANCE_IN_PROGRESS)
        assert not group.parked_syncs
        group.pending_syncs.clear()
        _cancel(group.sync_timer)
        first = group.state is GroupState.EMPTY
        group.transition_to(GroupState.PREPARING_REBALANCE, self._clock.now_ms())
        _log.info(
            "group %s: rebalance after generation %d: %s",
            group.group_id,
            group.generation_id,
            reason,
        )
        if first:
            group.member_added = False
            delay_ms = self.config.initial_rebalance_delay_ms
            self._wait_for_more(group, delay_ms, group.rebalance_timeout_ms - delay_ms)
        elif group.all_joined:
            self.complete_join(group)
        else:
            self._set_join_timer(
                group, group.rebalance_timeout_ms, lambda: self.complete_join(group)
            )

    def complete_if_all_joined(self, group: ClassicGroup) -> None:
        """Let the join barrier down if nobody is missing. An initial delay is always waited out."""
        waits_for_more = group.previous_state is GroupState.EMPTY
        if (
            group.state is GroupState.PREPARING_REBALANCE
            and group.all_joined
            and not waits_for_more
        ):
            self.complete_join(group)

    def _wait_for_more(self, group: ClassicGroup, delay_ms: int, left_ms: int) -> None:
        """A group that was empty gives others a moment to join, and another one each time somebody does, until the
        rebalance timeout is used up: N consumers that start together make one rebalance instead of N."""
        if delay_ms <= 0:
            self.complete_join(group)
            return

        def waited() -> None:
            if group.member_added and left_ms > 0:
                group.member_added = False
                self._wait_for_more(group, min(delay_ms, left_ms), left_ms - delay_ms)
            else:
                self.complete_join(group)

        self._set_join_timer(group, delay_ms, waited)

    def complete_join(self, group: ClassicGroup) -> None:
        """The join barrier comes down: who is here makes the next generation."""
        _cancel(group.join_timer)
        assert group.state is GroupState.PREPARING_REBALANCE, "the timer goes with the barrier"
        for member in list(group.members.values()):
            if member.member_id not in group.parked_joins and not member.is_static:
                self._forget(group, member)
        if group.members and not group.elect_joined_leader():
            # Only static members that have not come back. They keep their place until their session ends.
            self._set_join_timer(
                group, group.rebalance_timeout_ms, lambda: self.complete_join(group)
            )
            return
        group.begin_generation(self._clock.now_ms())
        if group.members:
            self._answer_joins(group)
        else:
            self._persist_empty(group)

    def _persist_empty(self, group: ClassicGroup) -> None:
        """Nobody waits for this record. Should it fail, the log keeps the generation before, whose members expire."""
        _log.info("group %s: empty in generation %d", group.group_id, group.generation_id)
        self.persist(group, {}).on_done(_warn_if_failed)

    def _answer_joins(self, group: ClassicGroup) -> None:
        _log.info(
            "group %s: generation %d of %d members, leader %s",
            group.group_id, group.generation_id, len(group.members), group.leader_id,
        )  # fmt: skip
        group.pending_syncs = set(group.members)
        generation_id = group.generation_id
        group.sync_timer = self._timer.schedule(
            group.rebalance_timeout_ms, lambda: self._expire_syncs(group, generation_id)
        )
        parked, group.parked_joins = group.parked_joins, {}
        for member in group.members.values():
            member.is_new = False
            self.reset_session(group, member)
        responses = [
            (parked[member_id], current_generation(group, member_id)) for member_id in parked
        ]
        for deferred, response in responses:
            deferred.resolve(response)

    # -- the sync barrier -------------------------------------------------------------------------------------------

    def sync_received(self, group: ClassicGroup, member_id: MemberId) -> None:
        group.pending_syncs.discard(member_id)
        if not group.pending_syncs:
            _cancel(group.sync_timer)

    def assign(self, group: ClassicGroup, assignments: Mapping[MemberId, bytes]) -> None:
        """The leader's assignment is here: write it, then hand it out. Members it left out get an empty one."""
        generation_id = group.generation_id

        def written(done: Deferred[Offset]) -> None:
            if (
                group.state is not GroupState.COMPLETING_REBALANCE
                or group.generation_id != generation_id
            ):
                return  # another rebalance has begun; everybody was told then
            try:
                done.result()
            except KafkaError as error:
                code = answer_for_failed_append(error, ErrorCode.UNKNOWN_SERVER_ERROR)
                self._drop_assignments(group, code)
                self.prepare_or_complete(group, f"its assignment could not be written: {error}")
            else:
                for member in group.members.values():
                    member.assignment = assignments.get(member.member_id, b"")
                group.transition_to(GroupState.STABLE, self._clock.now_ms())
                self._answer_syncs(group, ErrorCode.NONE)

        self.persist(group, assignments).on_done(written)

    def _drop_assignments(self, group: ClassicGroup, code: ErrorCode) -> None:
        for member in group.members.values():
            member.assignment = b""
        self._answer_syncs(group, code)

    def _answer_syncs(self, group: ClassicGroup, code: ErrorCode) -> None:
        parked, group.parked_syncs = group.parked_syncs, {}
        responses = []
        for member_id, deferred in parked.items():
            # A session that ended while the request was parked was let pass, so it has to start anew.
            self.reset_session(group, group.members[member_id])
            responses.append(
                (
                    deferred,
                    current_assignment(group, member_id)
                    if code is ErrorCode.NONE
                    else SyncGroupResponse(error_code=code, protocol_type=None, protocol_name=None),
                )
            )
        for deferred, response in responses:
            deferred.resolve(response)

    def _expire_syncs(self, group: ClassicGroup, generation_id: int) -> None:
        assert group.generation_id == generation_id, "the timer goes with the barrier"
        assert group.pending_syncs, "the timer stops when all have synced"
        missing = [group.members[member_id] for member_id in group.pending_syncs]
        for member in missing:
            self.remove(group, member)
        self.prepare(group, f"{len(missing)} members did not send SyncGroup in time")

    # -- sessions ---------------------------------------------------------------------------------------------------

    def reset_session(
        self, group: ClassicGroup, member: Member, timeout_ms: int | None = None
    ) -> None:
        """The member was heard of: its session starts anew."""
        member.cancel_session()
        member.session = self._timer.schedule(
            member.session_timeout_ms if timeout_ms is None else timeout_ms,
            lambda: self._expire(group, member),
        )

    def add_pending(self, group: ClassicGroup, member_id: MemberId, timeout_ms: int) -> None:
        """Remember an id that was given out with MEMBER_ID_REQUIRED. Until it is used, the join barrier stays up."""
        group.pending_joins[member_id] = self._timer.schedule(
            timeout_ms, lambda: self.remove_pending(group, member_id)
        )

    def remove_pending(self, group: ClassicGroup, member_id: MemberId) -> None:
        group.pending_joins.pop(member_id).cancel()
        self.complete_if_all_joined(group)

    def _expire(self, group: ClassicGroup, member: Member) -> None:
        waiting = member.member_id in group.parked_joins or member.member_id in group.parked_syncs
        if waiting and not member.is_new:
            return  # it waits for us, so it is alive; the session starts anew with the answer
        self.remove(group, member)
        self.prepare_or_complete(group, f"member {member.member_id} was not heard of in time")

    # -- removal ----------------------------------------------------------------------------------------------------

    def remove(self, group: ClassicGroup, member: Member) -> None:
        """Take a member out and answer what it has parked. The caller then calls `prepare_or_complete`."""
        self.answer_parked(group, member.member_id, ErrorCode.UNKNOWN_MEMBER_ID)
        self._forget(group, member)

    def _forget(self, group: ClassicGroup, member: Member) -> None:
        member.cancel_session()
        group.remove(member.member_id)

    def answer_parked(self, group: ClassicGroup, member_id: MemberId, code: ErrorCode) -> None:
        """Answer a member's parked requests with an error."""
        join = group.parked_joins.pop(member_id, None)
        sync = group.parked_syncs.pop(member_id, None)
        if join is not None:
            join.resolve(
                join_error(code, NO_MEMBER_ID if code is ErrorCode.UNKNOWN_MEMBER_ID else member_id)
            )
        if sync is not None:
            sync.resolve(SyncGroupResponse(error_code=code, protocol_type=None, protocol_name=None))

    def unload(self, group: ClassicGroup, code: ErrorCode) -> None:
        """The group is served elsewhere, or gone: answer everything parked with `code` and stop all timers."""
        group.transition_to(GroupState.DEAD, self._clock.now_ms())
        _cancel(group.join_timer)
        _cancel(group.sync_timer)
        for handle in group.pending_joins.values():
            handle.cancel()
        for member in list(group.members.values()):
            member.cancel_session()
            self.answer_parked(group, member.member_id, code)

    def _set_join_timer(
        self, group: ClassicGroup, delay_ms: int, callback: Callable[[], None]
    ) -> None:
        _cancel(group.join_timer)
        group.join_timer = self._timer.schedule(delay_ms, callback)


def current_generation(group: ClassicGroup, member_id: MemberId) -> JoinGroupResponse:
    """The successful answer to JoinGroup; the leader's has everybody's metadata."""
    return JoinGroupResponse(
        generation_id=group.generation_id,
        protocol_type=group.protocol_type,
        protocol_name=group.protocol_name,
        leader=group.leader_id or "",
        member_id=member_id,
        members=group.joined_members() if member_id == group.leader_id else [],
    )


def current_assignment(group: ClassicGroup, member_id: MemberId) -> SyncGroupResponse:
    """The successful answer to SyncGroup."""
    return SyncGroupResponse(
        protocol_type=group.protocol_type,
        protocol_name=group.protocol_name,
        assignment=group.members[member_id].assignment,
    )


def join_error(code: ErrorCode, member_id: str) -> JoinGroupResponse:
    return JoinGroupResponse(error_code=code, member_id=member_id, protocol_name=None)


def _cancel(handle: TimerHandle | None) -> None:
    if handle is not None:
        handle.cancel()


def _warn_if_failed(done: Deferred[Offset]) -> None:
    try:
        done.result()
    except KafkaError as error:
        _log.warning("a group's record could not be written: %s", error)
