"""CreateTopics: v2-v7. Topics are durable and usable when the answer leaves.

A name that comes twice is refused once, as are all topics when together they have too many partitions. Partitions and
replication factor of -1 are the broker's defaults. v5: the answer has partitions, replicas and configs. v7: topic ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse

from kafkalite.broker.handlers.outcome import answer_either, message_of
from kafkalite.broker.request import RequestContext
from kafkalite.config.describe import describe_topic
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.dynamic_config import with_dynamic_configs
from kafkalite.metadata.events import CreatedTopic, NewTopic
from kafkalite.metadata.image import METADATA_TOPIC

API_KEY = ApiKey.CREATE_TOPICS

_CONFIGS_SINCE = 5

Result = CreateTopicsResponse.CreatableTopicResult


def handle(
    context: RequestContext, request: CreateTopicsRequest
) -> CreateTopicsResponse | Deferred[CreateTopicsResponse]:
    refused = _refused(request)
    topics = [_new_topic(topic) for topic in request.topics if topic.name not in refused]

    def answer(created: Sequence[CreatedTopic]) -> CreateTopicsResponse:
        results = [_result(context, topic) for topic in created]
        results += [_error(name, error) for name, error in refused.items()]
        return CreateTopicsResponse(topics=results)

    return answer_either(
        context.broker.control_plane.create_topics(topics, validate_only=request.validate_only),
        answer,
        lambda error: answer([CreatedTopic(topic.name, error) for topic in topics]),
    )


def _refused(request: CreateTopicsRequest) -> dict[str, KafkaError]:
    """Names that are not even tried, and why."""
    counts = Counter(topic.name for topic in request.topics)
    refused = {
        name: KafkaError(ErrorCode.INVALID_REQUEST, f"Topic {name} is in the request twice.")
        for name, count in counts.items()
        if count > 1
    }
    if counts[METADATA_TOPIC] == 1:
        refused[METADATA_TOPIC] = KafkaError(
            ErrorCode.INVALID_REQUEST, f"{METADATA_TOPIC} is not a topic that clients make."
        )
    return refused


def _new_topic(topic: CreateTopicsRequest.CreatableTopic) -> NewTopic:
    return NewTopic(
        topic.name,
        topic.num_partitions,
        topic.replication_factor,
        [(assignment.partition_index, assignment.broker_ids) for assignment in topic.assignments],
        {config.name: config.value for config in topic.configs},
    )


def _result(context: RequestContext, topic: CreatedTopic) -> Result:
    if topic.error is not None:
        return _error(topic.name, topic.error)
    configs = _configs(context, topic) if context.api_version >= _CONFIGS_SINCE else []
    return Result(
        name=topic.name,
        topic_id=topic.topic_id,
        error_message=None,
        num_partitions=topic.num_partitions,
        replication_factor=topic.replication_factor,
        configs=configs,
    )


def _configs(
    context: RequestContext, topic: CreatedTopic
) -> list[CreateTopicsResponse.CreatableTopicConfigs]:
    broker = context.broker
    config = with_dynamic_configs(broker.config, broker.control_plane.image)
    return [
        CreateTopicsResponse.CreatableTopicConfigs(
            name=entry.name,
            value=entry.value,
            read_only=entry.read_only,
            config_source=entry.source,
            is_sensitive=entry.sensitive,
        )
        for entry in describe_topic(config, topic.configs)
    ]


def _error(name: str, error: KafkaError) -> Result:
    return Result(name=name, error_code=error.code, error_message=message_of(error), configs=[])
