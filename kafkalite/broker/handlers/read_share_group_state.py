"""ReadShareGroupState: v0. A partition's leader reads how far a group has got, and fences the leaders before it.

Meant for brokers among themselves. Errors per partition: 3 16 14 42 74.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.read_share_group_state import (
    ReadShareGroupStateRequest,
    ReadShareGroupStateResponse,
)

from kafkalite.broker.handlers.share_state_topics import for_each_topic, leaders_of
from kafkalite.broker.request import RequestContext
from kafkalite.coordination.share.persister import PartitionState
from kafkalite.deferred import Deferred
from kafkalite.types import GroupId, Uuid

API_KEY = ApiKey.READ_SHARE_GROUP_STATE

_Topic = ReadShareGroupStateRequest.ReadStateData
_Result = ReadShareGroupStateResponse.ReadStateResult


def handle(
    context: RequestContext, request: ReadShareGroupStateRequest
) -> Deferred[ReadShareGroupStateResponse]:
    def ask(topic: _Topic) -> Deferred[_Result]:
        return context.broker.share_coordinator.read_state(
            GroupId(request.group_id), Uuid(topic.topic_id), leaders_of(topic.partitions)
        ).then(lambda states: _Result(topic.topic_id, [_partition(state) for state in states]))

    return for_each_topic(request.group_id, request.topics, ask).then(ReadShareGroupStateResponse)


def _partition(state: PartitionState) -> ReadShareGroupStateResponse.PartitionResult:
    return ReadShareGroupStateResponse.PartitionResult(
        partition=state.partition,
        error_code=state.error_code,
        error_message=state.error_message,
        state_epoch=state.state_epoch,
        # A failed partition has Kafka's defaults, which are zeros.
        start_offset=0 if state.error_code else state.start_offset,
        state_batches=[
            ReadShareGroupStateResponse.StateBatch(*batch) for batch in state.state_batches
        ],
    )
