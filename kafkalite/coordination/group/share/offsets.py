"""The start offsets of a share group, for administrators: describe, alter and delete them (KIP-932, KIP-1226).

Offsets are the share-partition start offsets (SPSO): before them everything is settled. They are altered and deleted only
while nobody is in the group.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsResponse,
)
from kafkalite_protocol.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
)
from kafkalite_protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsResponse,
)

from kafkalite.coordination.group.context import GroupContext
from kafkalite.coordination.group.share.durable_state import DurableState, Refusal, Results
from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.coordination.group.share.state_partitions import TopicPartitions, Topics
from kafkalite.coordination.ports import LogEnd
from kafkalite.coordination.share.persister import (
    UNINITIALIZED_START_OFFSET,
    UNKNOWN_COUNT,
    PartitionLeader,
    PartitionSummary,
    Persister,
)
from kafkalite.deferred import Deferred, gather, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import ZERO_UUID, GroupId, Offset, TopicPartition, Uuid

DescribedGroup = DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseGroup
DescribedTopic = DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseTopic
DescribedPartition = DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponsePartition
AskedGroup = DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestGroup

AlteredTopic = AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponseTopic
AlteredPartition = AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponsePartition
DeletedTopic = DeleteShareGroupOffsetsResponse.DeleteShareGroupOffsetsResponseTopic

_NO_LAG = -1


class ShareOffsets:
    """Part of the service of share groups."""

    def __init__(
        self, context: GroupContext, persister: Persister, state: DurableState, log_end: LogEnd
    ) -> None:
        self._context = context
        self._persister = persister
        self._state = state
        self._log_end = log_end

    # -- DescribeShareGroupOffsets ----------------------------------------------------------------------------------

    def describe(self, request: AskedGroup) -> Deferred[DescribedGroup]:
        """DescribeShareGroupOffsets of one group, v1 with lag. Topics null: all that have state. What is not there has
        offset -1, and is no error; neither is a group that is not there."""
        group_id = GroupId(request.group_id)
        try:
            group = self._context.shard_of(group_id).groups.get(group_id) if group_id else None
        except KafkaError as error:
            return resolved(_failed_group(group_id, error))
        topics = self._context.topics
        if request.topics is not None:
            asked = [
                (topic.topic_name, topics.topic_id(topic.topic_name), topic.partitions)
                for topic in request.topics
                if topic.partitions
            ]
        elif isinstance(group, ShareGroup):
            asked = [
                (topic.name, topic_id, sorted(topic.numbers))
                for topic_id, topic in group.state_partitions.initialized.items()
            ]
        else:
            asked = []
        described = [self._describe_topic(group_id, *each) for each in asked]
        return gather(described).then(
            lambda found: DescribedGroup(group_id=request.group_id, topics=found)
        )

    def _describe_topic(
        self, group_id: GroupId, name: str, topic_id: Uuid | None, partitions: Sequence[int]
    ) -> Deferred[DescribedTopic]:
        if topic_id is None or not group_id:
            summaries = resolved([PartitionSummary(number) for number in partitions])
        else:
            leaders = [PartitionLeader(number) for number in partitions]
            summaries = self._persister.read_summary(group_id, topic_id, leaders)
        return summaries.then(
            lambda found: DescribedTopic(
                topic_name=name,
                topic_id=topic_id or ZERO_UUID,
                partitions=[self._describe_partition(name, summary) for summary in found],
            )
        )

    def _describe_partition(self, name: str, summary: PartitionSummary) -> DescribedPartition:
        failed = summary.error_code is not ErrorCode.NONE
        return DescribedPartition(
            partition_index=summary.partition,
            start_offset=UNINITIALIZED_START_OFFSET if failed else summary.start_offset,
            leader_epoch=0 if failed else summary.leader_epoch,
            lag=_NO_LAG if failed else self._lag(TopicPartition(name, summary.partition), summary),
            error_code=summary.error_code,
            error_message=summary.error_message,
        )

    def _lag(self, tp: TopicPartition, summary: PartitionSummary) -> int:
        """How many records from the start offset on need to be delivered still."""
        end = self._log_end(tp)
        settled = summary.delivery_complete_count
        if end is None or UNKNOWN_COUNT in (settled, summary.start_offset):
            return _NO_LAG
        return end - summary.start_offset - settled

    # -- AlterShareGroupOffsets -------------------------------------------------------------------------------------

    def alter(
        self, request: AlterShareGroupOffsetsRequest
    ) -> Deferred[AlterShareGroupOffsetsResponse]:
        """AlterShareGroupOffsets v0: also for a group that does not exist, which then does."""
        try:
            group = self._empty_group(request.group_id, create=True)
        except KafkaError as error:
            return resolved(
                AlterShareGroupOffsetsResponse(
                    error_code=error.code, error_message=error.message or error.code.message
                )
            )
        topics: dict[Uuid, TopicPartitions] = {}
        start: dict[tuple[Uuid, int], Offset] = {}
        for topic in request.topics:
            topic_id = self._context.topics.topic_id(topic.topic_name)
            for each in topic.partitions:
                tp = TopicPartition(topic.topic_name, each.partition_index)
                if topic_id is not None and self._context.topics.partition_exists(tp):
                    start[topic_id, tp.partition] = Offset(each.start_offset)
            numbers = frozenset(number for each_id, number in start if each_id == topic_id)
            if topic_id is not None and numbers:
                topics[topic_id] = TopicPartitions(topic.topic_name, numbers)
        return self._alter(group, topics, start).then(
            lambda results: AlterShareGroupOffsetsResponse(
                responses=[self._altered_topic(topic, results) for topic in request.topics]
            )
        )

    def _alter(
        self, group: ShareGroup, topics: Topics, start: dict[tuple[Uuid, int], Offset]
    ) -> Deferred[Results | ErrorCode]:
        """What came of each partition, or why nothing could be written."""
        out: Deferred[Results | ErrorCode] = Deferred()
        if not topics:
            return resolved({})

        def begun(done: Deferred[ErrorCode]) -> None:
            if done.result() is not ErrorCode.NONE:
                out.resolve(done.result())
                return
            altered = self._state.initialize(group.group_id, group.epoch, topics, start)
            altered.on_done(lambda answer: out.resolve(answer.result()))

        self._state.change(group, group.state_partitions.begin(topics)).on_done(begun)
        return out

    def _altered_topic(
        self,
        topic: AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestTopic,
        results: Results | ErrorCode,
    ) -> AlteredTopic:
        topic_id = self._context.topics.topic_id(topic.topic_name)
        answer = AlteredTopic(topic_name=topic.topic_name, topic_id=topic_id or ZERO_UUID)
        for each in topic.partitions:
            code, message = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None
            if isinstance(results, ErrorCode):
                code = results
            elif topic_id is not None and (topic_id, each.partition_index) in results:
                result = results[topic_id, each.partition_index]
                code, message = result.error_code, result.error_message
            if code is not ErrorCode.NONE:
                message = message or code.message
            answer.partitions.append(AlteredPartition(each.partition_index, code, message))
        return answer

    # -- DeleteShareGroupOffsets ------------------------------------------------------------------------------------

    def delete(
        self, request: DeleteShareGroupOffsetsRequest
    ) -> Deferred[DeleteShareGroupOffsetsResponse]:
        """DeleteShareGroupOffsets v0: all that the group has of whole topics."""
        try:
            group = self._empty_group(request.group_id, create=False)
        except KafkaError as error:
            return resolved(
                DeleteShareGroupOffsetsResponse(
                    error_code=error.code, error_message=error.message or error.code.message
                )
            )
        names = list(dict.fromkeys(topic.topic_name for topic in request.topics))
        due: dict[Uuid, TopicPartitions] = {}
        for name in names:
            topic_id = self._context.topics.topic_id(name)
            if topic_id is None:
                continue
            if topic_id in group.state_partitions.initialized:
                due[topic_id] = group.state_partitions.initialized[topic_id]
            else:
                due.update(self._state.left_to_delete(group, topic_id))

        def answer(refused: dict[Uuid, Refusal]) -> DeleteShareGroupOffsetsResponse:
            self._forget(group.group_id, [each for each in due if each not in refused])
            return DeleteShareGroupOffsetsResponse(
                responses=[self._deleted_topic(name, due, refused) for name in names]
            )

        return self._state.delete(group, due).then(answer)

    def _forget(self, group_id: GroupId, topic_ids: list[Uuid]) -> None:
        """Should this not get into the log, the topics count as being deleted, and can be deleted again."""
        group = self._context.shard_of(group_id).groups.get(group_id)
        if isinstance(group, ShareGroup):
            self._state.change(group, group.state_partitions.forget(topic_ids))

    def _deleted_topic(self, name: str, due: Topics, refused: dict[Uuid, Refusal]) -> DeletedTopic:
        topic_id = self._context.topics.topic_id(name)
        if topic_id is not None and topic_id in refused:
            code, message = refused[topic_id]
            return DeletedTopic(name, topic_id, code, message or code.message)
        if topic_id is not None and topic_id in due:
            return DeletedTopic(name, topic_id)
        code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        text = code.message if topic_id is None else "The group has no offsets for this topic."
        return DeletedTopic(name, ZERO_UUID, code, text)

    def _empty_group(self, group_id: str, *, create: bool) -> ShareGroup:
        """KafkaError INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP, and the coordinator's own."""
        group = self._context.shard_of(group_id).find(GroupId(group_id))
        if group is None and create:
            return ShareGroup(GroupId(group_id))
        if not isinstance(group, ShareGroup):
            text = "does not exist" if group is None else "is not a share group"
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"The group {group_id} {text}.")
        if not group.is_empty:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP)
        return group


def _failed_group(group_id: GroupId, error: KafkaError) -> DescribedGroup:
    return DescribedGroup(
        group_id=group_id,
        topics=[],
        error_code=error.code,
        error_message=error.message or error.code.message,
    )
