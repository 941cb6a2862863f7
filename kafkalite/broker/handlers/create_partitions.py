"""CreatePartitions: v0-v3. Grows topics; never shrinks them. New partitions are usable when the answer leaves.

A topic that comes twice is refused. Null assignments leave the choice of brokers to us.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
)

from kafkalite.broker.handlers.outcome import answer_either
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import GrownTopic, MorePartitions

API_KEY = ApiKey.CREATE_PARTITIONS

Result = CreatePartitionsResponse.CreatePartitionsTopicResult


def handle(
    context: RequestContext, request: CreatePartitionsRequest
) -> CreatePartitionsResponse | Deferred[CreatePartitionsResponse]:
    counts = Counter(topic.name for topic in request.topics)
    twice = [_twice(name) for name, count in counts.items() if count > 1]
    topics = [_more(topic) for topic in request.topics if counts[topic.name] == 1]

    def answer(grown: Sequence[GrownTopic]) -> CreatePartitionsResponse:
        return CreatePartitionsResponse(results=[_result(topic) for topic in (*twice, *grown)])

    return answer_either(
        context.broker.control_plane.create_partitions(topics, validate_only=request.validate_only),
        answer,
        lambda error: answer([GrownTopic(topic.name, error) for topic in topics]),
    )


def _twice(name: str) -> GrownTopic:
    message = f"Topic {name} is in the request twice."
    return GrownTopic(name, KafkaError(ErrorCode.INVALID_REQUEST, message))


def _more(topic: CreatePartitionsRequest.CreatePartitionsTopic) -> MorePartitions:
    assignments = (
        None
        if topic.assignments is None
        else [assignment.broker_ids for assignment in topic.assignments]
    )
    return MorePartitions(topic.name, topic.count, assignments)


def _result(topic: GrownTopic) -> Result:
    if topic.error is None:
        return Result(name=topic.name)
    return Result(name=topic.name, error_code=topic.error.code, error_message=topic.error.message)
