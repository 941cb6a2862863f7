"""InitializeShareGroupState: v0. The group coordinator tells the share coordinator where a group begins in a partition.

Meant for brokers among themselves. Errors per partition: 3 16 14 42 124.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
)

from kafkalite.broker.handlers.share_state_topics import for_each_topic
from kafkalite.broker.request import RequestContext
from kafkalite.coordination.share.persister import InitialState, PartitionResult
from kafkalite.deferred import Deferred
from kafkalite.types import GroupId, Offset, Uuid

API_KEY = ApiKey.INITIALIZE_SHARE_GROUP_STATE

_Topic = InitializeShareGroupStateRequest.InitializeStateData
_Result = InitializeShareGroupStateResponse.InitializeStateResult


def handle(
    context: RequestContext, request: InitializeShareGroupStateRequest
) -> Deferred[InitializeShareGroupStateResponse]:
    def ask(topic: _Topic) -> Deferred[_Result]:
        states = [
            InitialState(each.partition, each.state_epoch, Offset(each.start_offset))
            for each in topic.partitions
        ]
        return context.broker.share_coordinator.initialize_state(
            GroupId(request.group_id), Uuid(topic.topic_id), states
        ).then(lambda results: _result(topic, results))

    return for_each_topic(request.group_id, request.topics, ask).then(
        InitializeShareGroupStateResponse
    )


def _result(topic: _Topic, results: list[PartitionResult]) -> _Result:
    partition = InitializeShareGroupStateResponse.PartitionResult
    return _Result(topic.topic_id, [partition(*each) for each in results])
