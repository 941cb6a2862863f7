"""DeleteShareGroupState: v0. A group no longer shares these partitions; no error where there is no state.

Meant for brokers among themselves. Errors per partition: 3 16 14 42.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.delete_share_group_state import (
    DeleteShareGroupStateRequest,
    DeleteShareGroupStateResponse,
)

from kafkalite.broker.handlers.share_state_topics import for_each_topic
from kafkalite.broker.request import RequestContext
from kafkalite.coordination.share.persister import PartitionResult
from kafkalite.deferred import Deferred
from kafkalite.types import GroupId, Uuid

API_KEY = ApiKey.DELETE_SHARE_GROUP_STATE

_Topic = DeleteShareGroupStateRequest.DeleteStateData
_Result = DeleteShareGroupStateResponse.DeleteStateResult


def handle(
    context: RequestContext, request: DeleteShareGroupStateRequest
) -> Deferred[DeleteShareGroupStateResponse]:
    def ask(topic: _Topic) -> Deferred[_Result]:
        return context.broker.share_coordinator.delete_state(
            GroupId(request.group_id),
            Uuid(topic.topic_id),
            [each.partition for each in topic.partitions],
        ).then(lambda results: _result(topic, results))

    return for_each_topic(request.group_id, request.topics, ask).then(DeleteShareGroupStateResponse)


def _result(topic: _Topic, results: list[PartitionResult]) -> _Result:
    partition = DeleteShareGroupStateResponse.PartitionResult
    return _Result(topic.topic_id, [partition(*each) for each in results])
