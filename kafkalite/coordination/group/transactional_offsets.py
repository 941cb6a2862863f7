"""TxnOffsetCommit: offsets that count once a transaction is committed (KIP-98, KIP-447).

The same checks and the same records as of OffsetCommit, in whose shape the request is put here; what differs is that the
records belong to a producer's transaction, and that a client of the first versions does not say which member it is.
"""

from __future__ import annotations

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from kafkalite_protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
)

from kafkalite.coordination.group import offset_records
from kafkalite.coordination.group.group import Group
from kafkalite.coordination.group.offsets import CommitAnswer
from kafkalite.coordination.ports import KeyValue
from kafkalite.errors import KafkaError
from kafkalite.types import ZERO_UUID, GroupId

SHAPE_VERSION = 9
"""Of OffsetCommit: topics by name, members by epoch."""


def as_offset_commit(request: TxnOffsetCommitRequest) -> OffsetCommitRequest:
    return OffsetCommitRequest(
        group_id=request.group_id,
        generation_id_or_member_epoch=request.generation_id,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        topics=[
            OffsetCommitRequest.OffsetCommitRequestTopic(
                name=topic.name,
                partitions=[
                    OffsetCommitRequest.OffsetCommitRequestPartition(
                        partition_index=partition.partition_index,
                        committed_offset=partition.committed_offset,
                        committed_leader_epoch=partition.committed_leader_epoch,
                        committed_metadata=partition.committed_metadata,
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ],
    )


def as_response(response: OffsetCommitResponse) -> TxnOffsetCommitResponse:
    return TxnOffsetCommitResponse(
        topics=[
            TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic(
                name=topic.name,
                partitions=[
                    TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition(
                        partition_index=partition.partition_index,
                        error_code=partition.error_code,
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in response.topics
        ]
    )


def check_commit(group: Group | None, request: OffsetCommitRequest, answer: CommitAnswer) -> None:
    """May this client commit these for this group in a transaction? KafkaError when not.

    An epoch that is not the member's is ILLEGAL_GENERATION, which is what clients of this API know, in groups of every type.
    """
    epoch = request.generation_id_or_member_epoch
    if group is None:
        if epoch >= 0:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        return
    partitions = ((each.partition, each.committed.topic_id) for each in answer.pending)
    try:
        group.check_commit(request, epoch, SHAPE_VERSION, partitions, transactional=True)
    except KafkaError as error:
        if error.code is ErrorCode.STALE_MEMBER_EPOCH:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION) from error
        raise


def records(group_id: GroupId, answer: CommitAnswer) -> list[KeyValue]:
    """Without topic ids, as Kafka writes them (measured)."""
    return [
        offset_records.offset_commit(
            group_id, each.partition, each.committed._replace(topic_id=ZERO_UUID)
        )
        for each in answer.pending
    ]
