"""AlterPartitionReassignments: v0-v1. New brokers for partitions, or with null the end of a move (KIP-455).

There is one broker, so a partition can be told to be where it is, and no move is ever under way. v1: whether the number
of replicas may change.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
)

from kafkalite.broker.handlers.outcome import message_of
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import Reassignment
from kafkalite.types import TopicPartition

API_KEY = ApiKey.ALTER_PARTITION_REASSIGNMENTS

Topic = AlterPartitionReassignmentsResponse.ReassignableTopicResponse
Partition = AlterPartitionReassignmentsResponse.ReassignablePartitionResponse


def handle(
    context: RequestContext, request: AlterPartitionReassignmentsRequest
) -> Deferred[AlterPartitionReassignmentsResponse]:
    wanted = [
        Reassignment(TopicPartition(topic.name, one.partition_index), one.replicas)
        for topic in request.topics
        for one in topic.partitions
    ]
    allowed = request.allow_replication_factor_change
    done = context.broker.control_plane.alter_reassignments(
        wanted, allow_replication_factor_change=allowed
    )
    return done.then(lambda errors: _answer(request, errors))


def _answer(
    request: AlterPartitionReassignmentsRequest, errors: Sequence[KafkaError | None]
) -> AlterPartitionReassignmentsResponse:
    each = iter(errors)
    return AlterPartitionReassignmentsResponse(
        error_message=None if request.topics else "",
        allow_replication_factor_change=request.allow_replication_factor_change,
        responses=[
            Topic(
                topic.name,
                [_partition(one.partition_index, next(each)) for one in topic.partitions],
            )
            for topic in request.topics
        ],
    )


def _partition(index: int, error: KafkaError | None) -> Partition:
    code = error.code if error is not None else 0
    return Partition(index, code, message_of(error))
