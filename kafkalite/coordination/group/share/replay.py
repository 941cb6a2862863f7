"""Taking a share group's records into its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kafkalite.coordination.group.group import Groups, Replay
from kafkalite.coordination.group.share import records
from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.coordination.group.share.state_partitions import StatePartitions
from kafkalite.types import GroupId


def _group(groups: Groups, group_id: GroupId, *, create: bool) -> ShareGroup | None:
    """The group that a record is of. A value makes it: also one of type 15, since offsets may be set for a group that
    nobody has joined. A tombstone without a group says nothing new."""
    group = groups.get(group_id)
    if isinstance(group, ShareGroup):
        return group
    if not create:
        return None
    group = groups[group_id] = ShareGroup(group_id)
    return group


def _epoch(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id = records.read_group(key)
    read = None if value is None else records.read_group_epoch(value)
    group = _group(groups, group_id, create=value is not None)
    if group is None:
        return
    if read is None:
        del groups[group_id]
    else:
        group.put_epoch(*read)


def _member(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id, member_id = records.read_member_key(key)
    read = None if value is None else records.read_member(value)
    group = _group(groups, group_id, create=value is not None)
    if group is not None:
        group.put_metadata(member_id, read)


def _target_epoch(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id = records.read_group(key)
    read = None if value is None else records.read_target_epoch(value)
    group = _group(groups, group_id, create=value is not None)
    if group is not None and read is not None:
        group.put_assignment_epoch(*read)


def _target(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id, member_id = records.read_member_key(key)
    read = None if value is None else records.read_target(value)
    group = _group(groups, group_id, create=value is not None)
    if group is not None:
        group.put_target(member_id, read)


def _current(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id, member_id = records.read_member_key(key)
    read = None if value is None else records.read_current(value)
    group = _group(groups, group_id, create=value is not None)
    if group is not None:
        group.put_current(member_id, read)


def _state_partitions(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id = records.read_group(key)
    read = None if value is None else records.read_state_partitions(value)
    group = _group(groups, group_id, create=value is not None)
    if group is not None:
        group.state_partitions = read or StatePartitions()


REPLAY: Final[Mapping[int, Replay]] = {
    records.MEMBER: _member,
    records.GROUP_EPOCH: _epoch,
    records.TARGET_EPOCH: _target_epoch,
    records.TARGET: _target,
    records.CURRENT: _current,
    records.STATE_PARTITIONS: _state_partitions,
}
