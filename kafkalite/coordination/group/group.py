"""What every kind of group has in common, as far as offsets and the admin APIs are concerned.

classic     the members' leader assigns (KIP-62 and before)                    `classic/`
consumer    the coordinator assigns, members reconcile (KIP-848)               `consumer/`
share       members share partitions record by record (KIP-932)                `share/`
streams     the coordinator assigns tasks of a topology (KIP-1071)             `streams/`

An id names one group, whatever its type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from enum import Enum
from typing import Protocol

from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, TopicPartition, Uuid


class GroupType(Enum):
    """Spelled as Kafka spells them in ListGroups (`Group.GroupType`)."""

    CLASSIC = "classic"
    CONSUMER = "consumer"
    SHARE = "share"
    STREAMS = "streams"


class CommitClaim(Protocol):
    """Who an OffsetCommit or TxnOffsetCommit says it comes from; both requests have these fields."""

    member_id: str
    group_instance_id: str | None


def claims_nothing(claim: CommitClaim, epoch: int) -> bool:
    """A commit of somebody who does not say that it is a member."""
    return epoch < 0 and not claim.member_id and claim.group_instance_id is None


class Group(Protocol):
    """One group of any type. State only: what is done with groups is in the service of their type."""

    @property
    def group_id(self) -> GroupId: ...

    @property
    def type(self) -> GroupType: ...

    @property
    def protocol_type(self) -> str | None:
        """`consumer`, `connect`, `share`...; None or empty where no member ever said."""
        ...

    @property
    def state_name(self) -> str:
        """As ListGroups and the describe APIs spell it: `Stable`, `Empty`, `Reconciling`..."""
        ...

    @property
    def is_empty(self) -> bool:
        """No members: may be deleted, may become a group of another type."""
        ...

    def is_subscribed_to(self, topic: str) -> bool:
        """Does a member read this topic: then its offsets cannot be deleted (OffsetDelete)."""
        ...

    def metadata_changed(self) -> None:
        """Topics were made, deleted or changed."""
        ...

    def offsets_expire_from_ms(self, commit_timestamp_ms: int, topic: str) -> int | None:
        """When offsets.retention.minutes begin to run for an offset of `topic` that was committed at that time; None while
        they do not: somebody still reads the topic (KIP-211)."""
        ...

    def check_commit(
        self,
        claim: CommitClaim,
        epoch: int,
        version: int,
        partitions: Iterable[tuple[TopicPartition, Uuid]],
        *,
        transactional: bool = False,
    ) -> None:
        """May this client commit for these partitions (with the ids of their topics) now? KafkaError when not: one that
        it may not commit for spoils all. `epoch` is the generation or the member epoch it claims. In a transaction
        (TxnOffsetCommit, whose first versions do not say who commits) it need not claim anything (KIP-447)."""
        ...

    def check_fetch(self, member_id: str | None, member_epoch: int) -> None:
        """May this client read the committed offsets (OffsetFetch v9+ says who it is)? KafkaError when not."""
        ...

    def tombstones(self) -> list[KeyValue]:
        """What takes the group out of the log; its offsets have their own."""
        ...


Groups = MutableMapping[GroupId, Group]

Replay = Callable[[Groups, bytes, bytes | None], None]
"""Takes one record (key with its int16 type, value with its int16 version) into the groups. ProtocolError when damaged."""
