"""The state of one partition of `__consumer_offsets`: groups and committed offsets, as its log tells them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from importlib import import_module

from kafkalite_protocol.errors import ProtocolError

from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.group import Group, Replay
from kafkalite.coordination.group.offset_records import (
    OFFSET_COMMIT_KEYS,
    read_offset_record,
)
from kafkalite.coordination.group.offset_store import OffsetStore
from kafkalite.coordination.group.record_bytes import group_of_key, key_type
from kafkalite.coordination.ports import (
    KeyValue,
    LogEntry,
    TransactionalRecord,
    TransactionEnd,
)
from kafkalite.types import GroupId, ProducerId

_log = logging.getLogger(__name__)


_REPLAYED_IN: Mapping[int, str] = {
    2: "classic.records",
    **dict.fromkeys((3, 4, 5, 6, 7, 8, 16), "consumer.replay"),
    **dict.fromkeys((10, 11, 12, 13, 14, 15), "share.replay"),
    **dict.fromkeys((17, 19, 20, 21, 22, 23), "streams.replay"),
}
"""Which module takes in records of a key type, by its `REPLAY`; loaded when the log has the first of them."""


def _replay_of(record_type: int) -> Replay | None:
    """None for a type that nobody here knows."""
    module = _REPLAYED_IN.get(record_type)
    if module is None:
        return None
    replays: Mapping[int, Replay] = import_module(f"kafkalite.coordination.group.{module}").REPLAY
    return replays[record_type]


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

    def replay_all(self, log: Iterable[LogEntry]) -> None:
        """Take in a whole log. A record that cannot be read is left out with a warning: one bad record must not keep
        all groups of the partition from being served."""
        for entry in log:
            try:
                self._replay_entry(entry)
            except ProtocolError as error:
                _log.warning(
                    "a record of __consumer_offsets cannot be read and is left out: %s", error
                )

    def _replay_entry(self, entry: LogEntry) -> None:
        if isinstance(entry, TransactionEnd):
            self.end_transaction(entry)
        elif isinstance(entry, TransactionalRecord):
            self.replay_transactional(entry)
        else:
            self.replay(*entry)

    def end_transaction(self, end: TransactionEnd) -> None:
        self.offsets.end_transaction(end.producer_id, committed=end.committed)

    def replay_own(self, records: Iterable[KeyValue]) -> None:
        """Take in what was just written."""
        for key, value in records:
            self.replay(key, value)

    def replay_transactional(self, record: TransactionalRecord) -> None:
        """Take in a record that waits for the end of a transaction: only offsets do. ProtocolError when it is damaged."""
        if key_type(record.key) in OFFSET_COMMIT_KEYS:
            self._replay_offset(record.key, record.value, record.producer_id)
        else:
            self.replay(record.key, record.value)

    def _replay_offset(
        self, key: bytes, value: bytes | None, producer_id: ProducerId | None = None
    ) -> None:
        group_id, tp, committed = read_offset_record(key, value)
        if committed is None:
            self.offsets.remove(group_id, tp)
        elif producer_id is None:
            self.offsets.put(group_id, tp, committed)
        else:
            self.offsets.put_pending(producer_id, group_id, tp, committed)

    def replay(self, key: bytes, value: bytes | None) -> None:
        """Take in one record. ProtocolError when it is damaged."""
        record_type = key_type(key)
        if record_type in OFFSET_COMMIT_KEYS:
            self._replay_offset(key, value)
        elif (replay := _replay_of(record_type)) is not None:
            replay(self.groups, key, value)
            if value is None and (group_id := group_of_key(key)) not in self.groups:
                self.offsets.forget_if_empty(group_id)
        else:
            _log.debug("a record of type %d is left alone", record_type)
