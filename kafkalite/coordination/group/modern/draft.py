"""One step of a consumer or share group in the making: records, and the group as it will be once they are in the log.

What a step decides on depends on what it has decided on before (a replaced member, a new epoch), but the group itself
changes only by its records. So each record is taken at once into a copy, which is made with the first of them: the
heartbeat that changes nothing, which is nearly every one, copies nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

from kafkalite.coordination.group.modern.group import ModernGroup
from kafkalite.coordination.group.modern.partitions import Partitions
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, MemberId


class ModernRecords(Protocol):
    """The records that both types have, with schemas of their own: their `records` modules."""

    def group_epoch(self, group_id: GroupId, epoch: int, metadata_hash: int) -> KeyValue: ...
    def target_epoch(self, group_id: GroupId, epoch: int, timestamp_ms: int) -> KeyValue: ...
    def target(
        self, group_id: GroupId, member_id: MemberId, partitions: Partitions
    ) -> KeyValue: ...
    def current_tombstone(self, group_id: GroupId, member_id: MemberId) -> KeyValue: ...
    def target_tombstone(self, group_id: GroupId, member_id: MemberId) -> KeyValue: ...
    def member_metadata_tombstone(self, group_id: GroupId, member_id: MemberId) -> KeyValue: ...


G = TypeVar("G", bound=ModernGroup[Any])


class ModernDraft(Generic[G]):
    """`records` are to be written; `group` is what they will make of it."""

    def __init__(
        self, group: G, kinds: ModernRecords, records_before: Iterable[KeyValue] = ()
    ) -> None:
        """`records_before` make the group what it is, if it is not in the log yet."""
        self.before = group
        self.group = group
        """Not to be changed but by the methods here."""
        self.records: list[KeyValue] = list(records_before)
        self._kinds = kinds

    @property
    def group_id(self) -> GroupId:
        return self.before.group_id

    def put_epoch(self, epoch: int, metadata_hash: int) -> None:
        self._write(self._kinds.group_epoch(self.group_id, epoch, metadata_hash))
        self.group.put_epoch(epoch, metadata_hash)

    def put_assignment_epoch(self, epoch: int, timestamp_ms: int) -> None:
        self._write(self._kinds.target_epoch(self.group_id, epoch, timestamp_ms))
        self.group.put_assignment_epoch(epoch, timestamp_ms)

    def put_target(self, member_id: MemberId, target: Partitions) -> None:
        self._write(self._kinds.target(self.group_id, member_id, target))
        self.group.put_target(member_id, target)

    def remove_member(self, member_id: MemberId) -> None:
        self._write(
            self._kinds.current_tombstone(self.group_id, member_id),
            self._kinds.target_tombstone(self.group_id, member_id),
            self._kinds.member_metadata_tombstone(self.group_id, member_id),
        )
        self.group.remove_member(member_id)

    def _write(self, *written: KeyValue) -> None:
        if self.group is self.before:
            self.group = self.before.copy()
        self.records += written
