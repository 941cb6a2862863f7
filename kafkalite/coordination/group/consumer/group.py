"""A consumer group (KIP-848): the coordinator assigns, each member reconciles on its own.

Nobody waits for anybody, as in a rebalance of a classic group. A change makes a new group epoch; at a heartbeat after
that a target assignment is computed for it; each member goes to the target by itself, in its own heartbeats
(`reconciliation.py`). What keeps two members from reading one partition is `owner_of`: a partition has an owner from
the record that gives it to a member until the one that says that the member has reported it gone.

Members may speak the classic protocol (`classic_members.py`), each as if it were in a classic group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.consumer import records
from kafkalite.coordination.group.consumer.member import (
    HAS_LEFT,
    ConsumerMember,
    CurrentAssignment,
    MemberMetadata,
    PartitionEpochs,
)
from kafkalite.coordination.group.consumer.records import ResolvedRegex
from kafkalite.coordination.group.group import CommitClaim, GroupType, claims_nothing
from kafkalite.coordination.group.modern.group import ModernGroup
from kafkalite.coordination.ports import KeyValue
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, MemberId, TopicPartition, Uuid

_MEMBER_EPOCH_COMMIT_VERSION = 9


class ConsumerGroup(ModernGroup[ConsumerMember]):
    """State of one group, changed by its records alone."""

    def __init__(self, group_id: GroupId) -> None:
        super().__init__(group_id)
        self.static_members: dict[str, MemberId] = {}
        """group.instance.id -> the member that stands for it now."""
        self.regexes: dict[str, ResolvedRegex] = {}
        self.regex_subscribers: Counter[str] = Counter()
        """Regex -> how many members are subscribed by it; resolved or not."""
        self.has_legacy_metadata = False
        """There is a record of type 4 in the log, of a Kafka before 4.1, that should go."""
        self._owners: dict[tuple[Uuid, int], MemberId] = {}

    # -- as a group among others (`Group`) --------------------------------------------------------------------------

    @property
    def type(self) -> GroupType:
        return GroupType.CONSUMER

    @property
    def protocol_type(self) -> str:
        return "consumer"

    def offsets_expire_from_ms(self, commit_timestamp_ms: int, topic: str) -> int | None:
        return None if self.is_subscribed_to(topic) else commit_timestamp_ms

    def check_commit(
        self,
        claim: CommitClaim,
        epoch: int,
        version: int,
        partitions: Iterable[tuple[TopicPartition, Uuid]],
        *,
        transactional: bool = False,
    ) -> None:
        """A member commits in its epoch, or in an earlier one for partitions that it has owned since then: a commit
        may be under way while a heartbeat brings the next epoch (KIP-1251)."""
        if epoch < 0 and not self.members:
            return
        if transactional and claims_nothing(claim, epoch):
            return
        member = self.member(claim.member_id)
        if (
            not transactional
            and not member.uses_classic_protocol
            and version < _MEMBER_EPOCH_COMMIT_VERSION
        ):
            raise KafkaError(ErrorCode.UNSUPPORTED_VERSION)
        if epoch == member.epoch:
            return
        for tp, topic_id in partitions:
            since = member.assignment_epoch_of(topic_id, tp.partition)
            if epoch > member.epoch or since is None or epoch < since:
                raise KafkaError(_stale_code(member))

    def check_fetch(self, member_id: str | None, member_epoch: int) -> None:
        if member_id is None and member_epoch < 0:
            return
        member = self.member(member_id or "")
        if member_epoch != member.epoch:
            raise KafkaError(_stale_code(member))

    def tombstones(self) -> list[KeyValue]:
        group_id = self.group_id
        return [
            *(records.current_tombstone(group_id, each) for each in self.members),
            *(records.target_tombstone(group_id, each) for each in self.members),
            records.target_epoch_tombstone(group_id),
            *(records.member_metadata_tombstone(group_id, each) for each in self.members),
            *(records.regex_tombstone(group_id, each) for each in self.regexes),
            records.legacy_metadata_tombstone(group_id),
            records.group_epoch_tombstone(group_id),
        ]

    # -- members ----------------------------------------------------------------------------------------------------

    def static_member(self, instance_id: str | None) -> ConsumerMember | None:
        """Who stands for this group.instance.id now."""
        member_id = None if instance_id is None else self.static_members.get(instance_id)
        return None if member_id is None else self.members[member_id]

    def owner_of(self, topic_id: Uuid, partition: int) -> MemberId | None:
        """Who may be reading the partition."""
        return self._owners.get((topic_id, partition))

    def classic_members(self) -> list[ConsumerMember]:
        return [member for member in self.members.values() if member.uses_classic_protocol]

    def preferred_assignor(self) -> str | None:
        """The one that most members ask for; None when nobody asks."""
        votes = Counter(
            member.metadata.server_assignor
            for member in self.members.values()
            if member.metadata.server_assignor is not None
        )
        return max(sorted(votes), key=lambda name: votes[name], default=None)

    # -- subscriptions ----------------------------------------------------------------------------------------------

    def subscribed_names(self, member: ConsumerMember) -> frozenset[str]:
        """By name, and by a regex that has been resolved."""
        resolved = self.regexes.get(member.metadata.topic_regex)
        return member.metadata.topic_names | (resolved.topics if resolved else frozenset())

    # -- records ----------------------------------------------------------------------------------------------------

    def put_metadata(self, member_id: MemberId, metadata: MemberMetadata | None) -> None:
        """None: the member has left."""
        old = self.members.get(member_id)
        self._count_regex(old, -1)
        self._free_instance(old)
        if metadata is None:
            if old is not None:
                self._release(old)
                del self.members[member_id]
            return
        current = CurrentAssignment() if old is None else old.current
        member = self.members[member_id] = ConsumerMember(member_id, metadata, current)
        self._count_regex(member, 1)
        if metadata.instance_id is not None:
            self.static_members[metadata.instance_id] = member_id

    def put_current(self, member_id: MemberId, current: CurrentAssignment | None) -> None:
        """None: the member owns nothing any more."""
        old = self.members.get(member_id)
        if old is None and current is None:
            return
        if old is not None:
            self._release(old)
        metadata = MemberMetadata() if old is None else old.metadata
        member = ConsumerMember(member_id, metadata, current or HAS_LEFT)
        self.members[member_id] = member
        for partition in _owned(member.current):
            self._owners[partition] = member_id

    def put_regex(self, expression: str, resolved: ResolvedRegex | None) -> None:
        """None: nobody is subscribed by it any more."""
        if resolved is None:
            self.regexes.pop(expression, None)
        else:
            self.regexes[expression] = resolved

    def _count_regex(self, member: ConsumerMember | None, change: int) -> None:
        expression = "" if member is None else member.metadata.topic_regex
        if not expression:
            return
        self.regex_subscribers[expression] += change
        if not self.regex_subscribers[expression]:
            del self.regex_subscribers[expression]

    def _free_instance(self, member: ConsumerMember | None) -> None:
        """Nobody stands for the member's instance id, unless another one does already. A member may come back with
        another instance id, and the old one must not outlive it."""
        if member is None or member.instance_id is None:
            return
        if self.static_members.get(member.instance_id) == member.member_id:
            del self.static_members[member.instance_id]

    def _release(self, member: ConsumerMember) -> None:
        """The partitions are no longer its own. In a log that was compacted, one may have been given on before."""
        for partition in _owned(member.current):
            if self._owners.get(partition) == member.member_id:
                del self._owners[partition]


def _owned(current: CurrentAssignment) -> Iterator[tuple[Uuid, int]]:
    for partitions in (current.assigned, current.pending_revocation):
        for topic_id, numbers in partitions.items():
            for number in numbers:
                yield topic_id, number


def _stale_code(member: ConsumerMember) -> ErrorCode:
    """A wrong epoch in the words of the protocol that the member speaks."""
    return (
        ErrorCode.ILLEGAL_GENERATION
        if member.uses_classic_protocol
        else ErrorCode.STALE_MEMBER_EPOCH
    )


def same_partitions(one: PartitionEpochs, other: PartitionEpochs) -> bool:
    """The same partitions, since whenever."""
    return one.keys() == other.keys() and all(
        one[topic_id].keys() == other[topic_id].keys() for topic_id in one
    )
