"""The answer of a ShareFetch, with the records as slices of their files."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.share_fetch import write_share_fetch_response

from kafkalite.broker.dispatch import start_response
from kafkalite.broker.handlers.leader_hint import current_leader, leader_endpoints
from kafkalite.broker.request import Answer, RequestContext
from kafkalite.broker.share.acknowledgements import Outcome
from kafkalite.broker.share.acquisition import Acquired
from kafkalite.broker.share.share_session import TopicIdPartition
from kafkalite.errors import KafkaError
from kafkalite.storage.file_slice import FileSlice
from kafkalite.types import Uuid

_SIZE = struct.Struct(">i")
_CURRENT_LEADER_FIELD = 5
_NO_LEADER_TOLD = (0, 0)
"""Kafka's defaults of a field that is always there."""


class PartitionAnswer(NamedTuple):
    """What a fetch found in one partition."""

    error: KafkaError | None = None
    records: FileSlice | bytes = b""
    acquired: Sequence[Acquired] = ()


_NOTHING = PartitionAnswer()

_Partition = tuple[Any, ...]
"""Fields in the order of ShareFetchResponse.PartitionData."""


class Answers:
    """Encodes what a request is answered."""

    def __init__(self, context: RequestContext, lock_duration_ms: int) -> None:
        self._context = context
        self._lock_duration_ms = lock_duration_ms

    def encode(
        self,
        found: Mapping[TopicIdPartition, PartitionAnswer],
        acknowledged: Mapping[TopicIdPartition, Outcome],
    ) -> Answer:
        """One entry for each partition that gave something or had acknowledgements."""
        topics: dict[Uuid, list[_Partition]] = {}
        for at in dict.fromkeys((*found, *acknowledged)):
            partition = self._partition(at, found.get(at, _NOTHING), acknowledged.get(at))
            topics.setdefault(at[0], []).append(partition)
        return self._encode(ErrorCode.NONE, self._lock_duration_ms, topics)

    def refuse(self, code: ErrorCode) -> Answer:
        """The whole request is refused."""
        return self._encode(code, 0, {})

    def _partition(
        self, at: TopicIdPartition, found: PartitionAnswer, refused: Outcome
    ) -> _Partition:
        topic_id, index = at
        code = found.error.code if found.error is not None else ErrorCode.NONE
        leader = current_leader(self._context, "", topic_id, index, code)
        return (
            index,
            code,
            found.error.message if found.error is not None else None,
            refused.code if refused is not None else ErrorCode.NONE,
            refused.message if refused is not None else None,
            leader or _NO_LEADER_TOLD,
            found.records,
            found.acquired,
        )

    def _encode(
        self, code: ErrorCode, lock_duration_ms: int, topics: dict[Uuid, list[_Partition]]
    ) -> Answer:
        context = self._context
        told = [
            ("", topic_id, [each for each in partitions if each[_CURRENT_LEADER_FIELD][1]])
            for topic_id, partitions in topics.items()
        ]
        head = start_response(ApiKey.SHARE_FETCH, context.api_version, context.correlation_id)
        parts: list[Any] = [head]
        answer: Any = (
            0,
            code,
            None,
            lock_duration_ms,
            list(topics.items()),
            leader_endpoints(context, told, _CURRENT_LEADER_FIELD),
        )
        write_share_fetch_response(context.api_version, answer, parts)
        _SIZE.pack_into(head, 0, sum(map(len, parts)) - 4)
        return parts
