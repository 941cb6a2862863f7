"""The group coordinator: what the handlers call.

Each method takes the request as it was decoded and returns the response, or a Deferred of it that is never failed: a
client's mistake is a code in the response. Which broker coordinates a group follows from the partition of
`__consumer_offsets` that its id hashes to; the composition root loads and unloads partitions as leadership moves.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from random import Random

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from kafkalite_protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from kafkalite_protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from kafkalite_protocol.messages.offset_fetch import OffsetFetchRequest
from kafkalite_protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

from kafkalite.clock import Clock
from kafkalite.coordination.group import offsets, records
from kafkalite.coordination.group.classic_group import ClassicGroup
from kafkalite.coordination.group.config import GroupConfig
from kafkalite.coordination.group.joining import Client, Joining
from kafkalite.coordination.group.rebalance import Rebalancer, current_assignment, join_error
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.group.states import GroupState
from kafkalite.coordination.ports import KeyValue, PartitionWriter, TopicView
from kafkalite.coordination.runtime import Shards, answer_for_failed_append
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer
from kafkalite.types import GroupId, MemberId, Offset

_log = logging.getLogger(__name__)

CONSUMER_OFFSETS_TOPIC = "__consumer_offsets"

_TOMBSTONES_PER_BATCH_MAX = 1_000
"""Keeps a batch of tombstones far below message.max.bytes, whatever the length of the names."""


class GroupCoordinator:
    """Classic groups (KIP-62, 345, 394, 814) and committed offsets."""

    def __init__(
        self,
        writer: PartitionWriter,
        timer: Timer,
        clock: Clock,
        random: Random,
        topics: TopicView,
        partition_count: int,
        config: GroupConfig | None = None,
    ) -> None:
        """`partition_count` is that of `__consumer_offsets`; `topics` reads the metadata image of the moment."""
        self._config = config or GroupConfig()
        self._clock = clock
        self._topics = topics
        self._shards: Shards[GroupShard] = Shards(CONSUMER_OFFSETS_TOPIC, partition_count, writer)
        self._rebalancer = Rebalancer(self._config, timer, clock, self._persist)
        self._joining = Joining(self._rebalancer, random)

    # -- partitions -------------------------------------------------------------------------------------------------

    def partition_for(self, group_id: str) -> int:
        """The partition of `__consumer_offsets` whose leader coordinates the group."""
        return self._shards.partition_for(group_id)

    def is_loaded(self, partition: int) -> bool:
        return self._shards.is_active(partition)

    def begin_loading(self, partition: int) -> None:
        """Answer COORDINATOR_LOAD_IN_PROGRESS until `load_partition`, for a log that is read piece by piece."""
        self._shards.begin_loading(partition)

    def load_partition(self, partition: int, log: Iterable[KeyValue]) -> None:
        """We lead `partition`: serve its groups as its log tells them. Every member's session starts anew."""
        shard = GroupShard()
        shard.replay_all(log)
        self._shards.activate(partition, shard)
        for group in shard.groups.values():
            for member in group.members.values():
                self._rebalancer.reset_session(group, member)
            if len(group.members) > self._config.max_size:
                self._rebalancer.prepare(group, "it is larger than group.max.size")

    def unload_partition(self, partition: int) -> None:
        """Another broker leads `partition`: parked requests are answered NOT_COORDINATOR, timers stop."""
        shard = self._shards.deactivate(partition)
        for group in [] if shard is None else list(shard.groups.values()):
            self._rebalancer.unload(group, ErrorCode.NOT_COORDINATOR)

    def close(self) -> None:
        """The broker stops: answer everything that is parked."""
        for partition, _ in self._shards.active():
            self.unload_partition(partition)

    def on_topics_deleted(self, names: Collection[str]) -> None:
        """Forget what groups have committed for these topics, so that a topic created again under the name starts
        from nothing."""
        for partition, shard in self._shards.active():
            due = offsets.tombstones_due(shard, names)
            for start in range(0, len(due), _TOMBSTONES_PER_BATCH_MAX):
                batch = [
                    records.offset_tombstone(*each)
                    for each in due[start : start + _TOMBSTONES_PER_BATCH_MAX]
                ]
                self._append_and_replay(partition, shard, batch).on_done(_warn_if_failed)

    # -- membership -------------------------------------------------------------------------------------------------

    def join_group(
        self, request: JoinGroupRequest, client: Client, version: int
    ) -> JoinGroupResponse | Deferred[JoinGroupResponse]:
        """JoinGroup: v4+ gives a member id out first, v5+ static members, v9+ skip_assignment."""
        try:
            return self._join(request, client, version)
        except KafkaError as error:
            return join_error(error.code, request.member_id)

    def _join(
        self, request: JoinGroupRequest, client: Client, version: int
    ) -> JoinGroupResponse | Deferred[JoinGroupResponse]:
        shard = self._shard_of_named_group(request.group_id)
        group_id = GroupId(request.group_id)
        config = self._config
        if (
            not config.min_session_timeout_ms
            <= request.session_timeout_ms
            <= config.max_session_timeout_ms
        ):
            raise KafkaError(ErrorCode.INVALID_SESSION_TIMEOUT)
        group = shard.find(group_id)
        if group is None:
            if request.member_id:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
            group = ClassicGroup(group_id)
        answer = self._joining.join(group, request, client, version)
        if group_id not in shard.groups:
            # Only now: a join that is refused leaves nothing behind.
            shard.groups[group_id] = group
            record = records.new_group(group_id, self._clock.now_ms())
            self._shards.append(self._shards.partition_for(group_id), [record]).on_done(
                _warn_if_failed
            )
        return answer

    def sync_group(
        self, request: SyncGroupRequest
    ) -> SyncGroupResponse | Deferred[SyncGroupResponse]:
        """SyncGroup: waits for the leader's; v5+ says which protocol the client believes in."""
        try:
            return self._sync(request)
        except KafkaError as error:
            return SyncGroupResponse(error_code=error.code, protocol_type=None, protocol_name=None)

    def _sync(self, request: SyncGroupRequest) -> SyncGroupResponse | Deferred[SyncGroupResponse]:
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

    def leave_group(self, request: LeaveGroupRequest) -> LeaveGroupResponse:
        """LeaveGroup, in the shape of v3+: each entry of `members` is answered for itself."""
        try:
            shard = self._shard_of_named_group(request.group_id)
        except KafkaError as error:
            return LeaveGroupResponse(error_code=error.code)
        group = shard.find(GroupId(request.group_id))
        answers = [
            LeaveGroupResponse.MemberResponse(
                member_id=identity.member_id,
                group_instance_id=identity.group_instance_id,
                error_code=self._leave(group, identity),
            )
            for identity in request.members
        ]
        if group is not None and any(answer.error_code == ErrorCode.NONE for answer in answers):
            if group.can_rebalance and group.state is not GroupState.EMPTY:
                self._rebalancer.prepare(group, "members left")
            else:
                self._rebalancer.complete_if_all_joined(group)
        return LeaveGroupResponse(members=answers)

    def _leave(
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

    # -- offsets ----------------------------------------------------------------------------------------------------

    def commit_offsets(
        self, request: OffsetCommitRequest, version: int
    ) -> OffsetCommitResponse | Deferred[OffsetCommitResponse]:
        """OffsetCommit: answered once the offsets are committed in the log."""
        answer = offsets.CommitAnswer(request)
        answer.check_topics(self._topics, version, self._clock.now_ms())
        if not answer.pending:
            return answer.response
        group_id = GroupId(request.group_id)
        try:
            shard = self._shards.shard_for(group_id)
            group = shard.find(group_id)
            offsets.check_commit(group, request, version)
        except KafkaError as error:
            return answer.fail(error.code)
        member = None if group is None else group.members.get(MemberId(request.member_id))
        if group is not None and member is not None:
            self._rebalancer.reset_session(group, member)
        answer.refuse_long_metadata(self._config.offset_metadata_max_bytes)
        if not answer.pending:
            return answer.response
        batch = [
            records.offset_commit(group_id, each.partition, each.committed)
            for each in answer.pending
        ]
        out: Deferred[OffsetCommitResponse] = Deferred()

        def written(done: Deferred[Offset]) -> None:
            try:
                done.result()
            except KafkaError as error:
                code = answer_for_failed_append(error, ErrorCode.INVALID_COMMIT_OFFSET_SIZE)
                out.resolve(answer.fail(code))
            else:
                out.resolve(answer.response)

        self._append_and_replay(self._shards.partition_for(group_id), shard, batch).on_done(written)
        return out.result() if out.done else out

    def fetch_offsets(
        self, request: OffsetFetchRequest.OffsetFetchRequestGroup, version: int
    ) -> offsets.FetchedGroup:
        """OffsetFetch of one group, in the shape of v8+. Errors are the group's: NOT_COORDINATOR, loading."""
        try:
            shard = self._shards.shard_for(request.group_id)
        except KafkaError as error:
            return offsets.FetchedGroup(group_id=request.group_id, error_code=error.code)
        return offsets.fetch_group(shard, request, self._topics, version)

    # -- the log ----------------------------------------------------------------------------------------------------

    def _persist(
        self, group: ClassicGroup, assignments: Mapping[MemberId, bytes]
    ) -> Deferred[Offset]:
        record = records.group_metadata(group, assignments)
        return self._shards.append(self._shards.partition_for(group.group_id), [record])

    def _append_and_replay(
        self, partition: int, shard: GroupShard, batch: list[KeyValue]
    ) -> Deferred[Offset]:
        """Write, and take the records into the state once they are committed."""

        def apply(offset: Offset) -> Offset:
            for key, value in batch:
                shard.replay(key, value)
            return offset

        return self._shards.append(partition, batch).then(apply)

    def _shard_of_named_group(self, group_id: str) -> GroupShard:
        if not group_id:
            raise KafkaError(ErrorCode.INVALID_GROUP_ID)
        return self._shards.shard_for(group_id)

    def _group_of_member(self, group_id: str) -> ClassicGroup:
        """The group a member claims to be in; without a group nobody is a member."""
        group = self._shard_of_named_group(group_id).find(GroupId(group_id))
        if group is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
        return group


def _differs(claimed: str | None, actual: str | None) -> bool:
    """Older clients do not say, and a group may have none: only two that are said can differ."""
    return claimed is not None and actual is not None and claimed != actual


def _warn_if_failed(done: Deferred[Offset]) -> None:
    try:
        done.result()
    except KafkaError as error:
        _log.warning("a record of __consumer_offsets could not be written: %s", error)
