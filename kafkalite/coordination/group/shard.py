"""The state of one partition of `__consumer_offsets`: groups and committed offsets, as its log tells them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping

from kafkalite_protocol.errors import ProtocolError

from kafkalite.coordination.group.classic import records as classic_records
from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.consumer import replay as consumer_replay
from kafkalite.coordination.group.group import Group, Groups, Replay
from kafkalite.coordination.group.offset_records import (
    OFFSET_COMMIT_KEYS,
    CommittedOffset,
    read_offset_record,
)
from kafkalite.coordination.group.record_bytes import group_of_key, key_type
from kafkalite.coordination.group.share import replay as share_replay
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, TopicPartition

_log = logging.getLogger(__name__)


def _replay_streams(groups: Groups, key: bytes, value: bytes | None) -> None:
    """Streams groups are rare, and a start that meets none does not load them."""
    from kafkalite.coordination.group.streams.replay import REPLAY

    REPLAY[key_type(key)](groups, key, value)


_REPLAY: Mapping[int, Replay] = {
    **classic_records.REPLAY,
    **consumer_replay.REPLAY,
    **share_replay.REPLAY,
    **dict.fromkeys((17, 19, 20, 21, 22, 23), _replay_streams),
}
"""What takes in a record of each key type; the table of each type of group is beside its records."""


class OffsetStore:
    """Committed offsets by group. An offset is here exactly while the log holds a value for it.

    A client that uses no group management makes its group known by its first commit. The group is forgotten with its
    tombstone, not with its last offset (as in Kafka).
    """

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
        if offsets is not None:
            offsets.pop(tp, None)

    def forget_if_empty(self, group_id: GroupId) -> None:
        if not self._by_group.get(group_id, True):
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
        self.groups: dict[GroupId, Group] = {}
        self.offsets = OffsetStore()

    def find(self, group_id: GroupId) -> Group | None:
        """The group; an empty one where a client that uses no group management has committed."""
        group = self.groups.get(group_id)
        if group is None and group_id in self.offsets:
            return ClassicGroup(group_id)
        return group

    def all_groups(self) -> list[Group]:
        """Every group, also the empty ones of clients that use no group management."""
        simple = [
            ClassicGroup(each) for each in self.offsets.group_ids() if each not in self.groups
        ]
        return [*self.groups.values(), *simple]

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

    def replay_own(self, records: Iterable[KeyValue]) -> None:
        """Take in what was just written."""
        for key, value in records:
            self.replay(key, value)

    def replay(self, key: bytes, value: bytes | None) -> None:
        """Take in one record. ProtocolError when it is damaged."""
        record_type = key_type(key)
        if record_type in OFFSET_COMMIT_KEYS:
            record = read_offset_record(key, value)
            if record.committed is None:
                self.offsets.remove(record.group_id, record.partition)
            else:
                self.offsets.put(record.group_id, record.partition, record.committed)
        elif (replay := _REPLAY.get(record_type)) is not None:
            replay(self.groups, key, value)
            if value is None and (group_id := group_of_key(key)) not in self.groups:
                self.offsets.forget_if_empty(group_id)
        else:
            _log.debug("a record of type %d is left alone", record_type)
