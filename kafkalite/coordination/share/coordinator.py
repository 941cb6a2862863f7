"""The share coordinator (KIP-932): keeps in `__share_group_state` what is durable of share partitions.

    initialize   a snapshot with nothing delivered; over a state that is there, too (an administrator's new start offset)
    read         fences older leaders: a newer leader epoch is written down before it is answered
    write        an update; after `snapshot_update_records_per_snapshot` of them, a snapshot, so that replaying stays short
    delete       a tombstone
    summary      start offset and counts

    state epoch    a life of the state: an older one's writes and initialisations are FENCED_STATE_EPOCH
    leader epoch   of the partition that is shared: an older leader's reads and writes are FENCED_LEADER_EPOCH

A change is applied as it is appended, so that the next one builds on it, and answered when it is committed. Codes as
measured on Apache Kafka 4.3; its class is ShareCoordinatorShard.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.clock import Clock
from kafkalite.coordination.ports import KeyValue, PartitionWriter, TopicView
from kafkalite.coordination.runtime import Shards, answer_for_failed_append
from kafkalite.coordination.share.persister import (
    UNINITIALIZED_START_OFFSET,
    UNKNOWN_COUNT,
    InitialState,
    PartitionLeader,
    PartitionResult,
    PartitionState,
    PartitionSummary,
    StateUpdate,
)
from kafkalite.coordination.share.records import (
    SharePartitionKey,
    ShareState,
    Snapshot,
    Update,
    encode,
)
from kafkalite.coordination.share.shard import Entry, ShareShard, updated
from kafkalite.deferred import Deferred, gather, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import UNKNOWN_LEADER_EPOCH, GroupId, LeaderEpoch, Offset, TopicPartition, Uuid

_log = logging.getLogger(__name__)

SHARE_GROUP_STATE_TOPIC = "__share_group_state"

_FIRST_LEADER_EPOCH = LeaderEpoch(0)
"""Of a state that no leader has read yet."""

_PRUNED_RECORDS_MIN = 1_000
"""A partition with fewer records is read quickly enough as it is."""

_SNAPSHOTS_PER_BATCH_MAX = 10
"""A state of 2000 batches is 44 KB, and all must fit into message.max.bytes."""

T = TypeVar("T")
Failed = Callable[[int, ErrorCode, str | None], T]


@dataclass(frozen=True, slots=True)
class ShareCoordinatorConfig:
    """Made from the broker's configuration by the composition root."""

    snapshot_update_records_per_snapshot: int = 500
    """share.coordinator.snapshot.update.records.per.snapshot"""


class ShareCoordinator:
    """A `Persister` for the share partitions whose keys hash to partitions that this broker leads."""

    def __init__(
        self,
        writer: PartitionWriter,
        clock: Clock,
        topics: TopicView,
        partition_count: int,
        config: ShareCoordinatorConfig | None = None,
    ) -> None:
        """`partition_count` is that of `__share_group_state`."""
        self._config = config or ShareCoordinatorConfig()
        self._clock = clock
        self._topics = topics
        self._shards: Shards[ShareShard] = Shards(SHARE_GROUP_STATE_TOPIC, partition_count, writer)

    # -- partitions -------------------------------------------------------------------------------------------------

    def is_loaded(self, partition: int) -> bool:
        return self._shards.is_active(partition)

    def begin_loading(self, partition: int) -> None:
        """Answer COORDINATOR_LOAD_IN_PROGRESS until `load_partition`."""
        self._shards.begin_loading(partition)

    def load_partition(self, partition: int, log: Iterable[KeyValue]) -> None:
        """We lead `partition`: serve the states that its log tells."""
        shard = ShareShard()
        shard.replay_all(log)
        self._shards.activate(partition, shard)

    def unload_partition(self, partition: int) -> None:
        """Another broker leads `partition`."""
        self._shards.deactivate(partition)

    def on_topics_deleted(self, topic_ids: Collection[Uuid]) -> None:
        """Forget how far groups have got in these topics."""
        for _, shard in self._shards.active():
            for key in [key for key in shard.entries if key.topic_id in topic_ids]:
                self._append(shard, Snapshot(key, None)).on_done(_warn_if_failed)

    def prune(self) -> Deferred[dict[int, Offset]]:
        """Write every state of the longer partitions anew, so that what lies before can go.

        Resolves to partition -> the offset below which nothing is needed any more. (Kafka remembers each state's last
        snapshot instead, and writes those anew that have not changed for long.)
        """
        grown = [
            (partition, shard)
            for partition, shard in self._shards.active()
            if shard.entries
            and shard.record_count >= max(_PRUNED_RECORDS_MIN, 2 * len(shard.entries))
        ]
        cuts: dict[int, Offset] = {}

        def write(partition: int, shard: ShareShard) -> Deferred[None]:
            def written(first: Offset) -> None:
                cuts[partition] = first

            return self._write_all(partition, shard).then(written)

        return gather([write(*each) for each in grown]).then(lambda _: cuts)

    def _write_all(self, partition: int, shard: ShareShard) -> Deferred[Offset]:
        """Snapshots of all there is; resolves to the offset of the first."""
        now_ms = self._clock.now_ms()
        shard.record_count = 0
        batches = []
        for keys in _in_pieces(list(shard.entries), _SNAPSHOTS_PER_BATCH_MAX):
            snapshots = [Snapshot(key, _renewed(shard.entries[key].state, now_ms)) for key in keys]
            written = self._shards.append(partition, [encode(each) for each in snapshots])
            if not written.done or _succeeded(written):
                for each in snapshots:
                    shard.apply(each)
            batches.append(written)
        first_count = min(len(shard.entries), _SNAPSHOTS_PER_BATCH_MAX)
        return gather(batches).then(lambda last: Offset(last[0] - first_count + 1))

    # -- the Persister ----------------------------------------------------------------------------------------------

    def initialize_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[InitialState]
    ) -> Deferred[list[PartitionResult]]:
        def initialize(each: InitialState) -> Deferred[PartitionResult]:
            key = SharePartitionKey(group_id, topic_id, each.partition)
            return self._initialize(key, each).then(lambda _: PartitionResult(each.partition))

        return gather(
            [_or(PartitionResult, each.partition, initialize, each) for each in partitions]
        )

    def read_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[PartitionLeader]
    ) -> Deferred[list[PartitionState]]:
        def read(each: PartitionLeader) -> Deferred[PartitionState]:
            key = SharePartitionKey(group_id, topic_id, each.partition)
            return self._read(key, each.leader_epoch).then(
                lambda state: PartitionState(
                    each.partition,
                    state_epoch=state.state_epoch,
                    start_offset=state.start_offset,
                    state_batches=state.batches,
                )
            )

        return gather([_or(PartitionState, each.partition, read, each) for each in partitions])

    def write_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[StateUpdate]
    ) -> Deferred[list[PartitionResult]]:
        def write(each: StateUpdate) -> Deferred[PartitionResult]:
            key = SharePartitionKey(group_id, topic_id, each.partition)
            return self._write(key, each).then(lambda _: PartitionResult(each.partition))

        return gather([_or(PartitionResult, each.partition, write, each) for each in partitions])

    def delete_state(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[int]
    ) -> Deferred[list[PartitionResult]]:
        def delete(partition: int) -> Deferred[PartitionResult]:
            key = SharePartitionKey(group_id, topic_id, partition)
            return self._delete(key).then(lambda _: PartitionResult(partition))

        return gather([_or(PartitionResult, each, delete, each) for each in partitions])

    def read_summary(
        self, group_id: GroupId, topic_id: Uuid, partitions: Sequence[PartitionLeader]
    ) -> Deferred[list[PartitionSummary]]:
        def read(each: PartitionLeader) -> Deferred[PartitionSummary]:
            return resolved(self._summary(SharePartitionKey(group_id, topic_id, each.partition)))

        return gather([_or(PartitionSummary, each.partition, read, each) for each in partitions])

    # -- one share partition; KafkaError raised or in the Deferred ---------------------------------------------------

    def _initialize(self, key: SharePartitionKey, initial: InitialState) -> Deferred[None]:
        shard = self._shard_of(key)
        entry = shard.entries.get(key)
        if entry is not None:
            _check_state_epoch(entry, initial.state_epoch)
        self._check_exists(key)
        now_ms = self._clock.now_ms()
        state = ShareState(
            snapshot_epoch=0 if entry is None else entry.state.snapshot_epoch + 1,
            state_epoch=initial.state_epoch,
            leader_epoch=_FIRST_LEADER_EPOCH,
            start_offset=initial.start_offset,
            delivery_complete_count=UNKNOWN_COUNT
            if initial.start_offset == UNINITIALIZED_START_OFFSET
            else 0,
            created_ms=now_ms,
            written_ms=now_ms,
        )
        return self._append(shard, Snapshot(key, state))

    def _read(self, key: SharePartitionKey, leader_epoch: LeaderEpoch) -> Deferred[ShareState]:
        shard = self._shard_of(key)
        entry = _initialized(shard, key, "read")
        if entry.leader_epoch > leader_epoch:
            raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
        self._check_exists(key)
        state = entry.state
        if leader_epoch in (UNKNOWN_LEADER_EPOCH, entry.leader_epoch):
            return resolved(state)
        update = Update(
            key,
            state.snapshot_epoch,
            leader_epoch,
            state.start_offset,
            state.delivery_complete_count,
            (),
        )
        return self._append(shard, self._snapshot_if_due(entry, update)).then(lambda _: state)

    def _write(self, key: SharePartitionKey, change: StateUpdate) -> Deferred[None]:
        shard = self._shard_of(key)
        entry = _initialized(shard, key, "written")
        if change.leader_epoch != UNKNOWN_LEADER_EPOCH and entry.leader_epoch > change.leader_epoch:
            raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
        _check_state_epoch(entry, change.state_epoch)
        self._check_exists(key)
        update = Update(
            key,
            entry.state.snapshot_epoch,
            # Only a read takes a leader epoch over.
            entry.state.leader_epoch,
            change.start_offset,
            change.delivery_complete_count,
            change.state_batches,
        )
        return self._append(shard, self._snapshot_if_due(entry, update))

    def _delete(self, key: SharePartitionKey) -> Deferred[None]:
        shard = self._shard_of(key)
        self._check_exists(key)
        if key not in shard.entries:
            return resolved(None)
        return self._append(shard, Snapshot(key, None))

    def _summary(self, key: SharePartitionKey) -> PartitionSummary:
        shard = self._shard_of(key)
        self._check_exists(key)
        entry = shard.entries.get(key)
        if entry is None:
            return PartitionSummary(key.partition)
        state = entry.state
        return PartitionSummary(
            key.partition,
            state_epoch=state.state_epoch,
            leader_epoch=state.leader_epoch,
            start_offset=state.start_offset,
            delivery_complete_count=state.delivery_complete_count,
        )

    # -- checks and the log -----------------------------------------------------------------------------------------

    def _shard_of(self, key: SharePartitionKey) -> ShareShard:
        shard = self._shards.shard_for(str(key))
        if key.partition < 0:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"there is no partition {key.partition}")
        return shard

    def _check_exists(self, key: SharePartitionKey) -> None:
        name = self._topics.topic_name(key.topic_id)
        if name is None or not self._topics.partition_exists(TopicPartition(name, key.partition)):
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)

    def _snapshot_if_due(self, entry: Entry, update: Update) -> Snapshot | Update:
        """The change as an update, or as a snapshot of what it makes of the state."""
        if entry.updates < self._config.snapshot_update_records_per_snapshot:
            return update
        return Snapshot(update.key, _renewed(updated(entry.state, update), self._clock.now_ms()))

    def _append(self, shard: ShareShard, record: Snapshot | Update) -> Deferred[None]:
        partition = self._shards.partition_for(str(record.key))
        written = self._shards.append(partition, [encode(record)])
        if not written.done or _succeeded(written):
            shard.apply(record)
        return written.then(lambda _: None)


def _renewed(state: ShareState, now_ms: int) -> ShareState:
    """The same as the next snapshot."""
    return state._replace(
        snapshot_epoch=state.snapshot_epoch + 1, created_ms=now_ms, written_ms=now_ms
    )


def _in_pieces(keys: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _warn_if_failed(done: Deferred[None]) -> None:
    try:
        done.result()
    except KafkaError as error:
        _log.warning("the state of a deleted topic could not be removed: %s", error)


def _succeeded(done: Deferred[T]) -> bool:
    try:
        done.result()
    except KafkaError:
        return False
    return True


def _initialized(shard: ShareShard, key: SharePartitionKey, operation: str) -> Entry:
    entry = shard.entries.get(key)
    if entry is None:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"the state of {key} cannot be {operation}: it has not been initialized",
        )
    return entry


def _check_state_epoch(entry: Entry, state_epoch: int) -> None:
    if state_epoch != -1 and entry.state_epoch > state_epoch:
        raise KafkaError(ErrorCode.FENCED_STATE_EPOCH)


A = TypeVar("A")


def _or(
    failed: Failed[T], partition: int, operation: Callable[[A], Deferred[T]], argument: A
) -> Deferred[T]:
    """What `operation` gives, or the result that `failed` makes of its KafkaError."""
    out: Deferred[T] = Deferred()

    def finish(done: Deferred[T]) -> None:
        try:
            out.resolve(done.result())
        except KafkaError as error:
            code = answer_for_failed_append(error, ErrorCode.INVALID_REQUEST)
            out.resolve(failed(partition, code, error.message or code.message))

    try:
        operation(argument).on_done(finish)
    except KafkaError as error:
        out.resolve(failed(partition, error.code, error.message or error.code.message))
    return out
