"""One member of a share group: a value, replaced as a whole by its records (types 10 and 14)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kafkalite.coordination.group.modern.partitions import NO_PARTITIONS, Partitions
from kafkalite.types import MemberId


@dataclass(frozen=True, slots=True)
class MemberMetadata:
    """What a member says about itself."""

    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    """Address as Java prints it, `/127.0.0.1`."""
    topic_names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CurrentAssignment:
    """What a member was told last. There is nothing to reconcile: share partitions are no one's own."""

    epoch: int = 0
    """Its member epoch: the assignment epoch that this assignment is of."""
    previous_epoch: int = -1
    """The epoch before: a member whose answer got lost comes with it once more."""
    assigned: Partitions = field(default_factory=lambda: NO_PARTITIONS)


class ShareMember(NamedTuple):
    """A value; `_replace` makes the next one."""

    member_id: MemberId
    metadata: MemberMetadata = MemberMetadata()
    current: CurrentAssignment = CurrentAssignment()

    @property
    def instance_id(self) -> None:
        """Share groups have no static members."""
        return

    @property
    def rack_id(self) -> str | None:
        return self.metadata.rack_id

    @property
    def subscribed_topic_names(self) -> frozenset[str]:
        return self.metadata.topic_names

    @property
    def epoch(self) -> int:
        return self.current.epoch

    def is_reconciled_to(self, assignment_epoch: int) -> bool:
        return self.current.epoch == assignment_epoch
