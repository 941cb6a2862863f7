"""Taking a consumer group's records into its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kafkalite.coordination.group.consumer import records
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.group import Groups, Replay
from kafkalite.types import GroupId


def _group(groups: Groups, group_id: GroupId, *, create: bool) -> ConsumerGroup | None:
    """The group that a record is of. A value makes it, also in the place of a group of another type: the tombstones of
    that one come in the same batch, or it had no members. A tombstone without a group, or of a group that another type
    has followed, says nothing new."""
    group = groups.get(group_id)
    if isinstance(group, ConsumerGroup):
        return group
    if not create:
        return None
    group = groups[group_id] = ConsumerGroup(group_id)
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


def _legacy_metadata(groups: Groups, key: bytes, value: bytes | None) -> None:
    """Of a Kafka before 4.1. What it says is in the metadata image; remembered is only that it has to go."""
    group = _group(groups, records.read_group(key), create=value is not None)
    if group is not None:
        group.has_legacy_metadata = value is not None


def _member(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id, member_id = records.read_member(key)
    read = None if value is None else records.read_member_metadata(value)
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
    group_id, member_id = records.read_member(key)
    read = None if value is None else records.read_target(value)
    group = _group(groups, group_id, create=value is not None)
    if group is not None:
        group.put_target(member_id, read)


def _current(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id, member_id = records.read_member(key)
    read = None if value is None else records.read_current(value)
    group = _group(groups, group_id, create=value is not None)
    if group is not None:
        group.put_current(member_id, read)


def _regex(groups: Groups, key: bytes, value: bytes | None) -> None:
    group_id, expression = records.read_regex_key(key)
    read = None if value is None else records.read_regex(value)
    group = _group(groups, group_id, create=value is not None)
    if group is not None:
        group.put_regex(expression, read)


REPLAY: Final[Mapping[int, Replay]] = {
    records.GROUP_EPOCH: _epoch,
    records.LEGACY_METADATA: _legacy_metadata,
    records.MEMBER: _member,
    records.TARGET_EPOCH: _target_epoch,
    records.TARGET: _target,
    records.CURRENT: _current,
    records.REGEX: _regex,
}
