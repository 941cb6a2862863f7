"""Produce: v3-v13. Append one record batch to each of some partitions.

Works on tuples, not objects, and on views of the receive buffer: a batch is checked, stamped in place and written, never copied;
but for those that a topic wants in another codec (see broker/recompression.py).
A transactional batch waits for what the transaction coordinator says of it (see broker/produce_in_transaction.py).
v3: record batches v2, transactional id. v7: zstd. v8: record errors and error message. v10: leader hints.
v11: TRANSACTION_ABORTABLE. v12: partitions become part of a transaction by being written to. v13: topic ids.
v0-v2 are advertised and refused, as Kafka does (KAFKA-18659).
acks=0 gets no answer; an error on it closes the connection.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import Any, cast

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.produce import read_produce_request, write_produce_response

from kafkalite.broker.dispatch import start_response
from kafkalite.broker.handlers.leader_hint import current_leader, leader_endpoints
from kafkalite.broker.produce_in_transaction import (
    ATTRIBUTES_LOW_BYTE,
    BATCH_HEADER_BYTES,
    NOT_ASKED,
    TRANSACTIONAL_BIT,
    Verdict,
    is_transactional,
    verdict_on,
)
from kafkalite.broker.purgatory import wait_until_committed
from kafkalite.broker.replica import Replica
from kafkalite.broker.request import Answer, CloseConnection, RequestContext
from kafkalite.deferred import Deferred, gather
from kafkalite.errors import KafkaError
from kafkalite.storage.log import AppendInfo
from kafkalite.storage.log_validator import NotOneBatchError, RecordValidationError
from kafkalite.timer import Timer
from kafkalite.types import NO_TIMESTAMP, Offset

API_KEY = ApiKey.PRODUCE

_SIZE = struct.Struct(">i")
_TOPIC_IDS_FROM_VERSION = 13
_ZSTD_FROM_VERSION = 7
_CODEC_MASK = 0x07
_CODEC_ZSTD = 4

_ALL = -1

_WITHOUT_LOG_START = (
    ErrorCode.CORRUPT_MESSAGE,
    ErrorCode.MESSAGE_TOO_LARGE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.KAFKA_STORAGE_ERROR,
)
"""Refusals of a log that do not tell where it begins, as in Kafka (ReplicaManager.appendToLocalLog)."""

# Answers of one partition, in the field order of ProduceResponse.PartitionProduceResponse:
# index, error code, base offset, log append time, log start offset, record errors, error message, current leader
_Partition = tuple[int, int, int, int, int, list[tuple[int, str | None]], str | None, Any]
_Request = tuple[str | None, int, int, list[tuple[str, bytes, list[tuple[int, memoryview | None]]]]]
"""As `read_produce_request` gives it: transactional id, acks, timeout in ms, topics."""
_Topics = list[tuple[str, bytes, list[_Partition]]]


def handle_raw(
    context: RequestContext, buffer: memoryview, position: int
) -> Answer | Deferred[Answer | None] | None:
    request = read_produce_request(context.api_version, buffer, position)
    if request[0] is None:
        return _append(context, request, NOT_ASKED)
    verdict = _ask_coordinator(context, request)
    if verdict.done:
        return _append(context, request, verdict.result())
    # The receive buffer is used again before the coordinator has answered.
    kept = read_produce_request(context.api_version, memoryview(bytearray(buffer)), position)
    return _append_later(context, kept, verdict)


def _ask_coordinator(context: RequestContext, request: _Request) -> Deferred[Verdict]:
    transactional_id, _, _, topics = request
    assert transactional_id is not None, "no transaction without its id"
    batches = []
    for name, topic_id, partitions in topics:
        for index, records in partitions:
            try:
                replica = _find_replica(context, name, topic_id, index)
            except KafkaError:
                continue  # answered when it is its turn
            if records is not None:
                batches.append((replica, records))
    return verdict_on(context.broker, transactional_id, batches, context.api_version)


def _append_later(
    context: RequestContext, request: _Request, verdict: Deferred[Verdict]
) -> Deferred[Answer | None]:
    out: Deferred[Answer | None] = Deferred()

    def known(done: Deferred[Verdict]) -> None:
        try:
            answer = _append(context, request, done.result())
        except CloseConnection as close:
            out.fail(close)
            return
        if isinstance(answer, Deferred):
            answer.pass_on(out)
        else:
            out.resolve(answer)

    verdict.on_done(known)
    return out


def _append(
    context: RequestContext, request: _Request, verdict: Verdict
) -> Answer | Deferred[Answer | None] | None:
    transactional_id, acks, timeout_ms, topics = request
    produce = _Produce(context, acks, transactional_id, verdict)
    topic_answers = [
        (
            name,
            topic_id,
            [produce.append(name, topic_id, index, records) for index, records in parts],
        )
        for name, topic_id, parts in topics
    ]
    if produce.delayed:
        return _when_appended(produce, topic_answers, timeout_ms)
    return _appended(produce, cast("_Topics", topic_answers), timeout_ms)


def _appended(
    produce: _Produce, topics: _Topics, timeout_ms: int
) -> Answer | Deferred[Answer | None] | None:
    """Everything is in the logs or refused."""
    if produce.acks == 0:
        if produce.first_error is not None:
            raise CloseConnection(
                f"produce with acks=0 failed: {produce.first_error.name}; the client can only learn of it this way"
            )
        return None
    if produce.uncommitted:
        return _when_committed(produce, topics, timeout_ms)
    return produce.answer(topics)


class _Produce:
    """One request on its way through its partitions."""

    __slots__ = (
        "_check_late",
        "_context",
        "_now_ms",
        "_recompressor",
        "_refused",
        "_transactional_id",
        "acks",
        "delayed",
        "first_error",
        "uncommitted",
    )

    def __init__(
        self, context: RequestContext, acks: int, transactional_id: str | None, verdict: Verdict
    ) -> None:
        self._context = context
        self._refused, self._check_late = verdict
        self.acks = acks
        self._transactional_id = transactional_id
        self._now_ms = context.broker.clock.now_ms()
        self._recompressor = context.broker.recompressor
        self.first_error: ErrorCode | None = None
        self.uncommitted: dict[tuple[str, bytes, int], tuple[Replica, Offset]] = {}
        """Partitions whose high watermark has to pass this append: with acks=all, and where it is being flushed."""
        self.delayed: list[Deferred[_Partition]] = []
        """Partitions whose batch is appended later; they never fail."""

    @property
    def timer(self) -> Timer:
        return self._context.broker.timer

    def append(
        self, name: str, topic_id: bytes, index: int, records: memoryview | None
    ) -> _Partition | Deferred[_Partition]:
        """Append to one partition; the answer's fields."""
        asked: Replica | None = None
        try:
            if self.acks not in (0, 1, _ALL):
                raise KafkaError(ErrorCode.INVALID_REQUIRED_ACKS)
            replica = _find_replica(self._context, name, topic_id, index)
            if self._refused and (refusal := self._refused.get(replica.topic_partition)):
                if refusal.code is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER:
                    asked = replica
                raise refusal
            if records is None:
                raise KafkaError(
                    ErrorCode.INVALID_RECORD, "the records of a produce request cannot be null"
                )
            self._check_attributes(records)
            recompressor = self._recompressor
            if (
                recompressor.queues or replica.log.config.compression is not None
            ) and recompressor.concerns(replica, records):
                return self._append_later(name, topic_id, index, replica, records)
            asked = replica
            info = replica.append(records, self._now_ms, acks_all=self.acks == _ALL)
        except KafkaError as error:
            return self._failed(name, topic_id, index, error, asked)
        return self._stored(name, topic_id, index, replica, info)

    def _append_later(
        self, name: str, topic_id: bytes, index: int, replica: Replica, records: memoryview
    ) -> Deferred[_Partition]:
        out: Deferred[_Partition] = Deferred()

        def appended(done: Deferred[AppendInfo]) -> None:
            try:
                answer = self._stored(name, topic_id, index, replica, done.result())
            except KafkaError as error:
                answer = self._failed(name, topic_id, index, error, replica)
            out.resolve(answer)

        check_late = self._check_late
        self._recompressor.append(
            replica,
            records,
            acks_all=self.acks == _ALL,
            check=partial(check_late, replica)
            if check_late is not None and is_transactional(records)
            else None,
        ).on_done(appended)
        self.delayed.append(out)
        return out

    def _stored(
        self, name: str, topic_id: bytes, index: int, replica: Replica, info: AppendInfo
    ) -> _Partition:
        if (
            self.acks == _ALL or replica.is_flushing
        ) and info.last_offset >= replica.high_watermark:
            self.uncommitted[name, topic_id, index] = (replica, Offset(info.last_offset + 1))
        return (
            index,
            0,
            info.base_offset,
            info.log_append_time_ms,
            info.log_start_offset,
            [],
            None,
            None,
        )

    def answer(self, topics: _Topics) -> bytearray:
        context = self._context
        endpoints = leader_endpoints(context, topics, 7) if self.first_error is not None else []
        out = start_response(API_KEY, context.api_version, context.correlation_id)
        write_produce_response(context.api_version, (topics, 0, endpoints), out)
        _SIZE.pack_into(out, 0, len(out) - 4)
        return out

    def _check_attributes(self, records: memoryview) -> None:
        """What depends on the request around the batch; the batch itself is the log validator's."""
        if len(records) < BATCH_HEADER_BYTES:
            return
        attributes = records[ATTRIBUTES_LOW_BYTE]
        if attributes & TRANSACTIONAL_BIT and self._transactional_id is None:
            raise KafkaError(
                ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                "a transactional batch came without a transactional id",
            )
        if (
            attributes & _CODEC_MASK == _CODEC_ZSTD
            and self._context.api_version < _ZSTD_FROM_VERSION
        ):
            raise KafkaError(
                ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, "zstd needs version 7 of Produce or later"
            )

    def _failed(
        self,
        name: str,
        topic_id: bytes,
        index: int,
        error: KafkaError,
        asked: Replica | None,
    ) -> _Partition:
        """`asked`: whose log refused the batch, None when it did not come so far."""
        if self.first_error is None:
            self.first_error = error.code
        record_errors: list[tuple[int, str | None]] = []
        if isinstance(error, RecordValidationError):
            record_errors += error.record_errors
        hint = current_leader(self._context, name, topic_id, index, error.code)
        silent = error.code in _WITHOUT_LOG_START or isinstance(error, NotOneBatchError)
        log_start = -1 if asked is None or silent else asked.log.log_start_offset
        return (index, error.code, -1, NO_TIMESTAMP, log_start, record_errors, error.message, hint)


def _find_replica(context: RequestContext, name: str, topic_id: bytes, index: int) -> Replica:
    """The partition as the request names it. KafkaError when it is not here, or not for clients."""
    replicas = context.broker.replicas
    by_id = context.api_version >= _TOPIC_IDS_FROM_VERSION
    replica = replicas.by_topic_id(topic_id, index) if by_id else replicas.get(name, index)
    if replica.is_internal:
        raise KafkaError(
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            f"{replica.topic_partition.topic} belongs to the broker; clients cannot produce to it",
        )
    return replica


def _when_appended(
    produce: _Produce,
    topics: list[tuple[str, bytes, list[_Partition | Deferred[_Partition]]]],
    timeout_ms: int,
) -> Deferred[Answer | None]:
    """Go on when the batches that are being recompressed have been appended as well."""
    out: Deferred[Answer | None] = Deferred()

    def appended(_: Deferred[list[_Partition]]) -> None:
        known = [
            (name, topic_id, [p.result() if isinstance(p, Deferred) else p for p in partitions])
            for name, topic_id, partitions in topics
        ]
        try:
            answer = _appended(produce, known, timeout_ms)
        except CloseConnection as close:
            out.fail(close)
            return
        if isinstance(answer, Deferred):
            answer.pass_on(out)
        else:
            out.resolve(answer)

    gather(produce.delayed).on_done(appended)
    return out


def _when_committed(produce: _Produce, topics: _Topics, timeout_ms: int) -> Deferred[Answer | None]:
    """Answer when the in-sync replicas have everything; partitions that take too long get REQUEST_TIMED_OUT."""
    keys = list(produce.uncommitted)

    def answer(codes: list[ErrorCode]) -> Answer | None:
        failed = {
            key: code for key, code in zip(keys, codes, strict=True) if code != ErrorCode.NONE
        }
        return produce.answer(
            [
                (
                    name,
                    topic_id,
                    [_with_code(p, failed.get((name, topic_id, p[0]))) for p in partitions],
                )
                for name, topic_id, partitions in topics
            ]
        )

    waits = list(produce.uncommitted.values())
    return wait_until_committed(waits, produce.timer, timeout_ms).then(answer)


def _with_code(partition: _Partition, code: ErrorCode | None) -> _Partition:
    return partition if code is None else (partition[0], code, -1, NO_TIMESTAMP, -1, [], None, None)
