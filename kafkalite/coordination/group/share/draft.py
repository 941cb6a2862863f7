"""One step of a share group in the making: records, and the group as it will be once they are in the log.

As the draft of a consumer group: the copy is made with the first record, so that a heartbeat that changes nothing
copies nothing.
"""

from __future__ import annotations

from kafkalite.coordination.group.modern.partitions import Partitions
from kafkalite.coordination.group.share import records
from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.coordination.group.share.member import CurrentAssignment, MemberMetadata
from kafkalite.coordination.group.share.state_partitions import StatePartitions
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, MemberId


class Draft:
    """`records` are to be written; `group` is what they will make of it."""

    def __init__(self, group: ShareGroup) -> None:
        self.before = group
        self.group = group
        """Not to be changed but by the methods here."""
        self.records: list[KeyValue] = []

    @property
    def group_id(self) -> GroupId:
        return self.before.group_id

    def put_epoch(self, epoch: int, metadata_hash: int) -> None:
        self._write(records.group_epoch(self.group_id, epoch, metadata_hash))
        self.group.put_epoch(epoch, metadata_hash)

    def put_metadata(self, member_id: MemberId, metadata: MemberMetadata) -> None:
        self._write(records.member(self.group_id, member_id, metadata))
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

    def put_state_partitions(self, state: StatePartitions) -> None:
        if state != self.group.state_partitions:
            self._write(records.state_partitions(self.group_id, state))
            self.group.state_partitions = state

    def remove_member(self, member_id: MemberId) -> None:
        self._write(
            records.current_tombstone(self.group_id, member_id),
            records.target_tombstone(self.group_id, member_id),
            records.member_tombstone(self.group_id, member_id),
        )
        self.group.put_current(member_id, None)
        self.group.put_target(member_id, None)
        self.group.put_metadata(member_id, None)

    def _write(self, *written: KeyValue) -> None:
        if self.group is self.before:
            self.group = self.before.copy()
        self.records += written
