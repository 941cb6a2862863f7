"""This broker's copy of one partition: the log plus what replication adds to it.

    log start offset <= last stable offset <= high watermark <= log end offset

The log knows start and end. The replica owns the leader epoch, the in-sync set and the high watermark, up to which
consumers read and which acks=all waits for. With one in-sync replica the watermark follows the log end at once; the
waiting is there all the same, so that a follower's progress can take its place.

Where `flush.messages` records have gathered since the last flush, the watermark stays where it is until a worker thread has
flushed them; producers with acks=1 wait for that as well (`is_flushing`).

A transaction is decided once its marker is below the high watermark: until then the last stable offset stays at its beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import RecordBatchView

from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import INTERNAL_TOPICS
from kafkalite.storage.log import AppendInfo, AppendOrigin, Log
from kafkalite.types import UNKNOWN_LEADER_EPOCH, BrokerId, LeaderEpoch, Offset, TopicPartition

if TYPE_CHECKING:
    from kafkalite.metadata.image import PartitionImage
    from kafkalite.storage.file_slice import FileSlice
    from kafkalite.storage.transaction_index import AbortedTransaction

_HIGH_WATERMARK = -1
"""What DeleteRecords says for "all that can be read now"."""


class ReplicaWatcher(Protocol):
    """Somebody parked on this replica: told of bytes that became readable, and of its end."""

    def on_readable(self, size_bytes: int) -> None:
        """`size_bytes` more may be read. Runs inside the append: be quick, and never append from here."""
        ...

    def on_replica_changed(self) -> None:
        """Leadership, existence or the log start changed: answer now."""
        ...


class _EndedTransaction(NamedTuple):
    """A transaction whose marker is in the log, but not yet below the high watermark."""

    first_offset: Offset
    marker_offset: Offset


class Replica:
    """Leader of one partition on this broker (a follower once there are others to follow)."""

    __slots__ = (
        "_ended_transactions",
        "_flush",
        "_hidden_bytes",
        "_high_watermark",
        "_waiting_for_watermark",
        "_watchers",
        "broker_id",
        "is_flushing",
        "is_internal",
        "is_removed",
        "isr",
        "leader",
        "leader_epoch",
        "log",
        "min_insync_replicas",
        "replica_count",
        "topic_id",
        "topic_partition",
    )

    def __init__(
        self,
        log: Log,
        broker_id: BrokerId,
        partition: PartitionImage,
        flush: Callable[[Log], Deferred[None]],
        min_insync_replicas: int = 1,
    ) -> None:
        """`flush` makes the log durable up to where it ends now, on whichever thread."""
        self.log = log
        self._flush = flush
        self.is_flushing = False
        """What was appended last is shown, and answered, when it has been flushed."""
        self._hidden_bytes = 0
        self.min_insync_replicas = min_insync_replicas
        self.broker_id = broker_id
        self.topic_partition: TopicPartition = log.topic_partition
        self.topic_id = log.topic_id
        self.is_internal = log.topic_partition.topic in INTERNAL_TOPICS
        self.is_removed = False
        """Gone from this broker: nothing may be done with its log any more."""
        self.leader = BrokerId(-1)
        self.leader_epoch = UNKNOWN_LEADER_EPOCH
        self.isr: tuple[int, ...] = ()
        self.replica_count = len(partition.replicas)
        self._high_watermark = log.log_start_offset
        self._watchers: set[ReplicaWatcher] = set()
        self._waiting_for_watermark: list[tuple[Offset, Deferred[None]]] = []
        self._ended_transactions: list[_EndedTransaction] = []
        self.apply(partition)

    @property
    def is_leader(self) -> bool:
        return self.leader == self.broker_id

    @property
    def high_watermark(self) -> Offset:
        """Consumers read below it."""
        return self._high_watermark

    @property
    def last_stable_offset(self) -> Offset:
        """First offset not yet decided: the oldest open transaction's first offset, or the high watermark."""
        unstable = self.log.first_unstable_offset
        stable = self._high_watermark if unstable is None else min(unstable, self._high_watermark)
        for ended in self._ended_transactions:
            stable = min(stable, ended.first_offset)
        return stable

    def apply(self, partition: PartitionImage) -> None:
        """Take on the role that the metadata image gives; a new leadership begins at the log end."""
        self.replica_count = len(partition.replicas)
        if (partition.leader, partition.leader_epoch) == (self.leader, self.leader_epoch):
            self.isr = tuple(partition.isr)
            self._advance_high_watermark(0)
            return
        self.leader = BrokerId(partition.leader)
        self.leader_epoch = LeaderEpoch(partition.leader_epoch)
        self.isr = tuple(partition.isr)
        if self.is_leader:
            self.log.assign_epoch_start(self.leader_epoch)
        self._advance_high_watermark(0)
        self._wake_all()

    def check_leader(self, current_leader_epoch: int = -1) -> None:
        """Raise unless this broker leads the partition in the epoch the client believes in (-1: it does not say).

        Raises KafkaError NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH (the client is behind) or UNKNOWN_LEADER_EPOCH (we are).
        """
        if current_leader_epoch not in (-1, self.leader_epoch):
            if current_leader_epoch < self.leader_epoch:
                raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
            raise KafkaError(ErrorCode.UNKNOWN_LEADER_EPOCH)
        if self.leader != self.broker_id:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)

    def append(
        self,
        records: memoryview,
        now_ms: int,
        *,
        acks_all: bool = False,
        origin: AppendOrigin = AppendOrigin.CLIENT,
    ) -> AppendInfo:
        """Append one batch as leader and let everybody know who waits for it.

        Raises KafkaError: NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, and what the log finds wrong. acks=all needs
        min.insync.replicas of them in sync, or all where a partition has fewer replicas than that.
        """
        if self.leader != self.broker_id:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        if acks_all and len(self.isr) < min(self.min_insync_replicas, self.replica_count):
            raise KafkaError(
                ErrorCode.NOT_ENOUGH_REPLICAS,
                f"{len(self.isr)} replica(s) of {self.topic_partition} in sync, min.insync.replicas is {self.min_insync_replicas}",
            )
        info = self.log.append_as_leader(records, self.leader_epoch, now_ms, origin=origin)
        if not info.duplicate:
            self._advance_high_watermark(info.size_bytes)
        return info

    def append_marker(
        self, marker: memoryview, now_ms: int, *, coordinator_epoch: int, transaction_version: int
    ) -> AppendInfo:
        """Append the control batch that ends a producer's transaction here.

        Raises KafkaError as `append` with acks=all, and INVALID_PRODUCER_EPOCH or TRANSACTION_COORDINATOR_FENCED when a later
        producer or coordinator has been here.
        """
        self.check_leader()
        batch = RecordBatchView(marker)
        state = self.log.producer_state
        state.check_marker(
            batch, coordinator_epoch=coordinator_epoch, transaction_version=transaction_version
        )
        first_offset = state.first_offset_of_transaction(batch.producer_id)
        if first_offset is None:
            return self.append(marker, now_ms, acks_all=True, origin=AppendOrigin.COORDINATOR)
        ended = _EndedTransaction(first_offset, self.log.log_end_offset)
        self._ended_transactions.append(ended)
        try:
            return self.append(marker, now_ms, acks_all=True, origin=AppendOrigin.COORDINATOR)
        except BaseException:
            self._ended_transactions.remove(ended)
            raise

    def read(self, offset: Offset, max_bytes: int, *, min_one_batch: bool) -> FileSlice | None:
        """Whole batches from the one that holds `offset`, up to the watermark; None at the watermark.

        Raises KafkaError(OFFSET_OUT_OF_RANGE) below the log start or above the watermark.
        """
        self._check_readable(offset)
        return self.log.read(
            offset, max_bytes, upper_bound=self._high_watermark, min_one_batch=min_one_batch
        )

    def read_committed(
        self, offset: Offset, max_bytes: int, *, min_one_batch: bool
    ) -> tuple[FileSlice | None, list[AbortedTransaction]]:
        """As `read`, up to the last stable offset, and the aborted transactions whose records the reader must leave out."""
        self._check_readable(offset)
        return self.log.read_committed(
            offset, max_bytes, upper_bound=self.last_stable_offset, min_one_batch=min_one_batch
        )

    def _check_readable(self, offset: Offset) -> None:
        if offset > self._high_watermark:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"offset {offset} of {self.topic_partition} is above the high watermark {self._high_watermark}",
            )

    def delete_records(self, offset: Offset) -> Offset:
        """Readers find nothing below `offset` any more, -1: below the high watermark. Returns the log start that this gives.

        Raises KafkaError: NOT_LEADER_OR_FOLLOWER, POLICY_VIOLATION on a topic that only compacts, OFFSET_OUT_OF_RANGE above
        the watermark. Kafka: Partition.deleteRecordsOnLeader.
        """
        self.check_leader()
        config = self.log.config
        if config.compact and not config.delete:
            raise KafkaError(
                ErrorCode.POLICY_VIOLATION,
                f"{self.topic_partition.topic} keeps the last record of every key (cleanup.policy=compact)",
            )
        if offset == _HIGH_WATERMARK:
            offset = self._high_watermark
        if not 0 <= offset <= self._high_watermark:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"{offset} is not within [0, {self._high_watermark}] of {self.topic_partition}",
            )
        before = self.log.log_start_offset
        self.log.move_log_start_offset(offset)
        if self.log.log_start_offset != before:
            self._wake_all()
        return self.log.log_start_offset

    def delete_old_segments(self, now_ms: int, count_max: int) -> int:
        """As `Log.delete_old_segments`; whoever waits for what is gone now is told."""
        count = self.log.delete_old_segments(self._high_watermark, now_ms, count_max)
        if count:
            self._wake_all()
        return count

    def wait_for_high_watermark(self, offset: Offset) -> Deferred[None] | None:
        """None when everything below `offset` is committed already, else a Deferred that resolves when it is."""
        if offset <= self._high_watermark:
            return None
        waiter: Deferred[None] = Deferred()
        self._waiting_for_watermark.append((offset, waiter))
        return waiter

    def watch(self, watcher: ReplicaWatcher) -> None:
        self._watchers.add(watcher)

    def unwatch(self, watcher: ReplicaWatcher) -> None:
        self._watchers.discard(watcher)

    def removed(self) -> None:
        """The partition is gone from this broker: nobody leads here any more, and whoever waits is told."""
        self.is_removed = True
        self.leader = BrokerId(-1)
        self._wake_all()
        self._fail_waiting(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))

    def _advance_high_watermark(self, size_bytes: int) -> None:
        """The watermark is the smallest log end among the in-sync replicas: with one of them, ours."""
        log = self.log
        if not self.is_leader:
            return
        if log.log_end_offset - log.recovery_point >= log.config.flush_messages:
            self._hidden_bytes += size_bytes
            self._flush_first()
            return
        self._high_watermark = log.log_end_offset
        if self._ended_transactions:
            # All that a transaction held back can be read now, by those who read committed records only.
            self._ended_transactions.clear()
            size_bytes += log.size_bytes
        if self._watchers and size_bytes:
            for watcher in tuple(self._watchers):
                watcher.on_readable(size_bytes)
        if self._waiting_for_watermark:
            self._release_committed()

    def _flush_first(self) -> None:
        if not self.is_flushing:
            self.is_flushing = True
            self._flush(self.log).on_done(self._flushed)

    def _flushed(self, done: Deferred[None]) -> None:
        """What came meanwhile may ask for another flush."""
        self.is_flushing = False
        try:
            done.result()
        except OSError as error:
            self._fail_waiting(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, str(error)))
            return
        size_bytes, self._hidden_bytes = self._hidden_bytes, 0
        self._advance_high_watermark(size_bytes)

    def _fail_waiting(self, error: KafkaError) -> None:
        waiting, self._waiting_for_watermark = self._waiting_for_watermark, []
        for _, waiter in waiting:
            waiter.fail(error)

    def _release_committed(self) -> None:
        due = [entry for entry in self._waiting_for_watermark if entry[0] <= self._high_watermark]
        self._waiting_for_watermark = [
            entry for entry in self._waiting_for_watermark if entry[0] > self._high_watermark
        ]
        for _, waiter in due:
            waiter.resolve(None)

    def _wake_all(self) -> None:
        for watcher in tuple(self._watchers):
            watcher.on_replica_changed()
