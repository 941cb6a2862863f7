"""A classic group: its members, its generation, and the requests it holds back.

Theory of operation. A rebalance is two barriers. At the first, every member's JoinGroup is parked until all members
have one parked (or time is up); then a generation begins and each gets its answer, the leader with everybody's
metadata. At the second, every member's SyncGroup is parked until the leader's arrives with the assignments; once
those are in the log, each gets its own. `parked_joins` is only filled while PreparingRebalance (or, for a static member
that replaces itself, while its new id is being written); `parked_syncs` only while CompletingRebalance.

This module holds the state and the questions one can ask of it. When to rebalance is in `rebalance.py`; who may join is
in `joining.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.join_group import JoinGroupResponse
from kafkalite_protocol.messages.sync_group import SyncGroupResponse

from kafkalite.coordination.group.classic.consumer_protocol import (
    CONSUMER_PROTOCOL_TYPE,
    read_subscription,
)
from kafkalite.coordination.group.classic.member import Member, Protocol
from kafkalite.coordination.group.classic.states import GroupState
from kafkalite.coordination.group.group import CommitClaim, GroupType, claims_nothing
from kafkalite.coordination.ports import KeyValue
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.timer import TimerHandle
from kafkalite.types import GroupId, MemberId, TopicPartition, Uuid


class ClassicGroup:
    """State of one group. Nothing here writes to the log or looks at a clock."""

    def __init__(self, group_id: GroupId) -> None:
        self.group_id = group_id
        self.state = GroupState.EMPTY
        self.previous_state = GroupState.EMPTY
        self.state_timestamp_ms = -1
        self.generation_id = 0
        self.protocol_type: str | None = None
        """`consumer`, `connect`...; None until a member has joined. Kept when the members have gone."""
        self.protocol_name: str | None = None
        """The assignor of this generation."""
        self.leader_id: MemberId | None = None
        self.members: dict[MemberId, Member] = {}
        """In the order they joined."""
        self.static_members: dict[str, MemberId] = {}
        """group.instance.id -> the member id that stands for it now; any other is fenced."""
        self.pending_joins: dict[MemberId, TimerHandle] = {}
        """Ids given out with MEMBER_ID_REQUIRED and not used yet, with the timer that forgets them (KIP-394)."""
        self.pending_syncs: set[MemberId] = set()
        """Members of this generation that have not sent SyncGroup yet."""
        self.parked_joins: dict[MemberId, Deferred[JoinGroupResponse]] = {}
        self.parked_syncs: dict[MemberId, Deferred[SyncGroupResponse]] = {}
        self.member_added = False
        """Somebody joined since the initial rebalance delay was last looked at."""
        self.join_timer: TimerHandle | None = None
        self.sync_timer: TimerHandle | None = None
        self._supporters: Counter[str] = Counter()
        """Protocol name -> how many members support it."""

    # -- as a group among others (`Group`) --------------------------------------------------------------------------

    @property
    def type(self) -> GroupType:
        return GroupType.CLASSIC

    @property
    def state_name(self) -> str:
        return self.state.value

    @property
    def is_empty(self) -> bool:
        return self.state is GroupState.EMPTY

    def metadata_changed(self) -> None:
        """The members' leader watches the topics itself."""

    def is_subscribed_to(self, topic: str) -> bool:
        """Known of groups that speak the consumer protocol alone; when a member's subscription cannot be read, every
        topic may be read."""
        topics = self.subscribed_topics()
        return self.uses_consumer_protocol and (topics is None or topic in topics)

    def offsets_expire_from_ms(self, commit_timestamp_ms: int, topic: str) -> int | None:
        if self.protocol_type is None:
            return commit_timestamp_ms
        if self.state is GroupState.EMPTY:
            return commit_timestamp_ms if self.state_timestamp_ms < 0 else self.state_timestamp_ms
        if self.state is GroupState.STABLE and self.uses_consumer_protocol:
            topics = self.subscribed_topics()
            return commit_timestamp_ms if topics is not None and topic not in topics else None
        return None

    def tombstones(self) -> list[KeyValue]:
        # Not at the top: the records know the group
        from kafkalite.coordination.group.classic.records import group_tombstone

        return [group_tombstone(self.group_id)]

    @property
    def uses_consumer_protocol(self) -> bool:
        return self.protocol_type == CONSUMER_PROTOCOL_TYPE

    def subscribed_topics(self) -> frozenset[str] | None:
        """The topics that members of a consumer group read; None when that cannot be told."""
        if not self.uses_consumer_protocol or (self.members and self.protocol_name is None):
            return None
        topics: set[str] = set()
        for member in self.members.values():
            subscription = read_subscription(member.metadata_for(self.protocol_name))
            if subscription is None:
                return None
            topics.update(subscription.topics)
        return frozenset(topics)

    def check_commit(
        self,
        claim: CommitClaim,
        epoch: int,
        version: int,
        partitions: Iterable[tuple[TopicPartition, Uuid]],
        *,
        transactional: bool = False,
    ) -> None:
        """A client that manages its partitions itself sends generation -1 and no member id, and may commit while the
        group has no members. A commit for the generation that is ending is taken, so that consumers can commit before
        they give partitions up; in the next generation a commit has to wait for the assignment, but not one that is
        part of a transaction.
        """
        if epoch < 0 and self.state is GroupState.EMPTY:
            return
        if transactional and claims_nothing(claim, epoch):
            return
        self.check_member(MemberId(claim.member_id), claim.group_instance_id)
        if epoch != self.generation_id:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        if self.state is GroupState.COMPLETING_REBALANCE and not transactional:
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)

    def check_fetch(self, member_id: str | None, member_epoch: int) -> None:
        """Anybody may."""

    # -- state ------------------------------------------------------------------------------------------------------

    def transition_to(self, state: GroupState, now_ms: int) -> None:
        assert self.state in state.valid_previous, f"{self.group_id}: {self.state} -> {state}"
        self.previous_state, self.state = self.state, state
        self.state_timestamp_ms = now_ms

    @property
    def can_rebalance(self) -> bool:
        return self.state in GroupState.PREPARING_REBALANCE.valid_previous

    @property
    def all_joined(self) -> bool:
        """Nothing more to wait for at the join barrier."""
        return len(self.parked_joins) == len(self.members) and not self.pending_joins

    @property
    def rebalance_timeout_ms(self) -> int:
        """The longest any member asked for."""
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    def begin_generation(self, now_ms: int) -> None:
        """The join barrier is down: a new generation of those who are here, or an empty group."""
        self.generation_id += 1
        self.pending_syncs.clear()
        if self.members:
            self.protocol_name = self.select_protocol()
            self.transition_to(GroupState.COMPLETING_REBALANCE, now_ms)
        else:
            self.protocol_name = None
            self.transition_to(GroupState.EMPTY, now_ms)

    # -- members ----------------------------------------------------------------------------------------------------

    def add(self, member: Member) -> None:
        """Take `member` in. The first one decides the protocol type and leads."""
        assert member.member_id not in self.members
        if member.instance_id is not None:
            assert member.instance_id not in self.static_members, (
                "a static member is replaced, not added"
            )
            self.static_members[member.instance_id] = member.member_id
        if not self.members:
            self.protocol_type = member.protocol_type
        assert self.protocol_type == member.protocol_type
        if self.leader_id is None:
            self.leader_id = member.member_id
        self.members[member.member_id] = member
        self._supporters.update(_names(member.protocols))

    def remove(self, member_id: MemberId) -> Member:
        """Take a member out; the longest-standing one left leads. Its parked requests are the caller's to answer."""
        assert member_id not in self.parked_joins
        assert member_id not in self.parked_syncs
        member = self.members.pop(member_id)
        self._supporters.subtract(_names(member.protocols))
        self._supporters += Counter()  # drops the names nobody supports any more
        if member.instance_id is not None:
            del self.static_members[member.instance_id]
        if self.leader_id == member_id:
            self.leader_id = next(iter(self.members), None)
        self.pending_syncs.discard(member_id)
        return member

    def update_protocols(self, member: Member, protocols: list[Protocol]) -> None:
        self._supporters.subtract(_names(member.protocols))
        self._supporters.update(_names(protocols))
        self._supporters += Counter()
        member.protocols = protocols

    def replace_static(self, old_id: MemberId, new_id: MemberId) -> Member:
        """A static member came back without its id: the same member goes on under a new one."""
        assert old_id not in self.parked_joins
        assert old_id not in self.parked_syncs
        member = self.members.pop(old_id)
        assert member.instance_id is not None
        member.member_id = new_id
        self.members[new_id] = member
        self.static_members[member.instance_id] = new_id
        if self.leader_id == old_id:
            self.leader_id = new_id
        if old_id in self.pending_syncs:
            self.pending_syncs.remove(old_id)
            self.pending_syncs.add(new_id)
        return member

    def check_member(self, member_id: MemberId, instance_id: str | None) -> Member:
        """The member that sent a request. KafkaError UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID for a static member's
        former id: two processes were given the same group.instance.id, and the later one won."""
        if instance_id is not None:
            current = self.static_members.get(instance_id)
            if current is not None and current != member_id:
                raise KafkaError(ErrorCode.FENCED_INSTANCE_ID)
            if current is None:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
        member = self.members.get(member_id)
        if member is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
        return member

    def elect_joined_leader(self) -> bool:
        """Make sure that the leader is at the barrier; if it is not, the first that is leads. False when nobody is."""
        if self.leader_id in self.parked_joins:
            return True
        joined = next(
            (member_id for member_id in self.members if member_id in self.parked_joins), None
        )
        if joined is None:
            return False
        self.leader_id = joined
        return True

    # -- protocols --------------------------------------------------------------------------------------------------

    def supports(self, protocol_type: str, protocols: Iterable[Protocol]) -> bool:
        """Could a member that offers `protocols` be in this group: same type, and one that everybody has."""
        names = _names(protocols)
        if self.state is GroupState.EMPTY:
            return bool(protocol_type) and bool(names)
        return protocol_type == self.protocol_type and any(
            self._supporters[name] == len(self.members) for name in names
        )

    def select_protocol(self) -> str:
        """The protocol of the next generation: each member votes for the first of its own that all support, the most
        votes win, a tie goes to the longest-standing voter."""
        everybody = len(self.members)
        candidates = {name for name, count in self._supporters.items() if count == everybody}
        votes = Counter(member.vote(candidates) for member in self.members.values())
        return votes.most_common(1)[0][0]

    def joined_members(self) -> list[JoinGroupResponse.JoinGroupResponseMember]:
        """Everybody with their metadata, for the leader's JoinGroup answer."""
        return [
            JoinGroupResponse.JoinGroupResponseMember(
                member_id=member.member_id,
                group_instance_id=member.instance_id,
                metadata=member.metadata_for(self.protocol_name),
            )
            for member in self.members.values()
        ]


def _names(protocols: Iterable[Protocol]) -> set[str]:
    return {protocol.name for protocol in protocols}
