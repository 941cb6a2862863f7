"""FindCoordinator: v0-v6. Which broker coordinates a group, a transactional id or a share partition: the leader of its
partition of the coordinator's topic, `__consumer_offsets`, `__transaction_state` or `__share_group_state`.

The topic is made when it is first asked for. Apache Kafka answers COORDINATOR_NOT_AVAILABLE that once and makes it in
the background; here it is ready at once, so the answer is the coordinator.
v0: groups only. v1: key types. v4: many keys in one request (KIP-699). v6: share groups, by "group:topic id:partition".
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.find_coordinator import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.coordination.group.coordinator import CONSUMER_OFFSETS_TOPIC
from kafkalite.coordination.runtime import partition_for
from kafkalite.coordination.share.coordinator import SHARE_GROUP_STATE_TOPIC
from kafkalite.coordination.share.records import parse_key
from kafkalite.coordination.transaction.store import TRANSACTION_STATE_TOPIC
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError

API_KEY = ApiKey.FIND_COORDINATOR

_GROUP, _TRANSACTION, _SHARE = 0, 1, 2
_TOPICS = {
    _GROUP: CONSUMER_OFFSETS_TOPIC,
    _TRANSACTION: TRANSACTION_STATE_TOPIC,
    _SHARE: SHARE_GROUP_STATE_TOPIC,
}
_FIRST_VERSION = {_GROUP: 0, _TRANSACTION: 0, _SHARE: 6}
_BATCH_VERSION = 4

Coordinator = FindCoordinatorResponse.Coordinator


def handle(
    context: RequestContext, request: FindCoordinatorRequest
) -> FindCoordinatorResponse | Deferred[FindCoordinatorResponse]:
    keys = request.coordinator_keys if context.api_version >= _BATCH_VERSION else [request.key]
    topic = _TOPICS.get(request.key_type)
    if topic is None or context.api_version < _FIRST_VERSION[request.key_type]:
        message = _why_not(request.key_type)
        return _response(
            context, [_failed(key, ErrorCode.INVALID_REQUEST, message) for key in keys]
        )
    out: Deferred[FindCoordinatorResponse] = Deferred()

    def answer(created: Deferred[None]) -> None:
        try:
            created.result()
        except KafkaError as error:
            message = f"{topic} could not be created: {error}"
            found = [_failed(key, ErrorCode.COORDINATOR_NOT_AVAILABLE, message) for key in keys]
        else:
            found = [_find(context, topic, key) for key in keys]
        out.resolve(_response(context, found))

    context.broker.internal_topics.ensure(topic).on_done(answer)
    return out.result() if out.done else out


def _why_not(key_type: int) -> str:
    if key_type == _SHARE:
        return f"share partitions are looked for from v{_FIRST_VERSION[_SHARE]} on"
    return f"there is no coordinator of type {key_type}"


def _find(context: RequestContext, topic_name: str, key: str) -> Coordinator:
    topic = context.broker.image.topics[topic_name]
    hashed = key
    if topic_name == SHARE_GROUP_STATE_TOPIC:
        try:
            hashed = str(parse_key(key))
        except ValueError:
            return _failed(key, ErrorCode.INVALID_REQUEST, "a key is group:topic id:partition")
    leader = topic.partitions[partition_for(hashed, len(topic.partitions))].leader
    if leader < 0:
        return _failed(
            key,
            ErrorCode.COORDINATOR_NOT_AVAILABLE,
            "the coordinator's partition has no leader at the moment",
        )
    host, port = context.broker.endpoint(leader, context.connection)
    # Kafka's texts for success, which differ between the shapes; no client reads them.
    message = "" if context.api_version >= _BATCH_VERSION else ErrorCode.NONE.name
    return Coordinator(key=key, node_id=leader, host=host, port=port, error_message=message)


def _failed(key: str, code: ErrorCode, message: str) -> Coordinator:
    return Coordinator(
        key=key, node_id=-1, host="", port=-1, error_code=code, error_message=message
    )


def _response(context: RequestContext, found: list[Coordinator]) -> FindCoordinatorResponse:
    if context.api_version >= _BATCH_VERSION:
        return FindCoordinatorResponse(coordinators=found)
    (only,) = found
    return FindCoordinatorResponse(
        error_code=only.error_code,
        error_message=only.error_message,
        node_id=only.node_id,
        host=only.host,
        port=only.port,
    )
