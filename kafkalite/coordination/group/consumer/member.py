"""One member of a consumer group: what it said about itself, and how far it has got with its assignment.

Both are values, replaced as a whole by their records: `MemberMetadata` by type 5, `CurrentAssignment` by type 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from kafkalite.coordination.group.classic.member import Protocol
from kafkalite.coordination.group.modern.group import LEAVE_EPOCH
from kafkalite.types import MemberId, Uuid

LEAVE_STATIC_EPOCH: Final = -2
"""The member epoch of a static member that went away and may come back: its partitions stay its own."""

PartitionEpochs = Mapping[Uuid, Mapping[int, int]]
"""Topic id -> partition -> the member epoch at which the member got it; older commits for it are refused (KIP-1251)."""

NO_PARTITION_EPOCHS: Final[PartitionEpochs] = MappingProxyType({})


class MemberState(IntEnum):
    """Where a member is on its way to the target assignment; the numbers are those of its record.

    .. code-block:: text

                   must give up partitions
        STABLE ----------------------------> UNREVOKED_PARTITIONS
          |  ^ <--------------------------------- |
          |  |       gave them up; all is free    | gave them up; something is still another's
          |  | got the last one                   v
          |  +--------------------------- UNRELEASED_PARTITIONS
          +------------------------------------>
                 something is still another's
    """

    STABLE = 0
    """Has all of the target that its epoch is of. A newer target -> any of the three."""

    UNREVOKED_PARTITIONS = 1
    """Has been told to give partitions up and keeps its epoch until it reports that it has. Fenced when it does not
    within its rebalance timeout. They are gone -> STABLE or UNRELEASED_PARTITIONS, in the target's epoch."""

    UNRELEASED_PARTITIONS = 2
    """In the target's epoch, but some of its partitions are still owned by others. They are let go -> gets them."""

    UNKNOWN = 127
    """A state of a Kafka to come: the member has to join again."""


@dataclass(frozen=True, slots=True)
class ClassicMetadata:
    """What a member has that came with JoinGroup instead of ConsumerGroupHeartbeat."""

    session_timeout_ms: int
    protocols: tuple[Protocol, ...]
    """In the member's order of preference; the metadata is a consumer protocol subscription."""


@dataclass(frozen=True, slots=True)
class MemberMetadata:
    """What a member says about itself."""

    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    """Address as Java prints it, `/127.0.0.1`."""
    rebalance_timeout_ms: int = -1
    topic_names: frozenset[str] = frozenset()
    topic_regex: str = ""
    """RE2 syntax; empty for none. Both names and regex may be given."""
    server_assignor: str | None = None
    """The assignor it would like; None to leave it to the others and the broker."""
    classic: ClassicMetadata | None = None


@dataclass(frozen=True, slots=True)
class CurrentAssignment:
    """How far a member has got."""

    epoch: int = 0
    """Its member epoch: the assignment epoch it has got to. -1 has left, -2 a static member that is away."""
    previous_epoch: int = -1
    """The epoch before: a member whose answer got lost comes with it once more."""
    state: MemberState = MemberState.STABLE
    assigned: PartitionEpochs = field(default_factory=lambda: NO_PARTITION_EPOCHS)
    pending_revocation: PartitionEpochs = field(default_factory=lambda: NO_PARTITION_EPOCHS)
    """Told to give up and not reported gone: still its own."""


HAS_LEFT: Final = CurrentAssignment(epoch=LEAVE_EPOCH, previous_epoch=LEAVE_EPOCH)


class ConsumerMember(NamedTuple):
    """A value; `_replace` makes the next one."""

    member_id: MemberId
    metadata: MemberMetadata
    current: CurrentAssignment

    @property
    def instance_id(self) -> str | None:
        return self.metadata.instance_id

    @property
    def rack_id(self) -> str | None:
        return self.metadata.rack_id

    @property
    def subscribed_topic_names(self) -> frozenset[str]:
        return self.metadata.topic_names

    @property
    def uses_classic_protocol(self) -> bool:
        return self.metadata.classic is not None

    @property
    def epoch(self) -> int:
        return self.current.epoch

    def is_reconciled_to(self, assignment_epoch: int) -> bool:
        current = self.current
        return current.state is MemberState.STABLE and current.epoch == assignment_epoch

    def assignment_epoch_of(self, topic_id: Uuid, partition: int) -> int | None:
        """Since which epoch it owns the partition; None when it does not."""
        for partitions in (self.current.assigned, self.current.pending_revocation):
            epoch = partitions.get(topic_id, {}).get(partition)
            if epoch is not None:
                return epoch
        return None
