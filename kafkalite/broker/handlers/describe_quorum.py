"""DescribeQuorum: v0-v2. Who votes on the metadata log, and how far each has come (KIP-595, KIP-836).

The quorum is this broker. It has no listener of its own for controllers, so it is listed with those for clients. A request
that is not for exactly partition 0 of the metadata log gets an error for each partition it names, as in Kafka.
v1: timestamps. v2: where the voters are, and messages.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.describe_quorum import (
    DescribeQuorumRequest,
    DescribeQuorumResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.metadata.image import METADATA_TOPIC

API_KEY = ApiKey.DESCRIBE_QUORUM

Response = DescribeQuorumResponse
Topic = Response.TopicData
Partition = Response.PartitionData


def handle(context: RequestContext, request: DescribeQuorumRequest) -> DescribeQuorumResponse:
    asked = [
        (topic.topic_name, [one.partition_index for one in topic.partitions])
        for topic in request.topics
    ]
    if asked == [(METADATA_TOPIC, [0])]:
        return _quorum(context)
    return DescribeQuorumResponse(
        error_message="",
        topics=[
            Topic(name, [_unknown(index) for index in partitions]) for name, partitions in asked
        ],
    )


def _quorum(context: RequestContext) -> DescribeQuorumResponse:
    broker = context.broker
    image = broker.control_plane.image
    now_ms = broker.clock.now_ms() if context.api_version >= 1 else -1
    voter = DescribeQuorumResponse.ReplicaState(
        replica_id=broker.node_id,
        log_end_offset=image.next_offset,
        last_fetch_timestamp=now_ms,
        last_caught_up_timestamp=now_ms,
    )
    partition = Partition(
        error_message="",
        leader_id=broker.node_id,
        leader_epoch=broker.control_plane.leader_epoch,
        high_watermark=image.next_offset,
        current_voters=[voter],
    )
    host, port = broker.endpoint(broker.node_id, context.connection)
    return DescribeQuorumResponse(
        error_message="",
        topics=[Topic(METADATA_TOPIC, [partition])],
        nodes=[
            Response.Node(
                broker.node_id, [Response.Listener(context.connection.listener, host, port)]
            )
        ],
    )


def _unknown(index: int) -> Partition:
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return Partition(partition_index=index, error_code=code, error_message=code.message)
