"""WriteShareGroupState: v0-v1. A partition's leader tells the share coordinator what has changed for a group.

v1: how many records from the start offset on need no more delivery. Meant for brokers among themselves. Errors per
partition: 3 16 14 42 74 124.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.write_share_group_state import (
    WriteShareGroupStateRequest,
    WriteShareGroupStateResponse,
)

from kafkalite.broker.handlers.share_state_topics import for_each_topic
from kafkalite.broker.request import RequestContext
from kafkalite.coordination.share.persister import PartitionResult, StateBatch, StateUpdate
from kafkalite.deferred import Deferred
from kafkalite.types import GroupId, LeaderEpoch, Offset, Uuid

API_KEY = ApiKey.WRITE_SHARE_GROUP_STATE

_Topic = WriteShareGroupStateRequest.WriteStateData
_Result = WriteShareGroupStateResponse.WriteStateResult


def handle(
    context: RequestContext, request: WriteShareGroupStateRequest
) -> Deferred[WriteShareGroupStateResponse]:
    def ask(topic: _Topic) -> Deferred[_Result]:
        return context.broker.share_coordinator.write_state(
            GroupId(request.group_id),
            Uuid(topic.topic_id),
            [_update(each) for each in topic.partitions],
        ).then(lambda results: _result(topic, results))

    return for_each_topic(request.group_id, request.topics, ask).then(WriteShareGroupStateResponse)


def _update(partition: WriteShareGroupStateRequest.PartitionData) -> StateUpdate:
    return StateUpdate(
        partition.partition,
        partition.state_epoch,
        LeaderEpoch(partition.leader_epoch),
        Offset(partition.start_offset),
        partition.delivery_complete_count,
        [
            StateBatch(
                Offset(batch.first_offset),
                Offset(batch.last_offset),
                batch.delivery_state,
                batch.delivery_count,
            )
            for batch in partition.state_batches
        ],
    )


def _result(topic: _Topic, results: list[PartitionResult]) -> _Result:
    partition = WriteShareGroupStateResponse.PartitionResult
    return _Result(topic.topic_id, [partition(*each) for each in results])
