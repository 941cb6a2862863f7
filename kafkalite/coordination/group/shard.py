"""The state of one partition of `__consumer_offsets`: groups and committed offsets, as its log tells them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator

from kafkalite_protocol.errors import ProtocolError

from kafkalite.coordination.group.classic_group import ClassicGroup
from kafkalite.coordination.group.records import (
    CommittedOffset,
    GroupRecord,
    group_from_record,
    read_record,
)
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, TopicPartition

_log = logging.getLogger(__name__)


class OffsetStore:
    """Committed offsets by group. An entry exists exactly while the log holds a value for it."""

    def __init__(self) -> None:
        self._by_group: dict[GroupId, dict[TopicPartition, CommittedOffset]] = {}

    def __contains__(self, group_id: GroupId) -> bool:
        return group_id in self._by_group

    def group_ids(self) -> Collection[GroupId]:
        return self._by_group.keys()

    def of_group(self, group_id: GroupId) -> dict[TopicPartition, CommittedOffset]:
        """What the group has committed, in the order of the first commits; not to be changed."""
        return self._by_group.get(group_id, {})

    def put(self, group_id: GroupId, tp: TopicPartition, committed: CommittedOffset) -> None:
        self._by_group.setdefault(group_id, {})[tp] = committed

    def remove(self, group_id: GroupId, tp: TopicPartition) -> None:
        offsets = self._by_group.get(group_id)
        if offsets is None:
            return
        offsets.pop(tp, None)
        if not offsets:
            del self._by_group[group_id]

    def of_topics(self, topics: Collection[str]) -> Iterator[tuple[GroupId, TopicPartition]]:
        """Every committed offset for partitions of these topics."""
        for group_id, offsets in self._by_group.items():
            for tp in offsets:
                if tp.topic in topics:
                    yield group_id, tp


class GroupShard:
    """Groups and offsets whose ids hash to one partition."""

    def __init__(self) -> None:
        self.groups: dict[GroupId, ClassicGroup] = {}
        self.offsets = OffsetStore()

    def find(self, group_id: GroupId) -> ClassicGroup | None:
        """The group, or an empty one where there are only offsets of a client that uses no group management."""
        group = self.groups.get(group_id)
        if group is None and group_id in self.offsets:
            return ClassicGroup(group_id)
        return group

    def replay_all(self, records: Iterable[KeyValue]) -> None:
        """Take in a whole log. A record that cannot be read is left out with a warning: one bad record must not keep
        all groups of the partition from being served."""
        for key, value in records:
            try:
                self.replay(key, value)
            except ProtocolError as error:
                _log.warning(
                    "a record of __consumer_offsets cannot be read and is left out: %s", error
                )

    def replay(self, key: bytes, value: bytes | None) -> None:
        """Take in one record. ProtocolError when it is damaged."""
        record = read_record(key, value)
        if record is None:
            _log.debug("a record of a newer group protocol is left alone")
        elif isinstance(record, GroupRecord):
            if record.value is None:
                self.groups.pop(record.group_id, None)
            else:
                self.groups[record.group_id] = group_from_record(record.group_id, record.value)
        elif record.committed is None:
            self.offsets.remove(record.group_id, record.partition)
        else:
            self.offsets.put(record.group_id, record.partition, record.committed)
