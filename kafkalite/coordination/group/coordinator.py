"""The group coordinator: what the handlers call.

Each method takes the request as it was decoded and returns the response, or a Deferred of it that is never failed: a
client's mistake is a code in the response. Which broker coordinates a group follows from the partition of
`__consumer_offsets` that its id hashes to; the composition root loads and unloads partitions as leadership moves.

What belongs to one type of group is in that type's service (`classic/groups.py`...); here is what all have in common:
partitions, committed offsets, and finding the service that a group belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from random import Random
from typing import TYPE_CHECKING, cast

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from kafkalite_protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from kafkalite_protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from kafkalite_protocol.messages.offset_fetch import OffsetFetchRequest
from kafkalite_protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from kafkalite_protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
)

from kafkalite.clock import Clock
from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.group import (
    expiry,
    offset_records,
    offsets,
    transactional_offsets,
)
from kafkalite.coordination.group.admin import GroupAdmin
from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.config import GroupCoordinatorConfig
from kafkalite.coordination.group.context import GroupContext, warn_if_failed
from kafkalite.coordination.group.group import Group, GroupType
from kafkalite.coordination.group.services import GroupServices
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.ports import (
    LogEnd,
    LogEntry,
    ProducerOfBatch,
    TopicView,
    TransactionalWriter,
    TransactionEnd,
)
from kafkalite.coordination.runtime import Shards, answer_for_failed_append
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer
from kafkalite.types import GroupId, Offset, ProducerId, TopicPartition

if TYPE_CHECKING:
    from kafkalite.coordination.group.consumer.group import ConsumerGroup
    from kafkalite.coordination.group.share.group import ShareGroup
    from kafkalite.coordination.share.persister import Persister

CONSUMER_OFFSETS_TOPIC = "__consumer_offsets"


class GroupCoordinator(GroupServices):
    """Groups of every type, and committed offsets."""

    def __init__(
        self,
        writer: TransactionalWriter,
        timer: Timer,
        clock: Clock,
        random: Random,
        topics: TopicView,
        partition_count: int,
        config: GroupCoordinatorConfig | None = None,
        settings_of: Callable[[str], GroupConfig] = lambda _: GroupConfig(),
        *,
        persister: Callable[[], Persister],
        log_end: LogEnd,
    ) -> None:
        """`partition_count` is that of `__consumer_offsets`; `topics` reads the metadata image of the moment, and
        `settings_of(group_id)` the group's configs of the moment."""
        self._shards: Shards[GroupShard] = Shards(CONSUMER_OFFSETS_TOPIC, partition_count, writer)
        context = GroupContext(
            self._shards,
            writer,
            timer,
            clock,
            random,
            topics,
            config or GroupCoordinatorConfig(),
            self.unload_partition,
            settings_of,
        )
        super().__init__(context, persister, log_end)
        self.admin = GroupAdmin(
            context,
            self._shards,
            before_deletion=self._before_deletion,
            deleted=lambda group: self._unloaded(group, ErrorCode.UNKNOWN_MEMBER_ID),
        )

    # -- partitions -------------------------------------------------------------------------------------------------

    def partition_for(self, group_id: str) -> int:
        """The partition of `__consumer_offsets` whose leader coordinates the group."""
        return self._shards.partition_for(group_id)

    def is_loaded(self, partition: int) -> bool:
        return self._shards.is_active(partition)

    def begin_loading(self, partition: int) -> None:
        """Answer COORDINATOR_LOAD_IN_PROGRESS until `load_partition`, for a log that is read piece by piece."""
        self._shards.begin_loading(partition)

    def load_partition(self, partition: int, log: Iterable[LogEntry]) -> None:
        """We lead `partition`: serve its groups as its log tells them. Every member's session starts anew."""
        shard = GroupShard()
        shard.replay_all(log)
        self._shards.activate(partition, shard)
        for group in list(shard.groups.values()):
            self.service_of(group).loaded(group)

    def unload_partition(self, partition: int) -> None:
        """Another broker leads `partition`: parked requests are answered NOT_COORDINATOR, timers stop."""
        shard = self._shards.deactivate(partition)
        for group in [] if shard is None else list(shard.groups.values()):
            self._unloaded(group, ErrorCode.NOT_COORDINATOR)

    def close(self) -> None:
        """The broker stops: answer everything that is parked."""
        for partition, _ in self._shards.active():
            self.unload_partition(partition)

    def _unloaded(self, group: Group, code: ErrorCode) -> None:
        self.service_of(group).unloaded(group, code)

    def _before_deletion(self, group: Group) -> Deferred[ErrorCode]:
        if group.type is GroupType.SHARE:
            return self.share.before_deletion(cast("ShareGroup", group))
        return resolved(ErrorCode.NONE)

    def on_topics_changed(self) -> None:
        """Topics were made, deleted or changed: groups that the coordinator assigns look at theirs again."""
        if "consumer" in vars(self):
            self.consumer.topics_changed()
        for _, shard in self._shards.active():
            for group in shard.groups.values():
                group.metadata_changed()

    def on_topics_deleted(self, names: Collection[str]) -> None:
        """Forget what groups have committed for these topics, so that a topic created again under the name starts
        from nothing."""
        for _, shard in self._shards.active():
            for group in list(shard.groups.values()):
                if group.type is GroupType.SHARE:
                    self.share.topics_deleted(cast("ShareGroup", group), names)
            due = offsets.tombstones_due(shard, names)
            for start in range(0, len(due), offset_records.TOMBSTONES_PER_BATCH_MAX):
                piece = due[start : start + offset_records.TOMBSTONES_PER_BATCH_MAX]
                batch = [offset_records.offset_tombstone(*each) for each in piece]
                self._context.append_and_replay(piece[0][0], batch).on_done(warn_if_failed)

    def expire_offsets(self) -> None:
        """Write tombstones for what has outlived offsets.retention.minutes; for a timer to call now and then."""
        now_ms = self._context.clock.now_ms()
        retention_ms = self._context.config.offsets_retention_ms
        for _, shard in self._shards.active():
            for group in shard.all_groups():
                due = expiry.tombstones_due(shard, group, now_ms, retention_ms)
                if due:
                    self.admin.write_tombstones(group, due)

    # -- membership of classic groups -------------------------------------------------------------------------------

    def join_group(
        self, request: JoinGroupRequest, client: Client, version: int
    ) -> JoinGroupResponse | Deferred[JoinGroupResponse]:
        group = self._find_consumer_group(request.group_id)
        if group is None or group.is_empty:
            return self.classic.join(request, client, version)
        return self.consumer.classic_members.join(group, request, client, version)

    def sync_group(
        self, request: SyncGroupRequest
    ) -> SyncGroupResponse | Deferred[SyncGroupResponse]:
        group = self._find_consumer_group(request.group_id)
        if group is not None:
            return self.consumer.classic_members.sync(group, request)
        return self.classic.sync(request)

    def heartbeat(self, request: HeartbeatRequest) -> HeartbeatResponse:
        group = self._find_consumer_group(request.group_id)
        if group is not None:
            return self.consumer.classic_members.heartbeat(group, request)
        return self.classic.heartbeat(request)

    def leave_group(
        self, request: LeaveGroupRequest
    ) -> LeaveGroupResponse | Deferred[LeaveGroupResponse]:
        group = self._find_consumer_group(request.group_id)
        if group is not None:
            return self.consumer.classic_members.leave(group, request)
        return self.classic.leave(request)

    def _find_consumer_group(self, group_id: str) -> ConsumerGroup | None:
        """The consumer group of this id, whose members may speak the classic protocol; None where there is none, or
        it cannot be told."""
        try:
            group = self._context.shard_of(group_id).groups.get(GroupId(group_id))
        except KafkaError:
            return None
        if group is None or group.type is not GroupType.CONSUMER:
            return None
        return cast("ConsumerGroup", group)

    # -- offsets ----------------------------------------------------------------------------------------------------

    def commit_offsets(
        self, request: OffsetCommitRequest, version: int
    ) -> OffsetCommitResponse | Deferred[OffsetCommitResponse]:
        """OffsetCommit: answered once the offsets are committed in the log."""
        answer = offsets.CommitAnswer(request)
        answer.check_topics(self._context.topics, version, self._context.clock.now_ms())
        if not answer.pending:
            return answer.response
        group_id = GroupId(request.group_id)
        try:
            shard = self._shards.shard_for(group_id)
            group = shard.find(group_id)
            offsets.check_commit(group, request, version, answer.pending)
        except KafkaError as error:
            return answer.fail(error.code)
        if isinstance(group, ClassicGroup):
            self.classic.committed(group, request.member_id)
        answer.refuse_long_metadata(self._context.config.offset_metadata_max_bytes)
        if not answer.pending:
            return answer.response
        batch = [
            offset_records.offset_commit(group_id, each.partition, each.committed)
            for each in answer.pending
        ]
        written = self._context.append_and_replay(group_id, batch)
        out = self._when_written(written, answer, ErrorCode.INVALID_COMMIT_OFFSET_SIZE)
        return out.result() if out.done else out

    def _when_written(
        self, written: Deferred[Offset], answer: offsets.CommitAnswer, too_large: ErrorCode
    ) -> Deferred[OffsetCommitResponse]:
        """The answer once the batch is committed, or could not be written; never fails."""
        out: Deferred[OffsetCommitResponse] = Deferred()

        def finish(done: Deferred[Offset]) -> None:
            try:
                done.result()
            except KafkaError as error:
                out.resolve(answer.fail(answer_for_failed_append(error, too_large)))
            else:
                out.resolve(answer.response)

        written.on_done(finish)
        return out

    def commit_transactional_offsets(
        self,
        request: TxnOffsetCommitRequest,
        verify: Callable[[TopicPartition], Deferred[ErrorCode]],
    ) -> TxnOffsetCommitResponse | Deferred[TxnOffsetCommitResponse]:
        """TxnOffsetCommit: answered once the offsets are in the log; they count once the transaction is committed
        (`transaction_ended`). `verify(partition)` asks whether the producer's transaction may write to that partition.
        """
        commit = transactional_offsets.as_offset_commit(request)
        answer = offsets.CommitAnswer(commit)
        answer.check_topics(
            self._context.topics, transactional_offsets.SHAPE_VERSION, self._context.clock.now_ms()
        )
        if not answer.pending:
            return transactional_offsets.as_response(answer.response)
        if not request.group_id:
            return transactional_offsets.as_response(answer.fail(ErrorCode.INVALID_GROUP_ID))
        producer = ProducerOfBatch(ProducerId(request.producer_id), request.producer_epoch)
        out: Deferred[OffsetCommitResponse] = Deferred()

        def verified(done: Deferred[ErrorCode]) -> None:
            code = done.result()
            if code is ErrorCode.NONE:
                self._commit_in_transaction(commit, answer, producer).pass_on(out)
            else:
                error = KafkaError(code)
                out.resolve(answer.fail(answer_for_failed_append(error, error.code)))

        verify(
            TopicPartition(CONSUMER_OFFSETS_TOPIC, self.partition_for(request.group_id))
        ).on_done(verified)
        answered = out.then(transactional_offsets.as_response)
        return answered.result() if answered.done else answered

    def _commit_in_transaction(
        self,
        commit: OffsetCommitRequest,
        answer: offsets.CommitAnswer,
        producer: ProducerOfBatch,
    ) -> Deferred[OffsetCommitResponse]:
        group_id = GroupId(commit.group_id)
        try:
            group = self._context.shard_of(group_id).find(group_id)
            transactional_offsets.check_commit(group, commit, answer)
        except KafkaError as error:
            return resolved(answer.fail(error.code))
        answer.refuse_long_metadata(self._context.config.offset_metadata_max_bytes)
        if not answer.pending:
            return resolved(answer.response)
        batch = transactional_offsets.records(group_id, answer)
        written = self._context.append_transactional(group_id, batch, producer)
        return self._when_written(written, answer, ErrorCode.UNKNOWN_SERVER_ERROR)

    def transaction_ended(self, partition: int, end: TransactionEnd) -> None:
        """A marker is committed in this partition of `__consumer_offsets`."""
        shard = self._shards.active_shard(partition)
        if shard is not None:
            shard.end_transaction(end)

    def fetch_offsets(
        self,
        request: OffsetFetchRequest.OffsetFetchRequestGroup,
        version: int,
        *,
        require_stable: bool = False,
    ) -> offsets.FetchedGroup:
        """OffsetFetch of one group, in the shape of v8+. Errors are the group's: NOT_COORDINATOR, loading."""
        try:
            shard = self._shards.shard_for(request.group_id)
            group = shard.find(GroupId(request.group_id))
            if group is not None:
                group.check_fetch(request.member_id, request.member_epoch)
        except KafkaError as error:
            return offsets.FetchedGroup(group_id=request.group_id, error_code=error.code)
        return offsets.fetch_group(
            shard, request, self._context.topics, version, require_stable=require_stable
        )
