"""What consumer groups (KIP-848) and share groups (KIP-932) have in common: members, epochs and target assignments.

    group epoch        +1 whenever somebody subscribes otherwise, leaves, or a topic that is read changes
    assignment epoch   the group epoch that the target assignment was computed for; behind it while that has to wait
    member epoch       the assignment epoch that the member has got to; it never goes back

    Empty         no members
    Assigning     the target assignment is behind the group epoch
    Reconciling   some member has not got to the target assignment yet
    Stable        every member has

The state is the replay of the group's records. A step works on a copy (`copy`), so that what it decides on builds on
what it has decided on already, while the group itself changes only with the log.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Generic, Protocol, Self, TypeVar

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.modern.partitions import NO_PARTITIONS, Partitions
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, MemberId

LEAVE_EPOCH = -1
"""The member epoch that a member sends to leave."""


class ModernMember(Protocol):
    """What the shared parts need of a member. Members are values: a change makes a new one."""

    @property
    def member_id(self) -> MemberId: ...
    @property
    def instance_id(self) -> str | None: ...
    @property
    def rack_id(self) -> str | None: ...
    @property
    def subscribed_topic_names(self) -> frozenset[str]: ...

    def is_reconciled_to(self, assignment_epoch: int) -> bool:
        """Has it got everything it should have, and is there nothing it still has to give up?"""
        ...


M = TypeVar("M", bound=ModernMember)


class ModernGroupState(Enum):
    """Spelled as Kafka spells them in ListGroups and the describe APIs."""

    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"


class ModernGroup(ABC, Generic[M]):
    """State of one group. Nothing here writes to the log or looks at a clock."""

    def __init__(self, group_id: GroupId) -> None:
        self.group_id = group_id
        self.epoch = 1
        self.metadata_hash = 0
        """Of the subscribed topics at the last bump, see `metadata_hash.py`."""
        self.assignment_epoch = 1
        self.assignment_timestamp_ms = 0
        """When the target was computed; 0 when never, or not known."""
        self.members: dict[MemberId, M] = {}
        self.targets: dict[MemberId, Partitions] = {}
        self._metadata_known_from_epoch: int | None = None

    def copy(self) -> Self:
        """One that can be changed without changing this one; what is in its dictionaries are values, and shared."""
        twin = type(self)(self.group_id)
        for name, value in self.__dict__.items():
            setattr(twin, name, value.copy() if isinstance(value, dict) else value)
        return twin

    @property
    def state(self) -> ModernGroupState:
        if not self.members:
            return ModernGroupState.EMPTY
        if self.epoch > self.assignment_epoch:
            return ModernGroupState.ASSIGNING
        if all(member.is_reconciled_to(self.assignment_epoch) for member in self.members.values()):
            return ModernGroupState.STABLE
        return ModernGroupState.RECONCILING

    @property
    def state_name(self) -> str:
        return self.state.value

    @property
    def is_empty(self) -> bool:
        return not self.members

    def member(self, member_id: str) -> M:
        """KafkaError UNKNOWN_MEMBER_ID when it is not in the group."""
        member = self.members.get(MemberId(member_id))
        if member is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_MEMBER_ID,
                f"There is no member {member_id} in group {self.group_id}.",
            )
        return member

    def target(self, member_id: MemberId) -> Partitions:
        return self.targets.get(member_id, NO_PARTITIONS)

    # -- subscriptions ----------------------------------------------------------------------------------------------

    def subscribed_names(self, member: M) -> frozenset[str]:
        """The topics that one member reads, whether they exist or not."""
        return member.subscribed_topic_names

    def subscribed_topics(self) -> frozenset[str]:
        """The topics that anybody reads."""
        return frozenset().union(*{self.subscribed_names(each) for each in self.members.values()})

    def is_subscribed_to(self, topic: str) -> bool:
        return any(topic in self.subscribed_names(member) for member in self.members.values())

    # -- what the metadata looked like ------------------------------------------------------------------------------

    @property
    def metadata_may_have_changed(self) -> bool:
        """Compare the hash at the next heartbeat. Not in the log: after a restart nobody knows."""
        known_from = self._metadata_known_from_epoch
        return known_from is None or self.epoch < known_from

    def metadata_changed(self) -> None:
        """Topics were made, deleted or changed."""
        self._metadata_known_from_epoch = None

    def metadata_compared(self, epoch: int) -> None:
        """The hash was compared in a step that left the group at `epoch`. Had that step not got into the log, the
        group's epoch would be smaller, and the comparison would not count."""
        self._metadata_known_from_epoch = epoch

    # -- records ----------------------------------------------------------------------------------------------------

    def put_epoch(self, epoch: int, metadata_hash: int) -> None:
        self.epoch = epoch
        self.metadata_hash = metadata_hash

    def put_assignment_epoch(self, epoch: int, timestamp_ms: int) -> None:
        self.assignment_epoch = epoch
        self.assignment_timestamp_ms = timestamp_ms

    def put_target(self, member_id: MemberId, target: Partitions | None) -> None:
        """None: the member has left."""
        if target is None:
            self.targets.pop(member_id, None)
        else:
            self.targets[member_id] = target

    @abstractmethod
    def put_metadata(self, member_id: MemberId, metadata: Any) -> None:  # noqa: ANN401 - each type has its own
        """What the type keeps of a member's subscription. None: the member has left."""

    @abstractmethod
    def put_current(self, member_id: MemberId, current: Any) -> None:  # noqa: ANN401 - each type has its own
        """What the type keeps of a member's assignment. None: the member has nothing any more."""

    def remove_member(self, member_id: MemberId) -> None:
        self.put_current(member_id, None)
        self.put_target(member_id, None)
        self.put_metadata(member_id, None)


def is_assignment_due(group: ModernGroup[M], interval_ms: int, now_ms: int) -> bool:
    """May a new target be computed? At most one in every `assignment.interval.ms` (KIP-1263), so that members who come
    together are assigned together."""
    if group.epoch <= group.assignment_epoch:
        return False
    last_ms = group.assignment_timestamp_ms
    return last_ms == 0 or interval_ms == 0 or now_ms >= last_ms + interval_ms


def changed_targets(
    group: ModernGroup[M], targets: Mapping[MemberId, Partitions], members: Iterable[MemberId]
) -> list[tuple[MemberId, Partitions]]:
    """The new targets that need a record: those that differ from the old one, and a member's first even if it is empty."""
    return [
        (member_id, target)
        for member_id in members
        if group.targets.get(member_id) != (target := targets.get(member_id, NO_PARTITIONS))
    ]
