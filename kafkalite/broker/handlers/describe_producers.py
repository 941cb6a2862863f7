"""DescribeProducers: v0. The producers that a partition's log remembers: what `kafka-transactions find-hanging` looks at."""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.errors import KafkaError
from kafkalite.metadata.topic_names import check_topic_name
from kafkalite.storage.producer_state import ProducerEntry

API_KEY = ApiKey.DESCRIBE_PRODUCERS

_Topic = DescribeProducersResponse.TopicResponse
_Partition = DescribeProducersResponse.PartitionResponse
_Producer = DescribeProducersResponse.ProducerState

_NONE = -1


def handle(context: RequestContext, request: DescribeProducersRequest) -> DescribeProducersResponse:
    return DescribeProducersResponse(
        topics=[
            _Topic(
                name=topic.name,
                partitions=[
                    _describe(context, topic.name, index) for index in topic.partition_indexes
                ],
            )
            for topic in request.topics
        ]
    )


def _describe(context: RequestContext, topic: str, index: int) -> _Partition:
    answer = _Partition(partition_index=index)
    try:
        check_topic_name(topic)
        if topic not in context.broker.image.topics:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"There is no topic {topic}.")
        replica = context.broker.replicas.get(topic, index)
        replica.check_leader()
    except KafkaError as error:
        answer.error_code = error.code
        answer.error_message = error.message
        return answer
    answer.active_producers = [
        _producer(entry) for entry in replica.log.producer_state.active_producers.values()
    ]
    return answer


def _producer(entry: ProducerEntry) -> _Producer:
    first_offset = entry.transaction_first_offset
    return _Producer(
        producer_id=entry.producer_id,
        producer_epoch=entry.epoch,
        last_sequence=entry.last_sequence,
        last_timestamp=entry.last_timestamp_ms,
        coordinator_epoch=entry.coordinator_epoch,
        current_txn_start_offset=_NONE if first_offset is None else first_offset,
    )
