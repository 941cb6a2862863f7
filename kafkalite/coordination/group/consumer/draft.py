"""One step of a consumer group in the making."""

from __future__ import annotations

from collections.abc import Iterable

from kafkalite.coordination.group.consumer import records
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.member import CurrentAssignment, MemberMetadata
from kafkalite.coordination.group.consumer.records import ResolvedRegex
from kafkalite.coordination.group.modern.draft import ModernDraft
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import MemberId


class Draft(ModernDraft[ConsumerGroup]):
    """See `ModernDraft`."""

    def __init__(self, group: ConsumerGroup, records_before: Iterable[KeyValue] = ()) -> None:
        super().__init__(group, records, records_before)
        self.has_ended = False
        """The group becomes one of another type."""

    def put_metadata(self, member_id: MemberId, metadata: MemberMetadata) -> None:
        self._write(records.member_metadata(self.group_id, member_id, metadata))
        self.group.put_metadata(member_id, metadata)

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

    def end(self, successor: KeyValue) -> None:
        """The group goes, and what `successor` makes comes in its place. Nothing follows."""
        self.records += [*self.group.tombstones(), successor]
        self.has_ended = True

    def _write(self, *written: KeyValue) -> None:
        assert not self.has_ended
        super()._write(*written)
