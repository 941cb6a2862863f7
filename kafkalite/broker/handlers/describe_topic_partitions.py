"""DescribeTopicPartitions: v0. Topics with their partitions, in pages (KIP-966); Admin clients use it before Metadata.

Topics come sorted by name, and no topics in the request means all. A page ends after response_partition_limit
partitions; its cursor names the first that did not fit, and the next request starts there:

    a (3 partitions), b (2), limit 2:   a 0 1, cursor a 2   |   a 2, b 0, cursor b 1   |   b 1, no cursor
"""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.describe_topic_partitions import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
)

from kafkalite.broker.handlers.authorized_operations import TOPIC_OPERATIONS
from kafkalite.broker.request import RequestContext
from kafkalite.metadata.image import INTERNAL_TOPICS, NO_LEADER, MetadataImage, TopicImage
from kafkalite.metadata.topic_names import is_topic_name

API_KEY = ApiKey.DESCRIBE_TOPIC_PARTITIONS

Topic = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic
Partition = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition


def handle(
    context: RequestContext, request: DescribeTopicPartitionsRequest
) -> DescribeTopicPartitionsResponse:
    image = context.broker.control_plane.image
    asked = {topic.name for topic in request.topics}
    cursor = request.cursor
    if cursor is not None and (
        cursor.partition_index < 0 or (asked and cursor.topic_name not in asked)
    ):
        return _refuse(sorted(asked))
    names = sorted(asked or image.topics)
    first_partition = 0
    if cursor is not None:
        names = [name for name in names if name >= cursor.topic_name]
        if names and names[0] == cursor.topic_name:
            first_partition = cursor.partition_index
    most = context.broker.config.max_request_partition_size_limit
    limit = max(1, min(request.response_partition_limit, most))
    return _page(image, names, first_partition, limit)


def _refuse(names: Sequence[str]) -> DescribeTopicPartitionsResponse:
    """A cursor that no page of ours ended with."""
    return DescribeTopicPartitionsResponse(
        topics=[Topic(error_code=ErrorCode.INVALID_REQUEST, name=name) for name in names]
    )


def _page(
    image: MetadataImage, names: Sequence[str], first: int, limit: int
) -> DescribeTopicPartitionsResponse:
    response = DescribeTopicPartitionsResponse()
    for name in names:
        topic = image.topics.get(name)
        if limit == 0:
            response.next_cursor = DescribeTopicPartitionsResponse.Cursor(name, 0)
            break
        if topic is None:
            response.topics.append(_missing(name))
            continue
        end = min(len(topic.partitions), first + limit)
        response.topics.append(_topic(image, topic, first, end))
        if end < len(topic.partitions):
            response.next_cursor = DescribeTopicPartitionsResponse.Cursor(name, end)
            break
        limit -= max(0, end - first)
        first = 0
    return response


def _missing(name: str) -> Topic:
    known = is_topic_name(name)
    return Topic(
        error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if known
        else ErrorCode.INVALID_TOPIC_EXCEPTION,
        name=name,
        is_internal=name in INTERNAL_TOPICS,
        topic_authorized_operations=TOPIC_OPERATIONS,
    )


def _topic(image: MetadataImage, topic: TopicImage, first: int, end: int) -> Topic:
    return Topic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.is_internal,
        partitions=[_partition(image, topic, number) for number in range(first, end)],
        topic_authorized_operations=TOPIC_OPERATIONS,
    )


def _partition(image: MetadataImage, topic: TopicImage, number: int) -> Partition:
    partition = topic.partitions[number]
    has_leader = partition.leader in image.live_brokers
    return Partition(
        error_code=ErrorCode.NONE if has_leader else ErrorCode.LEADER_NOT_AVAILABLE,
        partition_index=number,
        leader_id=partition.leader if has_leader else NO_LEADER,
        leader_epoch=partition.leader_epoch,
        replica_nodes=list(partition.replicas),
        isr_nodes=list(partition.isr),
        eligible_leader_replicas=[],
        last_known_elr=[],
        offline_replicas=[one for one in partition.replicas if one not in image.live_brokers],
    )
