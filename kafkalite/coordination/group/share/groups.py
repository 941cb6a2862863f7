"""Share groups: ShareGroupHeartbeat and ShareGroupDescribe (KIP-932), and the sessions behind them."""

from __future__ import annotations

import logging
from collections.abc import Collection

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)

from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.context import GroupContext
from kafkalite.coordination.group.modern.group import LEAVE_EPOCH
from kafkalite.coordination.group.modern.member_timers import MemberTimers
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.group.share.describe import DescribedGroup, describe_group
from kafkalite.coordination.group.share.draft import Draft
from kafkalite.coordination.group.share.durable_state import DurableState
from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.coordination.group.share.heartbeats import (
    JOIN_EPOCH,
    check_request,
    decide,
    remove_member,
)
from kafkalite.coordination.group.share.offsets import ShareOffsets
from kafkalite.coordination.group.share.state_partitions import Topics
from kafkalite.coordination.ports import LogEnd
from kafkalite.coordination.share.persister import Persister
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, MemberId

_log = logging.getLogger(__name__)

_RETRY_MS = 500
"""After a removal that could not be written."""

Answer = ShareGroupHeartbeatResponse | Deferred[ShareGroupHeartbeatResponse]


class ShareGroups:
    """The service of share groups. Each method answers, or gives a Deferred that is never failed."""

    def __init__(self, context: GroupContext, persister: Persister, log_end: LogEnd) -> None:
        self._context = context
        self._sessions = MemberTimers(context.timer)
        self._state = DurableState(context, persister)
        self.offsets = ShareOffsets(context, persister, self._state, log_end)

    # -- partitions and topics come and go --------------------------------------------------------------------------

    def loaded(self, group: ShareGroup) -> None:
        """The group has been replayed from its log: every member's session starts anew."""
        for member_id in group.members:
            self._start_session(group.group_id, member_id)

    def unloaded(self, group: ShareGroup, _code: ErrorCode) -> None:
        """The group is served elsewhere, or gone. Nothing is parked."""
        self._sessions.stop_group(group.group_id)

    def topics_deleted(self, group: ShareGroup, names: Collection[str]) -> None:
        """The share coordinator has forgotten about these topics by itself."""
        state = group.state_partitions
        gone = [topic_id for topic_id, topic in state.known.items() if topic.name in names]
        gone += [topic_id for topic_id, name in state.deleting.items() if name in names]
        self._state.change(group, state.forget(gone))

    # -- ShareGroupHeartbeat ----------------------------------------------------------------------------------------

    def heartbeat(self, request: ShareGroupHeartbeatRequest, client: Client) -> Answer:
        """ShareGroupHeartbeat v1."""
        try:
            check_request(request)
            shard = self._context.shard_of(request.group_id)
            draft = self._draft(
                shard, GroupId(request.group_id), create=request.member_epoch == JOIN_EPOCH
            )
            if request.member_epoch == LEAVE_EPOCH:
                return self._leave(draft, MemberId(request.member_id))
            return self._heartbeat(draft, request, client)
        except KafkaError as error:
            return _failed(error.code, error.message)

    def _heartbeat(
        self, draft: Draft, request: ShareGroupHeartbeatRequest, client: Client
    ) -> Answer:
        self._check_room(draft.group, request.member_id)
        response = decide(
            draft,
            request,
            client,
            self._context.topics,
            self._context.settings_of(request.group_id),
            self._context.clock.now_ms(),
        )
        new = self._state.prepare(draft)
        self._start_session(draft.group_id, MemberId(request.member_id))
        answer = self._context.write(draft.group_id, draft.records, response, _failed)
        if new:
            self._initialize_after(answer, draft, new)
        return answer

    def _initialize_after(self, answer: Answer, draft: Draft, topics: Topics) -> None:
        """The member does not wait for it: it is told of the partitions in a later heartbeat."""

        def written(response: ShareGroupHeartbeatResponse) -> None:
            if response.error_code == ErrorCode.NONE:
                self._state.initialize(draft.group_id, draft.group.epoch, topics)

        if isinstance(answer, Deferred):
            answer.on_done(lambda done: written(done.result()))
        else:
            written(answer)

    def _draft(self, shard: GroupShard, group_id: GroupId, *, create: bool) -> Draft:
        """KafkaError GROUP_ID_NOT_FOUND."""
        group = shard.find(group_id)
        if isinstance(group, ShareGroup):
            return Draft(group)
        if group is None and create:
            return Draft(ShareGroup(group_id))
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, _not_a_share_group(group_id, group is None))

    def _check_room(self, group: ShareGroup, member_id: str) -> None:
        most = self._context.config.share_max_size
        if len(group.members) >= most and MemberId(member_id) not in group.members:
            raise KafkaError(
                ErrorCode.GROUP_MAX_SIZE_REACHED,
                f"The group has {most} members, as many as group.share.max.size allows.",
            )

    # -- members that go --------------------------------------------------------------------------------------------

    def _leave(self, draft: Draft, member_id: MemberId) -> Answer:
        draft.group.member(member_id)
        response = ShareGroupHeartbeatResponse(member_id=member_id, member_epoch=LEAVE_EPOCH)
        self._sessions.stop(draft.group_id, member_id)
        remove_member(draft, member_id, self._context.topics)
        return self._context.write(draft.group_id, draft.records, response, _failed)

    def _start_session(self, group_id: GroupId, member_id: MemberId) -> None:
        timeout_ms = self._context.settings_of(group_id).share_session_timeout_ms
        self._sessions.start(
            group_id, member_id, timeout_ms, lambda: self._expel(group_id, member_id)
        )

    def _expel(self, group_id: GroupId, member_id: MemberId) -> None:
        group = self._context.shard_of(group_id).groups.get(group_id)
        if not isinstance(group, ShareGroup) or member_id not in group.members:
            return
        _log.info("share group %s: member %s was not heard of in time", group_id, member_id)
        draft = Draft(group)
        remove_member(draft, member_id, self._context.topics)

        def failed(code: ErrorCode) -> None:
            _log.warning(
                "share group %s: %s could not be removed: %s", group_id, member_id, code.name
            )
            self._sessions.start(
                group_id, member_id, _RETRY_MS, lambda: self._expel(group_id, member_id)
            )

        self._context.write(group_id, draft.records, None, failed)

    # -- administration ---------------------------------------------------------------------------------------------

    def describe(self, group_id: str) -> DescribedGroup:
        """ShareGroupDescribe v1, one group; errors are in it."""
        try:
            group = self._context.shard_of(group_id).find(GroupId(group_id))
        except KafkaError as error:
            return DescribedGroup(
                group_id=group_id, error_code=error.code, error_message=error.message
            )
        if not isinstance(group, ShareGroup):
            return DescribedGroup(
                group_id=group_id,
                error_code=ErrorCode.GROUP_ID_NOT_FOUND,
                error_message=_not_a_share_group(group_id, group is None),
            )
        return describe_group(group, self._context.topics)

    def before_deletion(self, group: ShareGroup) -> Deferred[ErrorCode]:
        """Have all state of an empty group deleted; why it has to stay, if it has to."""
        deleted = self._state.delete(group, self._state.everything(group))
        return deleted.then(
            lambda refused: next((each.error_code for each in refused.values()), ErrorCode.NONE)
        )


def _failed(code: ErrorCode, message: str | None = None) -> ShareGroupHeartbeatResponse:
    return ShareGroupHeartbeatResponse(error_code=code, error_message=message)


def _not_a_share_group(group_id: str, is_missing: bool) -> str:
    return f"The group {group_id} {'does not exist' if is_missing else 'is not a share group'}."
