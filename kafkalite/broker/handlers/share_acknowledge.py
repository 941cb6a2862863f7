"""ShareAcknowledge: v1-v2 (KIP-932). A member of a share group says what became of records it has; durable when answered.

Goes on with the session that a ShareFetch opened, or closes it with epoch -1. v2: is_renew_ack (KIP-1222).
Errors: 42 122 123 for the request; 3 6 15 42 100 121 -1 per partition, whose acknowledgements are taken all or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.share_acknowledge import (
    ShareAcknowledgeRequest,
    ShareAcknowledgeResponse,
)

from kafkalite.broker.fetch_session import FINAL_EPOCH
from kafkalite.broker.handlers.leader_hint import current_leader, leader_endpoints
from kafkalite.broker.request import RequestContext
from kafkalite.broker.share.acknowledgements import Outcome, acknowledge
from kafkalite.broker.share.share_session import ShareSession, TopicIdPartition, session_key
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import Uuid

API_KEY = ApiKey.SHARE_ACKNOWLEDGE

_Topic = ShareAcknowledgeResponse.ShareAcknowledgeTopicResponse
_Partition = ShareAcknowledgeResponse.PartitionData


def handle(
    context: RequestContext, request: ShareAcknowledgeRequest
) -> Deferred[ShareAcknowledgeResponse]:
    sharing = context.broker.sharing
    try:
        session = _session(context, request)
    except KafkaError as error:
        return resolved(ShareAcknowledgeResponse(error_code=error.code))
    asked = {
        (Uuid(topic.topic_id), partition.partition_index): partition.acknowledgement_batches
        for topic in request.topics
        for partition in topic.partitions
    }

    def answer(outcomes: dict[TopicIdPartition, Outcome]) -> ShareAcknowledgeResponse:
        if request.share_session_epoch == FINAL_EPOCH:
            sharing.sessions.close(session)
        return _response(context, session, outcomes)

    return acknowledge(
        sharing.partitions,
        context.broker.image,
        session,
        asked,
        renews=request.is_renew_ack,
    ).then(answer)


def _session(context: RequestContext, request: ShareAcknowledgeRequest) -> ShareSession:
    group_id, member_id = session_key(request.group_id, request.member_id)
    return context.broker.sharing.sessions.resume(group_id, member_id, request.share_session_epoch)


def _response(
    context: RequestContext, session: ShareSession, outcomes: Mapping[TopicIdPartition, Outcome]
) -> ShareAcknowledgeResponse:
    topics: dict[Uuid, list[_Partition]] = {}
    leaders = []
    for (topic_id, index), refused in outcomes.items():
        code = ErrorCode.NONE if refused is None else refused.code
        leader = current_leader(context, "", topic_id, index, code)
        if leader is not None:
            leaders.append(("", topic_id, [(leader,)]))
        topics.setdefault(topic_id, []).append(
            _Partition(
                partition_index=index,
                error_code=code,
                error_message=None if refused is None else refused.message,
                current_leader=ShareAcknowledgeResponse.LeaderIdAndEpoch(*(leader or (0, 0))),
            )
        )
    settings = context.broker.sharing.settings_of(session.group_id)
    return ShareAcknowledgeResponse(
        acquisition_lock_timeout_ms=settings.share_record_lock_duration_ms,
        responses=[_Topic(topic_id, partitions) for topic_id, partitions in topics.items()],
        node_endpoints=[
            ShareAcknowledgeResponse.NodeEndpoint(*each)
            for each in leader_endpoints(context, leaders, 0)
        ],
    )
