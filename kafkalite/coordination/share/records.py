"""Records of `__share_group_state`, Kafka's schemas: a snapshot holds one share partition's whole state, an update what changed.

    key     | int16 0 | ShareSnapshotKey: group id, topic id, partition |      value  | int16 0 | ShareSnapshotValue |
    key     | int16 1 | ShareUpdateKey:   the same                      |      value  | int16 0 | ShareUpdateValue   |

A snapshot makes all records before it redundant; a tombstone of the snapshot key ends the state.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from kafkalite_protocol.messages.share_snapshot_key import ShareSnapshotKey
from kafkalite_protocol.messages.share_snapshot_value import ShareSnapshotValue
from kafkalite_protocol.messages.share_update_key import ShareUpdateKey
from kafkalite_protocol.messages.share_update_value import ShareUpdateValue

from kafkalite.coordination.group.record_bytes import (
    decode_key,
    decode_value,
    encode_record,
    key_type,
    tombstone_of,
)
from kafkalite.coordination.ports import KeyValue
from kafkalite.coordination.share.persister import StateBatch
from kafkalite.storage.metadata_files import format_uuid, parse_uuid
from kafkalite.types import GroupId, LeaderEpoch, Offset, Uuid

_PARTITION = re.compile(r"[+-]?[0-9]{1,10}")
_PARTITION_MAX = 2**31 - 1


class SharePartitionKey(NamedTuple):
    """One partition as one group shares it."""

    group_id: GroupId
    topic_id: Uuid
    partition: int

    def __str__(self) -> str:
        """`group:topic id:partition`: what clients ask FindCoordinator for, and what is hashed to a partition of the topic."""
        return f"{self.group_id}:{format_uuid(self.topic_id)}:{self.partition}"


def parse_key(text: str) -> SharePartitionKey:
    """The reverse of `str`; a group's name may have colons of its own. Raises ValueError."""
    group_id, topic_id, partition = text.rsplit(":", 2)
    if not group_id or not _PARTITION.fullmatch(partition) or int(partition) > _PARTITION_MAX:
        raise ValueError(f"{text!r} is not group:topic id:partition")
    return SharePartitionKey(GroupId(group_id), parse_uuid(topic_id), int(partition))


class ShareState(NamedTuple):
    """The durable state of one share partition."""

    snapshot_epoch: int
    """Number of the snapshot that this state builds on."""
    state_epoch: int
    leader_epoch: LeaderEpoch
    start_offset: Offset
    delivery_complete_count: int
    created_ms: int
    written_ms: int
    batches: Sequence[StateBatch] = ()


class Snapshot(NamedTuple):
    key: SharePartitionKey
    state: ShareState | None
    """None: a tombstone."""


class Update(NamedTuple):
    """What changed since the last record; -1 in a field leaves it as it was."""

    key: SharePartitionKey
    snapshot_epoch: int
    leader_epoch: LeaderEpoch
    start_offset: Offset
    delivery_complete_count: int
    batches: Sequence[StateBatch]


def encode(record: Snapshot | Update) -> KeyValue:
    """A record's key and value as they are in the log."""
    key = record.key
    if isinstance(record, Update):
        update_key = ShareUpdateKey(
            group_id=key.group_id, topic_id=key.topic_id, partition=key.partition
        )
        update = ShareUpdateValue(
            snapshot_epoch=record.snapshot_epoch,
            leader_epoch=record.leader_epoch,
            start_offset=record.start_offset,
            delivery_complete_count=record.delivery_complete_count,
            state_batches=_batches_of(ShareUpdateValue.StateBatch, record.batches),
        )
        return encode_record(update_key, update)
    snapshot_key = ShareSnapshotKey(
        group_id=key.group_id, topic_id=key.topic_id, partition=key.partition
    )
    if record.state is None:
        return tombstone_of(snapshot_key)
    state = record.state
    snapshot = ShareSnapshotValue(
        snapshot_epoch=state.snapshot_epoch,
        state_epoch=state.state_epoch,
        leader_epoch=state.leader_epoch,
        start_offset=state.start_offset,
        delivery_complete_count=state.delivery_complete_count,
        create_timestamp=state.created_ms,
        write_timestamp=state.written_ms,
        state_batches=_batches_of(ShareSnapshotValue.StateBatch, state.batches),
    )
    return encode_record(snapshot_key, snapshot)


def decode(key: bytes, value: bytes | None) -> Snapshot | Update | None:
    """What a record says; None for a type that is not known, and for an update without a value. ProtocolError when damaged."""
    kind = key_type(key)
    if kind == ShareSnapshotKey.RECORD_KEY:
        share_key = _key_of(decode_key(ShareSnapshotKey, key))
        if value is None:
            return Snapshot(share_key, None)
        return Snapshot(share_key, _state_of(decode_value(ShareSnapshotValue, value)))
    if kind == ShareUpdateKey.RECORD_KEY and value is not None:
        update = decode_value(ShareUpdateValue, value)
        return Update(
            _key_of(decode_key(ShareUpdateKey, key)),
            update.snapshot_epoch,
            LeaderEpoch(update.leader_epoch),
            Offset(update.start_offset),
            update.delivery_complete_count,
            _read_batches(update.state_batches),
        )
    return None


def _state_of(value: ShareSnapshotValue) -> ShareState:
    return ShareState(
        snapshot_epoch=value.snapshot_epoch,
        state_epoch=value.state_epoch,
        leader_epoch=LeaderEpoch(value.leader_epoch),
        start_offset=Offset(value.start_offset),
        delivery_complete_count=value.delivery_complete_count,
        created_ms=value.create_timestamp,
        written_ms=value.write_timestamp,
        batches=_read_batches(value.state_batches),
    )


def _key_of(key: ShareSnapshotKey | ShareUpdateKey) -> SharePartitionKey:
    return SharePartitionKey(GroupId(key.group_id), Uuid(key.topic_id), key.partition)


B = TypeVar("B", ShareSnapshotValue.StateBatch, ShareUpdateValue.StateBatch)


def _batches_of(kind: type[B], batches: Sequence[StateBatch]) -> list[B]:
    return [kind(*batch) for batch in batches]


def _read_batches(
    batches: Sequence[ShareSnapshotValue.StateBatch | ShareUpdateValue.StateBatch],
) -> list[StateBatch]:
    return [
        StateBatch(
            Offset(each.first_offset),
            Offset(each.last_offset),
            each.delivery_state,
            each.delivery_count,
        )
        for each in batches
    ]
