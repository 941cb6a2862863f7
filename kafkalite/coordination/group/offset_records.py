"""Committed offsets as records of `__consumer_offsets`: key type 1 (group, topic, partition), value v4, flexible.

Types 0 and 1 have the same key; 0 is what Kafka before 0.9 wrote. Reading takes every value version there has been.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from kafkalite_protocol.messages.offset_commit_key import OffsetCommitKey
from kafkalite_protocol.messages.offset_commit_value import OffsetCommitValue

from kafkalite.coordination.group.record_bytes import (
    decode_key,
    decode_value,
    encode_record,
    tombstone_of,
)
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import (
    NO_TIMESTAMP,
    UNKNOWN_LEADER_EPOCH,
    ZERO_UUID,
    GroupId,
    LeaderEpoch,
    Offset,
    TopicPartition,
    Uuid,
)

_LEGACY_OFFSET_COMMIT_KEY: Final = 0
OFFSET_COMMIT_KEYS: Final = (_LEGACY_OFFSET_COMMIT_KEY, OffsetCommitKey.RECORD_KEY)

_VALUE_VERSION: Final = 4

TOMBSTONES_PER_BATCH_MAX: Final = 1_000
"""Keeps a batch of tombstones far below message.max.bytes, whatever the length of the names."""


class CommittedOffset(NamedTuple):
    """What a group has committed for one partition."""

    offset: Offset
    """The next offset the group will read."""
    leader_epoch: LeaderEpoch
    metadata: str
    """The client's own note; empty when it sent none."""
    commit_timestamp_ms: int
    topic_id: Uuid = ZERO_UUID
    """The topic that had the name when it was committed; zero in records of Kafka before 4.1."""
    expire_timestamp_ms: int = NO_TIMESTAMP
    """When it expires, where the client said so: only value v1 has it. Otherwise offsets.retention.minutes counts."""


class OffsetRecord(NamedTuple):
    group_id: GroupId
    partition: TopicPartition
    committed: CommittedOffset | None
    """None: a tombstone."""


def offset_commit(group_id: GroupId, tp: TopicPartition, committed: CommittedOffset) -> KeyValue:
    value = OffsetCommitValue(
        offset=committed.offset,
        leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
        commit_timestamp=committed.commit_timestamp_ms,
        topic_id=committed.topic_id,
    )
    return encode_record(_offset_key(group_id, tp), value, _VALUE_VERSION)


def offset_tombstone(group_id: GroupId, tp: TopicPartition) -> KeyValue:
    return tombstone_of(_offset_key(group_id, tp))


def read_offset_record(key: bytes, value: bytes | None) -> OffsetRecord:
    """What a record of one of `OFFSET_COMMIT_KEYS` says. ProtocolError when it is damaged."""
    offset_key = decode_key(OffsetCommitKey, key)
    tp = TopicPartition(offset_key.topic, offset_key.partition)
    committed = None if value is None else _read_value(value)
    return OffsetRecord(GroupId(offset_key.group), tp, committed)


def _read_value(value: bytes) -> CommittedOffset:
    read = decode_value(OffsetCommitValue, value)
    return CommittedOffset(
        Offset(read.offset),
        LeaderEpoch(read.leader_epoch) if read.leader_epoch >= 0 else UNKNOWN_LEADER_EPOCH,
        read.metadata,
        read.commit_timestamp,
        Uuid(read.topic_id),
        read.expire_timestamp,
    )


def _offset_key(group_id: GroupId, tp: TopicPartition) -> OffsetCommitKey:
    return OffsetCommitKey(group=group_id, topic=tp.topic, partition=tp.partition)
