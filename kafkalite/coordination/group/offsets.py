"""OffsetCommit and OffsetFetch: checks, records and answers. What is stored is in `shard.py`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from kafkalite_protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse

from kafkalite.coordination.group.group import Group
from kafkalite.coordination.group.offset_records import CommittedOffset
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.ports import TopicView
from kafkalite.errors import KafkaError
from kafkalite.types import (
    UNKNOWN_LEADER_EPOCH,
    ZERO_UUID,
    GroupId,
    LeaderEpoch,
    Offset,
    TopicPartition,
    Uuid,
)

COMMIT_BY_TOPIC_ID_VERSION = 10
FETCH_BY_TOPIC_ID_VERSION = 10
_GROUP_ID_NOT_FOUND_VERSION = 9

Commits = Mapping[TopicPartition, CommittedOffset]


def check_commit(
    group: Group | None,
    request: OffsetCommitRequest,
    version: int,
    pending: Iterable[PendingCommit],
) -> None:
    """May this client commit these for this group now? KafkaError when not.

    Where there is no group, a client that manages its partitions itself may: it sends generation -1.
    """
    epoch = request.generation_id_or_member_epoch
    if group is not None:
        partitions = ((each.partition, each.committed.topic_id) for each in pending)
        group.check_commit(request, epoch, version, partitions)
    elif epoch >= 0:
        not_found = version >= _GROUP_ID_NOT_FOUND_VERSION
        raise KafkaError(
            ErrorCode.GROUP_ID_NOT_FOUND if not_found else ErrorCode.ILLEGAL_GENERATION
        )


class PendingCommit(NamedTuple):
    """One partition's commit that is good so far, with the place where its answer goes."""

    answer: OffsetCommitResponse.OffsetCommitResponsePartition
    partition: TopicPartition
    committed: CommittedOffset


class CommitAnswer:
    """An OffsetCommit's response as it is being filled in, and the commits that are good so far."""

    def __init__(self, request: OffsetCommitRequest) -> None:
        self.response = OffsetCommitResponse(topics=[])
        self.pending: list[PendingCommit] = []
        self._request = request

    def check_topics(self, topics: TopicView, version: int, now_ms: int) -> None:
        """Sort the partitions that exist from those that do not."""
        for topic in self._request.topics:
            if not topic.partitions:
                continue
            by_id = version >= COMMIT_BY_TOPIC_ID_VERSION
            name = topics.topic_name(Uuid(topic.topic_id)) if by_id else topic.name
            topic_id = topics.topic_id(name) if name is not None else None
            answers = []
            for partition in topic.partitions:
                answer = OffsetCommitResponse.OffsetCommitResponsePartition(
                    partition_index=partition.partition_index
                )
                answers.append(answer)
                tp = TopicPartition(name or "", partition.partition_index)
                if name is None:
                    answer.error_code = ErrorCode.UNKNOWN_TOPIC_ID
                elif not topics.partition_exists(tp):
                    answer.error_code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                else:
                    committed = _commit_of(partition, topic_id or ZERO_UUID, now_ms)
                    self.pending.append(PendingCommit(answer, tp, committed))
            self.response.topics.append(
                OffsetCommitResponse.OffsetCommitResponseTopic(
                    name=topic.name, topic_id=topic.topic_id, partitions=answers
                )
            )

    def refuse_long_metadata(self, max_length: int) -> None:
        """OFFSET_METADATA_TOO_LARGE for each partition whose note is too long; the others are kept."""
        kept = []
        for each in self.pending:
            if len(each.committed.metadata) > max_length:
                each.answer.error_code = ErrorCode.OFFSET_METADATA_TOO_LARGE
            else:
                kept.append(each)
        self.pending = kept

    def fail(self, code: ErrorCode) -> OffsetCommitResponse:
        """Nothing was committed: every partition that was good so far gets `code`."""
        for each in self.pending:
            each.answer.error_code = code
        return self.response


def _commit_of(
    partition: OffsetCommitRequest.OffsetCommitRequestPartition, topic_id: Uuid, now_ms: int
) -> CommittedOffset:
    epoch = partition.committed_leader_epoch
    return CommittedOffset(
        offset=Offset(partition.committed_offset),
        leader_epoch=LeaderEpoch(epoch) if epoch >= 0 else UNKNOWN_LEADER_EPOCH,
        metadata=partition.committed_metadata or "",
        commit_timestamp_ms=now_ms,
        topic_id=topic_id,
    )


FetchedGroup = OffsetFetchResponse.OffsetFetchResponseGroup
FetchedTopic = OffsetFetchResponse.OffsetFetchResponseTopics
FetchedPartition = OffsetFetchResponse.OffsetFetchResponsePartitions


def fetch_group(
    shard: GroupShard,
    request: OffsetFetchRequest.OffsetFetchRequestGroup,
    topics: TopicView,
    version: int,
    *,
    require_stable: bool,
) -> FetchedGroup:
    """One group's committed offsets: those asked for, or all (`topics` null, v2+).

    `require_stable` (v7+, KIP-447): UNSTABLE_OFFSET_COMMIT for a partition with a commit in an open transaction.
    """
    group_id = GroupId(request.group_id)
    offsets = shard.offsets.of_group(group_id)
    unstable = shard.offsets.pending_of_group(group_id) if require_stable else ()
    by_id = version >= FETCH_BY_TOPIC_ID_VERSION
    if request.topics is None:
        fetched = _all_topics(offsets, unstable, topics, by_id)
    else:
        fetched = [
            _fetch_topic(topic, offsets, unstable, topics, by_id) for topic in request.topics
        ]
    return FetchedGroup(group_id=request.group_id, topics=fetched)


def _fetch_topic(
    topic: OffsetFetchRequest.OffsetFetchRequestTopics,
    offsets: Commits,
    unstable: Collection[TopicPartition],
    topics: TopicView,
    by_id: bool,
) -> FetchedTopic:
    name = topics.topic_name(Uuid(topic.topic_id)) if by_id else topic.name
    if name is None:
        partitions = [
            _fetched(index, None, ErrorCode.UNKNOWN_TOPIC_ID) for index in topic.partition_indexes
        ]
    else:
        wanted = [TopicPartition(name, index) for index in topic.partition_indexes]
        partitions = [_fetched_now(tp, offsets.get(tp), unstable) for tp in wanted]
    return FetchedTopic(name=topic.name, topic_id=topic.topic_id, partitions=partitions)


def _all_topics(
    offsets: Commits, unstable: Collection[TopicPartition], topics: TopicView, by_id: bool
) -> list[FetchedTopic]:
    by_name: dict[str, list[FetchedPartition]] = {}
    for tp, committed in offsets.items():
        by_name.setdefault(tp.topic, []).append(_fetched_now(tp, committed, unstable))
    fetched = []
    for name, partitions in by_name.items():
        topic_id = topics.topic_id(name) if by_id else ZERO_UUID
        if topic_id is not None:
            fetched.append(FetchedTopic(name=name, topic_id=topic_id, partitions=partitions))
    return fetched


def _fetched_now(
    tp: TopicPartition, committed: CommittedOffset | None, unstable: Collection[TopicPartition]
) -> FetchedPartition:
    if tp in unstable:
        return _fetched(tp.partition, None, ErrorCode.UNSTABLE_OFFSET_COMMIT)
    return _fetched(tp.partition, committed)


def _fetched(
    index: int, committed: CommittedOffset | None, code: ErrorCode = ErrorCode.NONE
) -> FetchedPartition:
    """-1 and an empty note where nothing is committed; that is not an error."""
    if committed is None:
        return FetchedPartition(
            partition_index=index,
            committed_offset=-1,
            committed_leader_epoch=-1,
            metadata="",
            error_code=code,
        )
    return FetchedPartition(
        partition_index=index,
        committed_offset=committed.offset,
        committed_leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
        error_code=code,
    )


def tombstones_due(
    shard: GroupShard, deleted_topics: Iterable[str]
) -> list[tuple[GroupId, TopicPartition]]:
    """The committed offsets that go with deleted topics."""
    return list(shard.offsets.of_topics(frozenset(deleted_topics)))
