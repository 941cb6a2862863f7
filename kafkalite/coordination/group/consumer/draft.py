"""One step of a consumer group in the making: records, and the group as it will be once they are in the log.

What a step decides on depends on what it has decided on before (a replaced member, a new epoch), but the group itself
changes only by its records. So each record is taken at once into a copy, which is made with the first of them: the
heartbeat that changes nothing, which is nearly every one, copies nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from kafkalite.coordination.group.consumer import records
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.member import CurrentAssignment, MemberMetadata
from kafkalite.coordination.group.consumer.records import ResolvedRegex
from kafkalite.coordination.group.modern.partitions import Partitions
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, MemberId


class Draft:
    """`records` are to be written; `group` is what they will make of it."""

    def __init__(self, group: ConsumerGroup, records_before: Iterable[KeyValue] = ()) -> None:
        """`records_before` make the group what it is, if it is not in the log yet."""
        self.before = group
        self.group = group
        """Not to be changed but by the methods here."""
        self.records: list[KeyValue] = list(records_before)
        self.has_ended = False
        """The group becomes one of another type."""

    @property
    def group_id(self) -> GroupId:
        return self.before.group_id

    def put_epoch(self, epoch: int, metadata_hash: int) -> None:
        self._write(records.group_epoch(self.group_id, epoch, metadata_hash))
        self.group.put_epoch(epoch, metadata_hash)

    def put_metadata(self, member_id: MemberId, metadata: MemberMetadata) -> None:
        self._write(records.member_metadata(self.group_id, member_id, metadata))
        self.group.put_metadata(member_id, metadata)

    def put_assignment_epoch(self, epoch: int, timestamp_ms: int) -> None:
        self._write(records.target_epoch(self.group_id, epoch, timestamp_ms))
        self.group.put_assignment_epoch(epoch, timestamp_ms)

    def put_target(self, member_id: MemberId, target: Partitions) -> None:
        self._write(records.target(self.group_id, member_id, target))
        self.group.put_target(member_id, target)

    def put_current(self, member_id: MemberId, current: CurrentAssignment) -> None:
        self._write(records.current(self.group_id, member_id, current))
        self.group.put_current(member_id, current)

    def put_regex(self, expression: str, resolved: ResolvedRegex) -> None:
        self._write(records.regex(self.group_id, expression, resolved))
        self.group.put_regex(expression, resolved)

    def remove_regex(self, expression: str) -> None:
        self._write(records.regex_tombstone(self.group_id, expression))
        self.group.put_regex(expression, None)

    def remove_legacy_metadata(self) -> None:
        self._write(records.legacy_metadata_tombstone(self.group_id))
        self.group.has_legacy_metadata = False

    def remove_member(self, member_id: MemberId) -> None:
        self._write(
            records.current_tombstone(self.group_id, member_id),
            records.target_tombstone(self.group_id, member_id),
            records.member_metadata_tombstone(self.group_id, member_id),
        )
        self.group.put_current(member_id, None)
        self.group.put_target(member_id, None)
        self.group.put_metadata(member_id, None)

    def end(self, successor: KeyValue) -> None:
        """The group goes, and what `successor` makes comes in its place. Nothing follows."""
        self.records += [*self.group.tombstones(), successor]
        self.has_ended = True

    def _write(self, *written: KeyValue) -> None:
        assert not self.has_ended
        if self.group is self.before:
            self.group = self.before.copy()
        self.records += written
