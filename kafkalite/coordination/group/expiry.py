"""Which committed offsets, and which groups, have outlived offsets.retention.minutes (KIP-211).

The time runs from when nobody reads any more: from when the group became empty, or, for a topic that a group with
members has stopped reading and for offsets of clients without group management, from the commit. An offset that was
committed with an expiry of its own (value v1, by clients of the old days) goes then. An empty group without offsets
goes at once. While a transaction is open that commits offsets for it, a partition's offset stays, and so does the group.
"""

from __future__ import annotations

from kafkalite.coordination.group import offset_records
from kafkalite.coordination.group.group import Group, GroupType
from kafkalite.coordination.group.offset_records import CommittedOffset
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.ports import KeyValue


def tombstones_due(
    shard: GroupShard, group: Group, now_ms: int, retention_ms: int
) -> list[KeyValue]:
    """The tombstones of the group's expired offsets, and of the group itself when nothing is left of it.

    A share group stays until it is deleted: its offsets are not these.
    """
    offsets = shard.offsets.of_group(group.group_id)
    pending = shard.offsets.pending_of_group(group.group_id)
    expired = [
        offset_records.offset_tombstone(group.group_id, tp)
        for tp, committed in offsets.items()
        if tp not in pending and _is_expired(group, tp.topic, committed, now_ms, retention_ms)
    ]
    may_go = group.is_empty and not pending and group.type is not GroupType.SHARE
    if len(expired) == len(offsets) and may_go:
        return [*expired, *group.tombstones()]
    return expired


def _is_expired(
    group: Group, topic: str, committed: CommittedOffset, now_ms: int, retention_ms: int
) -> bool:
    from_ms = group.offsets_expire_from_ms(committed.commit_timestamp_ms, topic)
    if from_ms is None:
        return False
    if committed.expire_timestamp_ms >= 0:
        return now_ms >= committed.expire_timestamp_ms
    return now_ms - from_ms >= retention_ms
