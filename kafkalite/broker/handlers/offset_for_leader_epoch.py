"""OffsetForLeaderEpoch: v2-v4. Where a leader epoch ended, so that a reader notices that what it read was cut off.

epochs 0 from offset 0, 3 from offset 50, log end 80:   asked 0 -> (0, 50)   asked 2 -> (0, 50)   asked 3 -> (3, 80)   asked 9 -> (-1, -1)
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.errors import KafkaError
from kafkalite.types import LeaderEpoch

API_KEY = ApiKey.OFFSET_FOR_LEADER_EPOCH

_Request = OffsetForLeaderEpochRequest
_Response = OffsetForLeaderEpochResponse


def handle(
    context: RequestContext, request: OffsetForLeaderEpochRequest
) -> OffsetForLeaderEpochResponse:
    return _Response(
        topics=[
            _Response.OffsetForLeaderTopicResult(
                topic=topic.topic,
                partitions=[
                    _end_of_epoch(context, topic.topic, asked) for asked in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _end_of_epoch(
    context: RequestContext, topic: str, asked: _Request.OffsetForLeaderPartition
) -> _Response.EpochEndOffset:
    try:
        replica = context.broker.replicas.get(topic, asked.partition)
        replica.check_leader(asked.current_leader_epoch)
    except KafkaError as error:
        return _Response.EpochEndOffset(partition=asked.partition, error_code=error.code)
    epoch, end_offset = replica.log.end_offset_for_epoch(LeaderEpoch(asked.leader_epoch))
    return _Response.EpochEndOffset(
        partition=asked.partition, leader_epoch=epoch, end_offset=end_offset
    )
