"""ListOffsets: v1-v11. The offset of a point in time, or of one of the log's marks.

    timestamp >= 0    first record with this timestamp or a later one, to the exact record, also inside compressed batches;
                      none: offset -1, timestamp -1
    -1 latest         high watermark, or last stable offset for read_committed (v2+)
    -2 earliest       log start offset
    -3 max timestamp  v7+: the record with the greatest timestamp
    -4 earliest local v8+: as earliest, while nothing is tiered
    -5 last tiered    v9+: none, -1
    -6 first pending upload  v11+: none, -1

v4: leader epochs. v10: a timeout. A lookup that must decompress runs in a worker thread.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.list_offsets import ListOffsetsRequest, ListOffsetsResponse

from kafkalite.broker.replica import Replica
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred, gather, resolved
from kafkalite.errors import KafkaError
from kafkalite.storage.timestamp_lookup import TimestampAndOffset

API_KEY = ApiKey.LIST_OFFSETS

_Asked = ListOffsetsRequest.ListOffsetsPartition
_Answered = ListOffsetsResponse.ListOffsetsPartitionResponse

_LATEST, _EARLIEST, _MAX_TIMESTAMP, _EARLIEST_LOCAL, _LATEST_TIERED, _EARLIEST_PENDING_UPLOAD = (
    -1,
    -2,
    -3,
    -4,
    -5,
    -6,
)
_FIRST_VERSION = {
    _LATEST: 1,
    _EARLIEST: 1,
    _MAX_TIMESTAMP: 7,
    _EARLIEST_LOCAL: 8,
    _LATEST_TIERED: 9,
    _EARLIEST_PENDING_UPLOAD: 11,
}
"""Which special timestamps a version knows; others are answered UNSUPPORTED_VERSION, per partition."""

_READ_COMMITTED = 1
_CONSUMER = -1
"""Replicas are told of what consumers may not read yet."""


def handle(
    context: RequestContext, request: ListOffsetsRequest
) -> ListOffsetsResponse | Deferred[ListOffsetsResponse]:
    read_committed = request.isolation_level == _READ_COMMITTED and request.replica_id == _CONSUMER
    asked = [(topic.name, partition) for topic in request.topics for partition in topic.partitions]
    times_asked = Counter((name, partition.partition_index) for name, partition in asked)
    answers = [
        resolved(_failed(partition, ErrorCode.INVALID_REQUEST))
        if times_asked[name, partition.partition_index] > 1
        else _look_up(context, name, partition, read_committed=read_committed)
        for name, partition in asked
    ]
    return gather(answers).then(partial(_response, request))


def _response(request: ListOffsetsRequest, answers: list[_Answered]) -> ListOffsetsResponse:
    remaining = iter(answers)
    return ListOffsetsResponse(
        topics=[
            ListOffsetsResponse.ListOffsetsTopicResponse(
                name=topic.name, partitions=[next(remaining) for _ in topic.partitions]
            )
            for topic in request.topics
        ]
    )


def _look_up(
    context: RequestContext, topic: str, asked: _Asked, *, read_committed: bool
) -> Deferred[_Answered]:
    try:
        return _find(context, topic, asked, read_committed=read_committed)
    except KafkaError as error:
        return resolved(_failed(asked, error.code))


def _find(
    context: RequestContext, topic: str, asked: _Asked, *, read_committed: bool
) -> Deferred[_Answered]:
    timestamp_ms = asked.timestamp
    if timestamp_ms < 0 and context.api_version < _FIRST_VERSION.get(timestamp_ms, 2**15):
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION)
    replica = context.broker.replicas.get(topic, asked.partition_index)
    replica.check_leader(asked.current_leader_epoch)
    if timestamp_ms == _LATEST:
        offset = replica.last_stable_offset if read_committed else replica.high_watermark
        return resolved(_found(asked, -1, offset, replica.leader_epoch))
    if timestamp_ms in (_EARLIEST, _EARLIEST_LOCAL):
        log = replica.log
        offset = log.log_start_offset if timestamp_ms == _EARLIEST else log.local_log_start_offset
        return resolved(_found(asked, -1, offset, log.epoch_for_offset(offset)))
    if timestamp_ms in (_LATEST_TIERED, _EARLIEST_PENDING_UPLOAD):
        return resolved(_found(asked, -1, -1, -1))
    return _by_timestamp(context, replica, asked, read_committed=read_committed)


def _by_timestamp(
    context: RequestContext, replica: Replica, asked: _Asked, *, read_committed: bool
) -> Deferred[_Answered]:
    bound = replica.last_stable_offset if read_committed else replica.high_watermark
    log = replica.log
    lookup = (
        log.max_timestamp_lookup()
        if asked.timestamp == _MAX_TIMESTAMP
        else log.timestamp_lookup(asked.timestamp)
    )

    def answer(found: TimestampAndOffset | None) -> _Answered:
        if found is None or found.offset >= bound:
            return _found(asked, -1, -1, -1)
        return _found(asked, found.timestamp_ms, found.offset, found.leader_epoch)

    return context.broker.blocking.submit(lookup.run).then(answer)


def _found(asked: _Asked, timestamp_ms: int, offset: int, leader_epoch: int) -> _Answered:
    return _Answered(
        partition_index=asked.partition_index,
        timestamp=timestamp_ms,
        offset=offset,
        leader_epoch=leader_epoch,
    )


def _failed(asked: _Asked, code: ErrorCode) -> _Answered:
    return _Answered(partition_index=asked.partition_index, error_code=code)
