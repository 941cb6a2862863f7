"""One step of a share group in the making."""

from __future__ import annotations

from kafkalite.coordination.group.modern.draft import ModernDraft
from kafkalite.coordination.group.share import records
from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.coordination.group.share.member import CurrentAssignment, MemberMetadata
from kafkalite.coordination.group.share.state_partitions import StatePartitions
from kafkalite.types import MemberId


class Draft(ModernDraft[ShareGroup]):
    """See `ModernDraft`."""

    def __init__(self, group: ShareGroup) -> None:
        super().__init__(group, records)

    def put_metadata(self, member_id: MemberId, metadata: MemberMetadata) -> None:
        self._write(records.member_metadata(self.group_id, member_id, metadata))
        self.group.put_metadata(member_id, metadata)

    def put_current(self, member_id: MemberId, current: CurrentAssignment) -> None:
        self._write(records.current(self.group_id, member_id, current))
        self.group.put_current(member_id, current)

    def put_state_partitions(self, state: StatePartitions) -> None:
        if state != self.group.state_partitions:
            self._write(records.state_partitions(self.group_id, state))
            self.group.state_partitions = state
