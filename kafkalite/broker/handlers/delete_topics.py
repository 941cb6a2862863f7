"""DeleteTopics: v1-v6. A topic is gone from the metadata when the answer leaves; its files follow.

v5: error messages. v6: topics by name or by id, never by both; whatever names one topic twice is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse

from kafkalite.broker.handlers.outcome import answer_either, message_of
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import MetadataImage
from kafkalite.types import ZERO_UUID, Uuid

API_KEY = ApiKey.DELETE_TOPICS

_TOPIC_DELETION_DISABLED_SINCE = 3


class _Target(NamedTuple):
    """A topic as the request names it, then as the image knows it."""

    name: str | None
    topic_id: Uuid
    error: KafkaError | None = None


def handle(
    context: RequestContext, request: DeleteTopicsRequest
) -> DeleteTopicsResponse | Deferred[DeleteTopicsResponse]:
    targets = _targets(context, request)
    if not context.broker.config.delete_topic_enable:
        return _answer(_all(targets, _disabled(context)), {})
    targets = _resolve(targets, context.broker.control_plane.image)
    return answer_either(
        context.broker.control_plane.delete_topics(
            [target.topic_id for target in targets if target.error is None]
        ),
        lambda deleted: _answer(targets, {one.topic_id: one.error for one in deleted}),
        lambda error: _answer(_all(targets, error), {}),
    )


def _targets(context: RequestContext, request: DeleteTopicsRequest) -> list[_Target]:
    if context.api_version >= 6:
        return [_Target(topic.name, Uuid(topic.topic_id)) for topic in request.topics]
    return [_Target(name, ZERO_UUID) for name in request.topic_names]


def _disabled(context: RequestContext) -> KafkaError:
    known = context.api_version >= _TOPIC_DELETION_DISABLED_SINCE
    code = ErrorCode.TOPIC_DELETION_DISABLED if known else ErrorCode.INVALID_REQUEST
    return KafkaError(code, "delete.topic.enable is false on this broker.")


def _all(targets: list[_Target], error: KafkaError) -> list[_Target]:
    return [target._replace(error=target.error or error) for target in targets]


def _resolve(targets: list[_Target], image: MetadataImage) -> list[_Target]:
    """Each target with its topic's name and id, or with what is wrong about it; one that comes twice is there once."""
    counts = Counter(targets)
    by_id = {target.topic_id for target in targets if target.name is None}
    resolved = []
    for target, count in counts.items():
        if (target.name is None) == (target.topic_id == ZERO_UUID):
            resolved += [target._replace(error=_both_or_neither(target))] * count
        elif count > 1:
            resolved.append(target._replace(error=_invalid("The topic is in the request twice.")))
        else:
            resolved.append(_found(target, image, by_id))
    return resolved


def _both_or_neither(target: _Target) -> KafkaError:
    if target.name is None:
        return _invalid("A topic has neither name nor id.")
    return _invalid("A topic is named by its name or its id, not by both.")


def _found(target: _Target, image: MetadataImage, by_id: set[Uuid]) -> _Target:
    if target.name is None:
        topic = image.topics_by_id.get(target.topic_id)
        if topic is None:
            return target._replace(error=KafkaError(ErrorCode.UNKNOWN_TOPIC_ID))
        return target._replace(name=topic.name)
    topic = image.topics.get(target.name)
    if topic is None:
        return target._replace(error=KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
    twice = topic.topic_id in by_id
    error = _invalid("The topic is in the request by name and by id.") if twice else None
    return _Target(target.name, topic.topic_id, error)


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)


def _answer(
    targets: list[_Target], outcomes: Mapping[Uuid, KafkaError | None]
) -> DeleteTopicsResponse:
    responses = []
    for target in targets:
        error = target.error or outcomes.get(target.topic_id)
        responses.append(
            DeleteTopicsResponse.DeletableTopicResult(
                name=target.name,
                topic_id=target.topic_id,
                error_code=ErrorCode.NONE if error is None else error.code,
                error_message=message_of(error),
            )
        )
    return DeleteTopicsResponse(responses=responses)
