"""ShareFetch: v1-v2 (KIP-932). A member of a share group acquires records, and acknowledges those it had.

Acknowledgements come first and are durable before anything is answered; then records are acquired and locked for
share.record.lock.duration.ms. A request with epoch 0 opens the member's session, -1 closes it (see `share_session`). Parked
as Fetch is. v2: share_acquire_mode (KIP-1206) and is_renew_ack (KIP-1222), which only renews locks: it must ask for nothing.
Errors: 42 122 123 133 for the request; 3 6 15 100 -1 per partition, and 42 121 beside them for its acknowledgements.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.share_fetch import ShareFetchRequest

from kafkalite.broker.fetch_session import FINAL_EPOCH, INITIAL_EPOCH
from kafkalite.broker.request import Answer, RequestContext
from kafkalite.broker.share.acknowledgements import Batch, Outcome, acknowledge
from kafkalite.broker.share.share_answer import Answers
from kafkalite.broker.share.share_fetch import ShareFetch, Wanted
from kafkalite.broker.share.share_session import ShareSession, TopicIdPartition, session_key
from kafkalite.deferred import Deferred, chain, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import Uuid

API_KEY = ApiKey.SHARE_FETCH

_BATCH_OPTIMIZED, _RECORD_LIMIT = 0, 1
"""share_acquire_mode"""


def handle_raw(
    context: RequestContext, buffer: memoryview, position: int
) -> Answer | Deferred[Answer]:
    request = ShareFetchRequest.decode(context.api_version, buffer, position)
    sharing = context.broker.sharing
    settings = sharing.settings_of(request.group_id or "")
    answers = Answers(context, settings.share_record_lock_duration_ms)
    try:
        _check(request)
        session = _session(context, request)
    except KafkaError as error:
        return answers.refuse(error.code)

    def proceed(outcomes: dict[TopicIdPartition, Outcome]) -> Deferred[Answer]:
        if request.share_session_epoch == FINAL_EPOCH:
            sharing.sessions.close(session)
        if request.share_session_epoch == FINAL_EPOCH or request.is_renew_ack:
            return resolved(answers.encode({}, outcomes))
        fetch = ShareFetch(
            sharing.partitions,
            session,
            _wanted(context, request),
            outcomes,
            answers,
            is_first=request.share_session_epoch == INITIAL_EPOCH,
        )
        return _park(context, fetch, request.max_wait_ms)

    acknowledged = acknowledge(
        sharing.partitions,
        context.broker.image,
        session,
        _acknowledgements(request),
        renews=request.is_renew_ack,
    )
    out = chain(acknowledged, proceed)
    return out.result() if out.done else out


def _check(request: ShareFetchRequest) -> None:
    """Raises KafkaError INVALID_REQUEST."""
    if request.share_acquire_mode not in (_BATCH_OPTIMIZED, _RECORD_LIMIT):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if request.share_session_epoch == INITIAL_EPOCH and _acknowledgements(request):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    asks = request.max_wait_ms or request.min_bytes or request.max_bytes or request.max_records
    if request.is_renew_ack and asks:
        raise KafkaError(ErrorCode.INVALID_REQUEST)


def _session(context: RequestContext, request: ShareFetchRequest) -> ShareSession:
    """The member's session as the request leaves it; a new one lasts no longer than the connection."""
    sessions = context.broker.sharing.sessions
    group_id, member_id = session_key(request.group_id, request.member_id)
    asked = [
        (Uuid(topic.topic_id), partition.partition_index)
        for topic in request.topics
        for partition in topic.partitions
    ]
    if request.share_session_epoch == INITIAL_EPOCH:
        session = sessions.open(group_id, member_id, asked)
        context.connection.when_closed[group_id, member_id] = lambda: sessions.close(session)
        return session
    session = sessions.resume(group_id, member_id, request.share_session_epoch)
    if request.share_session_epoch != FINAL_EPOCH:
        session.partitions.update(dict.fromkeys(asked))
        for topic in request.forgotten_topics_data:
            for index in topic.partitions:
                session.partitions.pop((Uuid(topic.topic_id), index), None)
    return session


def _acknowledgements(request: ShareFetchRequest) -> dict[TopicIdPartition, Sequence[Batch]]:
    return {
        (Uuid(topic.topic_id), partition.partition_index): partition.acknowledgement_batches
        for topic in request.topics
        for partition in topic.partitions
        if partition.acknowledgement_batches
    }


def _wanted(context: RequestContext, request: ShareFetchRequest) -> Wanted:
    max_bytes = min(request.max_bytes, context.broker.config.fetch_max_bytes)
    return Wanted(
        min_bytes=min(request.min_bytes, max_bytes),
        max_bytes=max_bytes,
        max_records=request.max_records,
        batch_size=request.batch_size,
        exact=request.share_acquire_mode == _RECORD_LIMIT,
    )


def _park(context: RequestContext, fetch: ShareFetch, max_wait_ms: int) -> Deferred[Answer]:
    # Bounded: a client that has gone away is not seen while its fetch is parked.
    max_wait_ms = min(max_wait_ms, context.broker.config.connections_max_idle_ms)
    look = fetch.look(final=max_wait_ms <= 0)
    if look.answer is None:
        return context.broker.fetch_purgatory.park(
            fetch, look.missing_bytes, fetch.watched, max_wait_ms
        )
    return resolved(look.answer)
