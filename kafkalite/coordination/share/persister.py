"""The port to the durable state of share partitions (KIP-932): where a group has got to in each partition it shares.

    group coordinator    initialize_state when a group begins to share a partition, delete_state and read_summary for admins
    partition leader     read_state when it first serves the group, write_state before an acknowledgement is answered

The share coordinator keeps the state in `__share_group_state`. Every method takes one group and one topic, resolves to
one result for each partition in the order given, and never fails: what went wrong is the result's code. (Kafka's
interface is `Persister`; batching over topics is left to the callers, since nothing is batched on one node.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.deferred import Deferred
from kafkalite.types import UNKNOWN_LEADER_EPOCH, UNKNOWN_OFFSET, GroupId, LeaderEpoch, Offset, Uuid

UNINITIALIZED_START_OFFSET = UNKNOWN_OFFSET
"""The group has no start offset yet: the partition's leader finds one by share.auto.offset.reset."""

UNKNOWN_COUNT = -1
"""Delivery-complete count of a writer that does not tell it."""


class StateBatch(NamedTuple):
    """Records `first_offset`..`last_offset` (both included) that have one state."""

    first_offset: Offset
    last_offset: Offset
    delivery_state: int
    """0 Available, 2 Acknowledged, 4 Archived. Acquired (1) is never kept: a restart makes it Available."""
    delivery_count: int
    """How often they have been delivered."""


class InitialState(NamedTuple):
    """What `initialize_state` sets for one partition."""

    partition: int
    state_epoch: int
    """Number of this life of the state, chosen by the group coordinator; a smaller one is fenced."""
    start_offset: Offset = UNINITIALIZED_START_OFFSET


class PartitionLeader(NamedTuple):
    """A partition and the epoch of the leader that asks about it; -1 for someone who does not lead it."""

    partition: int
    leader_epoch: LeaderEpoch = UNKNOWN_LEADER_EPOCH


class StateUpdate(NamedTuple):
    """What `write_state` changes in one partition."""

    partition: int
    state_epoch: int
    leader_epoch: LeaderEpoch
    start_offset: Offset
    """The share-partition start offset (SPSO); -1 leaves it where it is."""
    delivery_complete_count: int
    """How many records from the start offset on need no more delivery."""
    state_batches: Sequence[StateBatch]
    """Only what has changed; it is merged into what is there."""


class PartitionResult(NamedTuple):
    """How it went for one partition."""

    partition: int
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None


class PartitionState(NamedTuple):
    """Answer of `read_state`."""

    partition: int
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    state_epoch: int = 0
    start_offset: Offset = UNINITIALIZED_START_OFFSET
    state_batches: Sequence[StateBatch] = ()
    """In the order of their offsets, without overlap; offsets in no batch are Available, never delivered."""


class PartitionSummary(NamedTuple):
    """Answer of `read_summary`."""

    partition: int
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    state_epoch: int = 0
    leader_epoch: LeaderEpoch = LeaderEpoch(0)
    start_offset: Offset = UNINITIALIZED_START_OFFSET
    delivery_complete_count: int = UNKNOWN_COUNT


class Persister(Protocol):
    """The durable state of share partitions.

    Codes: COORDINATOR_NOT_AVAILABLE and COORDINATOR_LOAD_IN_PROGRESS (come again), NOT_COORDINATOR,
    UNKNOWN_TOPIC_OR_PARTITION (deleted), INVALID_REQUEST (not initialised, or nonsense), FENCED_STATE_EPOCH,
    FENCED_LEADER_EPOCH (someone newer has written).
    """

    def initialize_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[InitialState]
    ) -> Deferred[list[PartitionResult]]:
        """Begin a life of the state: nothing delivered yet. Also resets the start offset of a state that is there."""
        ...

    def read_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[PartitionLeader]
    ) -> Deferred[list[PartitionState]]:
        """All that is known; a newer leader epoch fences the writes of the older."""
        ...

    def write_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[StateUpdate]
    ) -> Deferred[list[PartitionResult]]:
        """Merge a change; resolved once it is committed."""
        ...

    def delete_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[int]
    ) -> Deferred[list[PartitionResult]]:
        """Forget the state; no error where there is none."""
        ...

    def read_summary(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[PartitionLeader]
    ) -> Deferred[list[PartitionSummary]]:
        """Start offset and counts; the defaults, and no error, where nothing is initialised."""
        ...
