"""StreamsGroupHeartbeat: v0. A thread of a Kafka Streams application joins, lives, leaves, and learns its tasks (KIP-1071).

The coordinator says which repartition and changelog topics are missing; they are made here, those of a new application
before it is answered. Statuses in the answer tell what the application waits for.
Errors: 25 35 42 69 81 110 130, and 14 15 16 of the coordinator, each with a text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.streams.configured_topology import InternalTopic, StatusCode
from kafkalite.coordination.group.streams.groups import HeartbeatResult
from kafkalite.deferred import Deferred
from kafkalite.metadata.dynamic_config import config_of_group
from kafkalite.metadata.image import INTERNAL_TOPICS
from kafkalite.metadata.topic_names import is_topic_name

API_KEY = ApiKey.STREAMS_GROUP_HEARTBEAT

_PROBLEMS_SHOWN_MAX = 3


def handle(
    context: RequestContext, request: StreamsGroupHeartbeatRequest
) -> StreamsGroupHeartbeatResponse | Deferred[StreamsGroupHeartbeatResponse]:
    refusal = _topology_refusal(request)
    if refusal is not None:
        return StreamsGroupHeartbeatResponse(
            error_code=ErrorCode.STREAMS_INVALID_TOPOLOGY, error_message=refusal
        )
    needed = context.broker.group_coordinator.streams.topics_to_make_first(request)
    if not needed:
        return _heartbeat(context, request)
    out: Deferred[StreamsGroupHeartbeatResponse] = Deferred()

    def made(_: Deferred[None]) -> None:
        answer = _heartbeat(context, request)
        if isinstance(answer, Deferred):
            answer.on_done(lambda done: out.resolve(done.result()))
        else:
            out.resolve(answer)

    _make(context, request.group_id, needed).on_done(made)
    return out


def _heartbeat(
    context: RequestContext, request: StreamsGroupHeartbeatRequest
) -> StreamsGroupHeartbeatResponse | Deferred[StreamsGroupHeartbeatResponse]:
    client = Client(context.client_id or "", f"/{context.connection.client_host}")
    answer = context.broker.group_coordinator.streams.heartbeat(request, client)

    def with_topics_made(result: HeartbeatResult) -> StreamsGroupHeartbeatResponse:
        if result.missing_topics:
            _make(context, request.group_id, result.missing_topics)
            problems = context.broker.streams_topics.problems(result.missing_topics)
            if problems:
                _tell(result.response, problems)
        return result.response

    if isinstance(answer, Deferred):
        return answer.then(with_topics_made)
    return with_topics_made(answer)


def _topology_refusal(request: StreamsGroupHeartbeatRequest) -> str | None:
    """Names of topics that cannot be, and those that are the broker's own."""
    names = set(_topics_of(request))
    internal = names & INTERNAL_TOPICS
    if internal:
        listed = ",".join(sorted(internal))
        return f"An application cannot have the broker's own topics in its topology: {listed}"
    invalid = [name for name in sorted(names) if not is_topic_name(name)]
    if invalid:
        return f"The topology has names that no topic can have: {', '.join(invalid)}"
    return None


def _topics_of(request: StreamsGroupHeartbeatRequest) -> Iterator[str]:
    for subtopology in request.topology.subtopologies if request.topology is not None else ():
        yield from subtopology.source_topics
        yield from subtopology.repartition_sink_topics
        for topic in (*subtopology.repartition_source_topics, *subtopology.state_changelog_topics):
            yield topic.name


def _make(
    context: RequestContext, group_id: str, topics: Collection[InternalTopic]
) -> Deferred[None]:
    broker = context.broker
    settings = config_of_group(broker.config, broker.image, group_id)
    return broker.streams_topics.create(
        topics, retry_after_ms=2 * settings.streams_heartbeat_interval_ms
    )


def _tell(response: StreamsGroupHeartbeatResponse, problems: Mapping[str, str]) -> None:
    shown = ", ".join(
        f"{name} ({problem})" for name, problem in list(problems.items())[:_PROBLEMS_SHOWN_MAX]
    )
    more = len(problems) - _PROBLEMS_SHOWN_MAX
    if more > 0:
        shown = f"{shown} and {more} more"
    for status in response.status or ():
        if status.status_code == StatusCode.MISSING_INTERNAL_TOPICS:
            status.status_detail += f"; making them failed: {shown}"
