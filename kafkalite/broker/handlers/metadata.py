"""Metadata: v0-v13. Brokers, controller, topics with their leaders; makes topics that do not exist, when it may.

A topic made here is in the same answer, ready for use; Kafka answers UNKNOWN_TOPIC_OR_PARTITION first and makes the
client ask again.
v0: an empty list means all topics, and replicas on brokers out of reach are left out. v1+: null means all.
v4: allow_auto_topic_creation, before it always true. v8-v10: the client's operations on the cluster. v10: topic ids in
the answer. v12: topics by id; when one has an id, those without are ignored, as in Kafka. v13: error code at the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.metadata import MetadataRequest, MetadataResponse

from kafkalite.broker.handlers.authorized_operations import (
    CLUSTER_OPERATIONS,
    NOT_ASKED,
    TOPIC_OPERATIONS,
)
from kafkalite.broker.handlers.metadata_topics import MetadataAnswer, TopicEncoder
from kafkalite.broker.handlers.outcome import answer_either
from kafkalite.broker.internal_topics import MADE_HERE
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.metadata.events import NewTopic
from kafkalite.metadata.image import INTERNAL_TOPICS, METADATA_TOPIC, MetadataImage, TopicImage
from kafkalite.metadata.topic_names import is_topic_name
from kafkalite.types import ZERO_UUID, BrokerId, Uuid

API_KEY = ApiKey.METADATA

_IDS_IN_REQUEST_SINCE = 12

Topic: TypeAlias = MetadataResponse.MetadataResponseTopic
Response: TypeAlias = MetadataResponse | MetadataAnswer


def handle(context: RequestContext, request: MetadataRequest) -> Response | Deferred[Response]:
    if context.api_version < _IDS_IN_REQUEST_SINCE and _has_ids(request):
        return _refuse(request)
    missing = _to_make(context, request)
    if not missing:
        return _answer(context, request, {})
    created = context.broker.control_plane.create_topics(
        [_new_topic(context, name) for name in missing]
    )
    return answer_either(
        created,
        lambda topics: _answer(
            context, request, {topic.name: topic.error.code for topic in topics if topic.error}
        ),
        lambda error: _answer(context, request, dict.fromkeys(missing, error.code)),
    )


def _has_ids(request: MetadataRequest) -> bool:
    return any(topic.name is None or topic.topic_id != ZERO_UUID for topic in request.topics or ())


def _refuse(request: MetadataRequest) -> MetadataResponse:
    """Before v12 the fields for an id are there, and must be empty."""
    return MetadataResponse(
        topics=[
            Topic(ErrorCode.INVALID_REQUEST, topic.name or "", topic.topic_id)
            for topic in request.topics or ()
        ]
    )


# Making topics


def _to_make(context: RequestContext, request: MetadataRequest) -> list[str]:
    """Names asked for that no topic has and a topic may have; nothing when topics are not made this way."""
    if not (request.allow_auto_topic_creation and context.broker.config.auto_create_topics_enable):
        return []
    wanted = _Wanted(context, request)
    topics = context.broker.control_plane.image.topics
    return [name for name in wanted.names if name not in topics and _may_be_made(name)]


def _may_be_made(name: str) -> bool:
    """Internal topics that nothing here uses are left alone: whoever comes to use them gives them their own configs."""
    if name in INTERNAL_TOPICS or name == METADATA_TOPIC:
        return name in MADE_HERE
    return is_topic_name(name)


def _new_topic(context: RequestContext, name: str) -> NewTopic:
    if name in MADE_HERE:
        return context.broker.internal_topics.definition(name)
    return NewTopic(name)


# Answering


class _Wanted:
    """What a request asks for: all topics, or some by id, or some by name. Each once."""

    def __init__(self, context: RequestContext, request: MetadataRequest) -> None:
        topics = request.topics
        self.everything = topics is None or (context.api_version == 0 and not topics)
        topics = topics or []
        self.ids = dict.fromkeys(Uuid(one.topic_id) for one in topics if one.topic_id != ZERO_UUID)
        self.names = dict.fromkeys(one.name or "" for one in topics if not self.ids)


def _answer(
    context: RequestContext, request: MetadataRequest, errors: Mapping[str, ErrorCode]
) -> MetadataAnswer:
    """`errors`: names that could not be made, and why."""
    image = context.broker.control_plane.image
    brokers = _brokers(context, image)
    cluster_asked = request.include_cluster_authorized_operations
    response = MetadataResponse(
        brokers=brokers,
        cluster_id=image.cluster_id,
        controller_id=image.controller_id,
        cluster_authorized_operations=CLUSTER_OPERATIONS if cluster_asked else NOT_ASKED,
    )
    encoder = TopicEncoder(
        context.api_version,
        live=image.live_brokers,
        reachable=frozenset(BrokerId(broker.node_id) for broker in brokers),
        operations=TOPIC_OPERATIONS if request.include_topic_authorized_operations else NOT_ASKED,
    )
    found, missing = _find(image, _Wanted(context, request), errors)
    return MetadataAnswer(
        response,
        [*(encoder.missing(*one) for one in missing), *(encoder.encode(topic) for topic in found)],
    )


def _find(
    image: MetadataImage, wanted: _Wanted, errors: Mapping[str, ErrorCode]
) -> tuple[Iterable[TopicImage], list[tuple[str | None, Uuid, ErrorCode]]]:
    """The topics that are there; and name, id and error of those that are not."""
    if wanted.everything:
        return image.topics.values(), []
    found = [image.topics_by_id[one] for one in wanted.ids if one in image.topics_by_id]
    found += [image.topics[name] for name in wanted.names if name in image.topics]
    missing: list[tuple[str | None, Uuid, ErrorCode]] = [
        (None, one, ErrorCode.UNKNOWN_TOPIC_ID)
        for one in wanted.ids
        if one not in image.topics_by_id
    ]
    missing += [
        (name, ZERO_UUID, errors.get(name) or _why_missing(name))
        for name in wanted.names
        if name not in image.topics
    ]
    return found, missing


def _why_missing(name: str) -> ErrorCode:
    if is_topic_name(name):
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return ErrorCode.INVALID_TOPIC_EXCEPTION


def _brokers(
    context: RequestContext, image: MetadataImage
) -> list[MetadataResponse.MetadataResponseBroker]:
    """Live brokers that have the listener which the client uses."""
    brokers = []
    for broker_id in sorted(image.live_brokers):
        host, port = context.broker.endpoint(broker_id, context.connection)
        if port >= 0:
            rack = image.brokers[broker_id].rack
            brokers.append(MetadataResponse.MetadataResponseBroker(broker_id, host, port, rack))
    return brokers
