"""A share group (KIP-932): members share partitions record by record, so one partition may be assigned to many.

Members are told what they have and are in the target assignment at once: nobody has to give anything up first. What a
partition needs before it is assigned is durable state (`state_partitions.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.group import CommitClaim, GroupType
from kafkalite.coordination.group.modern.group import ModernGroup, ModernGroupState
from kafkalite.coordination.group.share import records
from kafkalite.coordination.group.share.member import CurrentAssignment, MemberMetadata, ShareMember
from kafkalite.coordination.group.share.state_partitions import StatePartitions
from kafkalite.coordination.ports import KeyValue
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, MemberId, TopicPartition, Uuid

SHARE_PROTOCOL_TYPE = "share"


class ShareGroup(ModernGroup[ShareMember]):
    """State of one group, changed by its records alone."""

    def __init__(self, group_id: GroupId) -> None:
        super().__init__(group_id)
        self.state_partitions = StatePartitions()

    # -- as a group among others (`Group`) --------------------------------------------------------------------------

    @property
    def type(self) -> GroupType:
        return GroupType.SHARE

    @property
    def protocol_type(self) -> str:
        return SHARE_PROTOCOL_TYPE

    @property
    def state(self) -> ModernGroupState:
        """A share group has no states between these two."""
        return ModernGroupState.STABLE if self.members else ModernGroupState.EMPTY

    def offsets_expire_from_ms(self, commit_timestamp_ms: int, topic: str) -> int | None:
        """Nothing is committed for it; only a log written by others could say so."""
        return None

    def check_commit(
        self,
        claim: CommitClaim,
        epoch: int,
        version: int,
        partitions: Iterable[tuple[TopicPartition, Uuid]],
        *,
        transactional: bool = False,
    ) -> None:
        raise KafkaError(
            ErrorCode.GROUP_ID_NOT_FOUND, f"The group {self.group_id} is not a consumer group."
        )

    def check_fetch(self, member_id: str | None, member_epoch: int) -> None:
        """Anybody may: nothing is committed."""

    def tombstones(self) -> list[KeyValue]:
        group_id = self.group_id
        return [
            *(records.current_tombstone(group_id, each) for each in self.members),
            *(records.target_tombstone(group_id, each) for each in self.members),
            records.target_epoch_tombstone(group_id),
            *(records.member_metadata_tombstone(group_id, each) for each in self.members),
            records.state_partitions_tombstone(group_id),
            records.group_epoch_tombstone(group_id),
        ]

    # -- questions --------------------------------------------------------------------------------------------------

    @property
    def misses_initialized_partitions(self) -> bool:
        """Has state been initialised for subscribed partitions that the target assignment does not know of?"""
        initialized = self.state_partitions.initialized
        if not self.members or not initialized:
            return False
        subscribed = self.subscribed_topics()
        shared: dict[Uuid, set[int]] = {}
        for target in self.targets.values():
            for topic_id, numbers in target.items():
                shared.setdefault(topic_id, set()).update(numbers)
        return any(
            topic.name in subscribed and shared.get(topic_id, set()) ^ topic.numbers
            for topic_id, topic in initialized.items()
        )

    # -- records ----------------------------------------------------------------------------------------------------

    def put_metadata(self, member_id: MemberId, metadata: MemberMetadata | None) -> None:
        """None: the member has left."""
        if metadata is None:
            self.members.pop(member_id, None)
        else:
            member = self.members.get(member_id, ShareMember(member_id))
            self.members[member_id] = member._replace(metadata=metadata)

    def put_current(self, member_id: MemberId, current: CurrentAssignment | None) -> None:
        """None: the member has nothing any more."""
        member = self.members.get(member_id)
        if member is None and current is None:
            return
        member = member or ShareMember(member_id)
        self.members[member_id] = member._replace(current=current or CurrentAssignment())
