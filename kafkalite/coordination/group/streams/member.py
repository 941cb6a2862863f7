"""One member of a streams group: a thread of one process that runs the application. Immutable; a change makes a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from kafkalite.coordination.group.streams.tasks import NOTHING_HELD, HeldTasks
from kafkalite.types import MemberId


class MemberState(IntEnum):
    """How far a member is on the way to its target, by the number in its record (Kafka's `MemberState`).

    STABLE              it has what it should have, as of its epoch
                        a newer target takes nothing away            => STABLE, or UNRELEASED_TASKS
                        a newer target takes tasks away              => UNREVOKED_TASKS
    UNREVOKED_TASKS     it was told to give tasks up and has not said that it did
                        it no longer names them among what it owns   => as from STABLE
                        it does not within its rebalance timeout     => removed from the group
    UNRELEASED_TASKS    it waits for tasks that another member has not given up yet
                        all of them are free                         => STABLE
    UNKNOWN             of a later version's record; the member has to rejoin without tasks
    """

    STABLE = 1
    UNREVOKED_TASKS = 2
    UNRELEASED_TASKS = 3
    UNKNOWN = 127

    @classmethod
    def of(cls, number: int) -> MemberState:
        return cls(number) if number in cls._value2member_map_ else cls.UNKNOWN


class UserEndpoint(NamedTuple):
    """Where the application answers queries of its state (`application.server`)."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class MemberMetadata:
    """What a member says of itself: the value of its record 19."""

    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    rebalance_timeout_ms: int = -1
    topology_epoch: int = -1
    process_id: str = ""
    user_endpoint: UserEndpoint | None = None
    client_tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamsMember:
    member_id: MemberId
    metadata: MemberMetadata = MemberMetadata()
    epoch: int = 0
    previous_epoch: int = 0
    """A member that has missed an answer still names this one."""
    state: MemberState = MemberState.STABLE
    assigned: HeldTasks = NOTHING_HELD
    revoking: HeldTasks = NOTHING_HELD
    """What it has been told to give up and may still be working on."""

    @property
    def process_id(self) -> str:
        return self.metadata.process_id

    def is_reconciled_to(self, target_epoch: int) -> bool:
        return self.state is MemberState.STABLE and self.epoch == target_epoch
