"""Fetch: v4-v18. Long-poll read of record batches, straight from the segment file.

Batches are returned whole: a fetch at offset 35 of {[31,100]} returns [31,100] and the client skips. The first partition
that has data gives at least one batch whatever the limits say; later ones may give nothing.
Answered at once: enough bytes (min_bytes), an error of a partition that exists, max_wait 0, or nothing that exists asked
for. Otherwise parked (see purgatory). A topic or partition that is unknown does not hasten the answer, and is answered
after all that exist (measured).
Isolation level 1 (read_committed) ends at the last stable offset, and names the aborted transactions whose records are among
those returned: the client leaves them out.
v7: fetch sessions (KIP-227). v9: leader epoch. v12: diverging epoch, leader hints. v13: topic ids. v15: no replica id.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NamedTuple

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.fetch import read_fetch_request, write_fetch_response

from kafkalite.broker.dispatch import start_response
from kafkalite.broker.fetch_session import (
    FINAL_EPOCH,
    INITIAL_EPOCH,
    NO_SESSION,
    FetchPartition,
    FetchSession,
    PartitionKey,
)
from kafkalite.broker.handlers.leader_hint import current_leader, leader_endpoints
from kafkalite.broker.purgatory import Look
from kafkalite.broker.replica import Replica
from kafkalite.broker.request import Answer, Part, RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.storage.file_slice import FileSlice
from kafkalite.types import LeaderEpoch, Offset, Uuid

API_KEY = ApiKey.FETCH

_SIZE = struct.Struct(">i")
_TOPIC_IDS_FROM_VERSION = 13
_READ_COMMITTED = 1
_CURRENT_LEADER_FIELD = 6
_UNKNOWN = (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.UNKNOWN_TOPIC_ID)


class PartitionAnswer(NamedTuple):
    """One partition of the answer: fields in the order of FetchResponse.PartitionData."""

    partition_index: int
    error_code: int
    high_watermark: int
    last_stable_offset: int
    log_start_offset: int
    diverging_epoch: tuple[int, int] | None
    current_leader: tuple[int, int] | None
    snapshot_id: None
    aborted_transactions: list[tuple[int, int]] | None
    preferred_read_replica: int
    records: FileSlice | bytes


def handle_raw(
    context: RequestContext, buffer: memoryview, position: int
) -> Answer | Deferred[Answer]:
    request = _Request._make(read_fetch_request(context.api_version, buffer, position))
    try:
        session, incremental, partitions = _partitions(context, request)
    except KafkaError as error:
        return _encode(context, error.code, NO_SESSION, [])
    fetch = _Fetch(context, request, session, incremental=incremental, partitions=partitions)
    # Bounded: a client that has gone away is not seen while its fetch is parked.
    max_wait_ms = min(request.max_wait_ms, context.broker.config.connections_max_idle_ms)
    look = fetch.look(final=max_wait_ms <= 0)
    if look.answer is not None:
        return look.answer
    return context.broker.fetch_purgatory.park(
        fetch, look.missing_bytes, fetch.replicas, max_wait_ms
    )


class _Request(NamedTuple):
    """FetchRequest's fields, in schema order."""

    cluster_id: str | None
    replica_id: int
    replica_state: Any
    max_wait_ms: int
    min_bytes: int
    max_bytes: int
    isolation_level: int
    session_id: int
    session_epoch: int
    topics: list[tuple[str, Uuid, list[tuple[int, int, int, int, int, int, Any, int]]]]
    forgotten_topics_data: list[tuple[str, Uuid, list[int]]]
    rack_id: str

    @property
    def is_from_follower(self) -> bool:
        """Another broker's id instead of a consumer's -1; v15 moved it behind a tag."""
        state = self.replica_state
        return self.replica_id >= 0 or (state is not None and state[0] >= 0)


def _partitions(
    context: RequestContext, request: _Request
) -> tuple[FetchSession | None, bool, Iterable[FetchPartition]]:
    """The session (None: there is none), whether the answer may leave out what has not changed, and what to read in which order."""
    sessions = context.broker.fetch_sessions
    uses_topic_ids = context.api_version >= _TOPIC_IDS_FROM_VERSION
    if request.session_epoch in (INITIAL_EPOCH, FINAL_EPOCH):
        if request.session_id != NO_SESSION:
            sessions.close(request.session_id)
        if request.session_epoch == FINAL_EPOCH:
            return None, False, dict(_requested(request, uses_topic_ids)).values()
        wanted = OrderedDict(_requested(request, uses_topic_ids))
        return sessions.open(wanted, uses_topic_ids), False, wanted.values()
    session = sessions.resume(request.session_id, request.session_epoch, uses_topic_ids)
    _update_session(session, request, uses_topic_ids)
    if not session.partitions:
        # The client forgot all that it read: Kafka ends the session, and tells so by session id 0.
        sessions.close(session.session_id)
        return None, False, ()
    return session, True, session.partitions.values()


def _requested(
    request: _Request, uses_topic_ids: bool
) -> Iterable[tuple[PartitionKey, FetchPartition]]:
    for topic, topic_id, partitions in request.topics:
        key = topic_id if uses_topic_ids else topic
        for index, leader_epoch, offset, fetched_epoch, _, max_bytes, _, _ in partitions:
            yield (
                (key, index),
                FetchPartition(
                    topic, topic_id, index, offset, max_bytes, leader_epoch, fetched_epoch
                ),
            )


def _update_session(session: FetchSession, request: _Request, uses_topic_ids: bool) -> None:
    known_partitions = session.partitions
    for key, partition in _requested(request, uses_topic_ids):
        known = known_partitions.get(key)
        if known is None:
            known_partitions[key] = partition
        else:
            known.fetch_offset = partition.fetch_offset
            known.max_bytes = partition.max_bytes
            known.current_leader_epoch = partition.current_leader_epoch
            known.last_fetched_epoch = partition.last_fetched_epoch
    for topic, topic_id, indexes in request.forgotten_topics_data:
        for index in indexes:
            known_partitions.pop((topic_id if uses_topic_ids else topic, index), None)


class _Fetch:
    """One fetch request: reads what is there, as often as it is asked to, and encodes the answer once."""

    __slots__ = (
        "_context",
        "_incremental",
        "_is_follower",
        "_max_bytes",
        "_min_bytes",
        "_partitions",
        "_read_committed",
        "_session",
        "_uses_topic_ids",
        "replicas",
    )

    def __init__(
        self,
        context: RequestContext,
        request: _Request,
        session: FetchSession | None,
        *,
        incremental: bool,
        partitions: Iterable[FetchPartition],
    ) -> None:
        self._context = context
        self._session = session
        self._incremental = incremental
        self._partitions = list(partitions)
        self._max_bytes = min(request.max_bytes, context.broker.config.fetch_max_bytes)
        self._min_bytes = min(request.min_bytes, self._max_bytes)
        self._read_committed = request.isolation_level == _READ_COMMITTED
        self._uses_topic_ids = context.api_version >= _TOPIC_IDS_FROM_VERSION
        self._is_follower = request.is_from_follower
        self.replicas: list[Replica] = []
        """Those that the last look read; what a parked fetch watches."""

    def look(self, *, final: bool) -> Look:
        """Read every partition; give the answer if it is due."""
        left_bytes = self._max_bytes
        found_bytes = 0
        failed = False
        answers: list[tuple[FetchPartition, PartitionAnswer]] = []
        unknown: list[tuple[FetchPartition, PartitionAnswer]] = []
        self.replicas = []
        for wanted in self._partitions:
            try:
                answer = self._read(wanted, left_bytes, min_one_batch=found_bytes == 0)
            except KafkaError as error:
                answer = self._failed(wanted, error.code)
                if error.code in _UNKNOWN:
                    unknown.append((wanted, answer))
                    continue
                failed = True
            size_bytes = len(answer.records)
            found_bytes += size_bytes
            left_bytes = max(0, left_bytes - size_bytes)
            failed = failed or answer.diverging_epoch is not None
            answers.append((wanted, answer))
        if final or failed or found_bytes >= self._min_bytes or not self.replicas:
            return Look(self._answer(answers + unknown))
        return Look(None, self._min_bytes - found_bytes)

    def _read(
        self, wanted: FetchPartition, left_bytes: int, *, min_one_batch: bool
    ) -> PartitionAnswer:
        replicas = self._context.broker.replicas
        replica = (
            replicas.by_topic_id(wanted.topic_id, wanted.partition)
            if self._uses_topic_ids
            else replicas.get(wanted.topic, wanted.partition)
        )
        replica.check_leader(wanted.current_leader_epoch)
        if self._is_follower:
            # No partition has replicas elsewhere yet, so whoever says that it is one is mistaken.
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        self.replicas.append(replica)
        diverging_epoch = _diverging_epoch(replica, wanted)
        found: FileSlice | None = None
        aborted: list[tuple[int, int]] | None = [] if self._read_committed else None
        if diverging_epoch is None:
            offset = Offset(wanted.fetch_offset)
            max_bytes = max(0, min(left_bytes, wanted.max_bytes))
            if self._read_committed:
                found, transactions = replica.read_committed(
                    offset, max_bytes, min_one_batch=min_one_batch
                )
                aborted = [(each.producer_id, each.first_offset) for each in transactions]
            else:
                found = replica.read(offset, max_bytes, min_one_batch=min_one_batch)
        return PartitionAnswer(
            wanted.partition,
            ErrorCode.NONE,
            replica.high_watermark,
            replica.last_stable_offset,
            replica.log.log_start_offset,
            diverging_epoch,
            None,
            None,
            aborted,
            -1,
            b"" if found is None else found,
        )

    def _failed(self, wanted: FetchPartition, code: ErrorCode) -> PartitionAnswer:
        hint = current_leader(self._context, wanted.topic, wanted.topic_id, wanted.partition, code)
        aborted: list[tuple[int, int]] | None = [] if code in _UNKNOWN else None
        return PartitionAnswer(
            wanted.partition, code, -1, -1, -1, None, hint, None, aborted, -1, b""
        )

    def _answer(self, answers: list[tuple[FetchPartition, PartitionAnswer]]) -> Answer:
        topics: list[tuple[str, Uuid, list[PartitionAnswer]]] = []
        for wanted, answer in answers:
            if self._session is not None and not self._is_news(wanted, answer):
                continue
            if topics and topics[-1][0] == wanted.topic and topics[-1][1] == wanted.topic_id:
                topics[-1][2].append(answer)
            else:
                topics.append((wanted.topic, wanted.topic_id, [answer]))
        session_id = NO_SESSION if self._session is None else self._session.session_id
        return _encode(self._context, ErrorCode.NONE, session_id, topics)

    def _is_news(self, wanted: FetchPartition, answer: PartitionAnswer) -> bool:
        """Whether the session's client must hear of this partition; remembers what it is told."""
        news = (
            len(answer.records) > 0
            or answer.error_code != ErrorCode.NONE
            or answer.diverging_epoch is not None
            or answer.high_watermark != wanted.sent_high_watermark
            or answer.log_start_offset != wanted.sent_log_start_offset
        )
        wanted.sent_high_watermark = answer.high_watermark
        wanted.sent_log_start_offset = answer.log_start_offset
        if self._incremental and len(answer.records) > 0 and self._session is not None:
            key = (wanted.topic_id if self._uses_topic_ids else wanted.topic, wanted.partition)
            if key in self._session.partitions:
                self._session.partitions.move_to_end(key)
        return news or not self._incremental


def _diverging_epoch(replica: Replica, wanted: FetchPartition) -> tuple[int, int] | None:
    """(epoch, end offset) where the client's log and ours part, when it told the epoch it read last (KIP-595)."""
    if wanted.last_fetched_epoch < 0:
        return None
    epoch, end_offset = replica.log.end_offset_for_epoch(LeaderEpoch(wanted.last_fetched_epoch))
    if epoch < 0 or end_offset < 0:
        raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE)
    if epoch < wanted.last_fetched_epoch or end_offset < wanted.fetch_offset:
        return (epoch, end_offset)
    return None


def _encode(
    context: RequestContext,
    code: ErrorCode,
    session_id: int,
    topics: list[tuple[str, Uuid, list[PartitionAnswer]]],
) -> list[Part]:
    hinted = any(
        p[_CURRENT_LEADER_FIELD] is not None for _, _, partitions in topics for p in partitions
    )
    endpoints = leader_endpoints(context, topics, _CURRENT_LEADER_FIELD) if hinted else []
    head = start_response(API_KEY, context.api_version, context.correlation_id)
    parts: list[Any] = [head]
    answer: Any = (0, code, session_id, topics, endpoints)
    write_fetch_response(context.api_version, answer, parts)
    _SIZE.pack_into(head, 0, sum(map(len, parts)) - 4)
    return parts
