"""A streams group (KIP-1071): members that run one topology, and which tasks they have.

group epoch        +1 with every change of members, topology, topics or assignment configs
assignment epoch   the group epoch that the target was computed for
member epoch       the assignment epoch that a member has got to

Empty         no members
NotReady      topics are missing, or do not fit the topology
Assigning     the target is older than the group epoch: it waits for a delay or for the next heartbeat
Reconciling   members are on the way to the target
Stable        all members have what they should have
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.group import CommitClaim, GroupType, claims_nothing
from kafkalite.coordination.group.streams import records
from kafkalite.coordination.group.streams.configured_topology import ConfiguredTopology
from kafkalite.coordination.group.streams.member import StreamsMember
from kafkalite.coordination.group.streams.tasks import HeldTasks, TaskId, Tasks
from kafkalite.coordination.group.streams.topology import Topology
from kafkalite.coordination.ports import KeyValue
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, MemberId, TopicPartition, Uuid

_FIRST_EPOCH = 1

_COMMIT_BY_MEMBER_EPOCH_VERSION = 9


class StreamsGroupState(Enum):
    """Spelled as in ListGroups and StreamsGroupDescribe."""

    EMPTY = "Empty"
    NOT_READY = "NotReady"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"


class StreamsGroup:
    """State only. It is the replay of the group's log, but for what is marked as not in the log."""

    type = GroupType.STREAMS
    protocol_type = "streams"

    def __init__(self, group_id: GroupId) -> None:
        self.group_id = group_id
        self.epoch = _FIRST_EPOCH
        self.metadata_hash = 0
        """Of the topics that the topology needs."""
        self.validated_topology_epoch = 0
        """The topology epoch that the topics were found fit for, -1 when they were not."""
        self.assignment_configs: Mapping[str, str] = {}
        """What the last assignment was to be made by."""
        self.assignment_epoch = _FIRST_EPOCH
        self.assignment_timestamp_ms = 0
        """0: never."""
        self.topology: Topology | None = None
        self.members: dict[MemberId, StreamsMember] = {}
        self.targets: dict[MemberId, Tasks] = {}
        self.holders = Holders()

        # Not in the log
        self.configured: ConfiguredTopology | None = None
        """None: to be worked out with the next heartbeat."""
        self.topics_may_have_changed = True
        self.shutdown_requested_by: MemberId | None = None
        self.endpoint_epoch = 0
        """+1 with every change of tasks of a member that answers queries."""

    def metadata_changed(self) -> None:
        """The topology is to be configured anew."""
        self.topics_may_have_changed = True

    # -- state ------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> StreamsGroupState:
        if not self.members:
            return StreamsGroupState.EMPTY
        if self.topology is None or self.topology.epoch != self.validated_topology_epoch:
            return StreamsGroupState.NOT_READY
        if self.epoch > self.assignment_epoch:
            return StreamsGroupState.ASSIGNING
        if all(each.is_reconciled_to(self.assignment_epoch) for each in self.members.values()):
            return StreamsGroupState.STABLE
        return StreamsGroupState.RECONCILING

    @property
    def state_name(self) -> str:
        return self.state.value

    @property
    def is_empty(self) -> bool:
        return not self.members

    def is_subscribed_to(self, topic: str) -> bool:
        return bool(self.members) and self.topology is not None and topic in self.topology.reader_of

    def offsets_expire_from_ms(self, commit_timestamp_ms: int, topic: str) -> int | None:
        return None if self.is_subscribed_to(topic) else commit_timestamp_ms

    def member(self, member_id: str) -> StreamsMember:
        """KafkaError UNKNOWN_MEMBER_ID."""
        member = self.members.get(MemberId(member_id))
        if member is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_MEMBER_ID,
                f"Group {self.group_id} has no member {member_id}.",
            )
        return member

    def target(self, member_id: MemberId) -> Tasks:
        return self.targets.get(member_id, Tasks())

    # -- offsets ----------------------------------------------------------------------------------------------------

    def check_commit(
        self,
        claim: CommitClaim,
        epoch: int,
        version: int,
        partitions: Iterable[tuple[TopicPartition, Uuid]],
        *,
        transactional: bool = False,
    ) -> None:
        """In its own epoch a member may commit for any partition; with an older one, which comes when a heartbeat was
        answered while the commit was under way, for those that it has had since then (KIP-1251)."""
        if epoch < 0 and not self.members:
            return
        if transactional and claims_nothing(claim, epoch):
            return
        member = self.member(claim.member_id)
        if not transactional and version < _COMMIT_BY_MEMBER_EPOCH_VERSION:
            raise KafkaError(ErrorCode.UNSUPPORTED_VERSION)
        if epoch == member.epoch:
            return
        if epoch > member.epoch or self.topology is None:
            raise KafkaError(ErrorCode.STALE_MEMBER_EPOCH)
        for tp, _ in partitions:
            since = self._assigned_since(member, tp)
            if since is None or epoch < since:
                raise KafkaError(ErrorCode.STALE_MEMBER_EPOCH)

    def _assigned_since(self, member: StreamsMember, tp: TopicPartition) -> int | None:
        """The member epoch in which it got the task that reads `tp`; None when it does not have it."""
        assert self.topology is not None
        reader = self.topology.reader_of.get(tp.topic)
        if reader is None:
            return None
        task = TaskId(reader.subtopology_id, tp.partition)
        return member.assigned.active.get(task, member.revoking.active.get(task))

    def check_fetch(self, member_id: str | None, member_epoch: int) -> None:
        if member_id is None and member_epoch < 0:
            return
        if member_epoch != self.member(member_id or "").epoch:
            raise KafkaError(ErrorCode.STALE_MEMBER_EPOCH)

    # -- the log ----------------------------------------------------------------------------------------------------

    def tombstones(self) -> list[KeyValue]:
        return records.group_tombstones(self.group_id, self.members)

    def put_member(self, member: StreamsMember) -> None:
        self._forget_tasks_of(member.member_id)
        self.members[member.member_id] = member
        self.holders.add(member.process_id, member.assigned)
        self.holders.add(member.process_id, member.revoking)

    def remove_member(self, member_id: MemberId) -> None:
        self._forget_tasks_of(member_id)
        self.members.pop(member_id, None)
        if not self.members:
            self.shutdown_requested_by = None

    def _forget_tasks_of(self, member_id: MemberId) -> None:
        before = self.members.get(member_id)
        if before is not None:
            self.holders.remove(before.process_id, before.assigned)
            self.holders.remove(before.process_id, before.revoking)


class Holders:
    """Which process has a task: what `reconcile` asks, kept up as members change."""

    def __init__(self) -> None:
        self._active: dict[TaskId, str] = {}
        self._copies: set[tuple[str, TaskId]] = set()

    def active_process(self, task: TaskId) -> str | None:
        return self._active.get(task)

    def has_copy(self, process_id: str, task: TaskId) -> bool:
        return (process_id, task) in self._copies

    def add(self, process_id: str, held: HeldTasks) -> None:
        self._active.update(dict.fromkeys(held.active, process_id))
        self._copies.update((process_id, task) for task in held.standby | held.warmup)

    def remove(self, process_id: str, held: HeldTasks) -> None:
        for task in held.active:
            if self._active.get(task) == process_id:
                del self._active[task]
        self._copies.difference_update((process_id, task) for task in held.standby | held.warmup)
