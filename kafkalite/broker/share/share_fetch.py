"""One ShareFetch that reads: acquires what is free of the partitions of its session, as soon as there is enough.

A look goes over the partitions in turn: those with something to acquire share max_bytes evenly, max_records is for all of
them together. Nothing is acquired before min_bytes are there or the wait is over, so a fetch that is parked holds nothing.
It watches the replicas for new records and the share partitions for returned ones.

The records of an answer are the batches of the log from the first that holds something acquired to the last, as a slice of
the file; which of their records are the member's is said beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.purgatory import Look, Watched
from kafkalite.broker.share.acknowledgements import Outcome
from kafkalite.broker.share.acquisition import Acquired, Limits
from kafkalite.broker.share.log_batches import log_batches
from kafkalite.broker.share.share_answer import Answers, PartitionAnswer
from kafkalite.broker.share.share_partition import Phase, SharePartition
from kafkalite.broker.share.share_partitions import SharePartitions
from kafkalite.broker.share.share_session import ShareSession, TopicIdPartition
from kafkalite.coordination.share.records import SharePartitionKey
from kafkalite.errors import KafkaError
from kafkalite.storage.file_slice import FileSlice
from kafkalite.storage.transaction_index import AbortedTransaction
from kafkalite.types import Offset


class Wanted(NamedTuple):
    """What a ShareFetch asks for, of all its partitions."""

    min_bytes: int
    max_bytes: int
    max_records: int
    batch_size: int
    exact: bool
    """share_acquire_mode 1: never more than max_records."""


@dataclass(slots=True)
class _Found:
    """What one look sees."""

    failed: dict[TopicIdPartition, PartitionAnswer] = field(default_factory=dict)
    acquirable: list[tuple[TopicIdPartition, SharePartition]] = field(default_factory=list)


class ShareFetch:
    """A `WaitingFetch`."""

    def __init__(
        self,
        partitions: SharePartitions,
        session: ShareSession,
        wanted: Wanted,
        acknowledged: Mapping[TopicIdPartition, Outcome],
        answers: Answers,
        *,
        is_first: bool,
    ) -> None:
        """`is_first`: the answer that opens a session tells of every partition, others of those with news."""
        self._partitions = partitions
        self._session = session
        self._wanted = wanted
        self._acknowledged = acknowledged
        self._answers = answers
        self._is_first = is_first
        self._asked = session.in_turn()
        self.watched: list[Watched] = []
        """What the last look depended on."""

    def look(self, *, final: bool) -> Look:
        found = _Found()
        self.watched = []
        if not self._session.closed:
            for at in self._asked:
                self._look_at(at, found)
        pieces = self._read(found)
        size_bytes = sum(len(piece) for _, _, piece in pieces)
        if size_bytes < self._wanted.min_bytes and not final and self.watched:
            return Look(None, max(1, self._wanted.min_bytes - size_bytes))
        answers = {}
        room = self._wanted.max_records
        for at, partition, piece in pieces:
            records, acquired = self._acquire(partition, piece, room)
            room -= sum(each.last - each.first + 1 for each in acquired)
            if acquired:
                answers[at] = PartitionAnswer(records=records, acquired=acquired)
        if self._is_first:
            for at, _ in found.acquirable:
                answers.setdefault(at, PartitionAnswer())
        return Look(self._answers.encode(answers | found.failed, self._acknowledged))

    def _look_at(self, at: TopicIdPartition, found: _Found) -> None:
        topic_id, index = at
        try:
            partition = self._partitions.get(
                SharePartitionKey(self._session.group_id, topic_id, index)
            )
            if partition.phase is Phase.CLOSED:
                # Told at the end of the wait: the client tries again at once, and the next try may fare no better.
                self.watched.append(partition.replica)
                raise partition.error or KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        except KafkaError as error:
            found.failed[at] = PartitionAnswer(error=error)
            return
        self.watched += (partition, partition.replica)
        if partition.phase is Phase.ACTIVE:
            partition.follow_log_start()
            if partition.in_flight.can_acquire(
                partition.settings().share_partition_max_record_locks
            ):
                found.acquirable.append((at, partition))

    def _read(self, found: _Found) -> list[tuple[TopicIdPartition, SharePartition, FileSlice]]:
        """What there is to read from the first free record of each partition on."""
        pieces = []
        for at, partition in found.acquirable:
            max_bytes = self._wanted.max_bytes // len(found.acquirable)
            offset = Offset(partition.in_flight.next_fetch_offset())
            replica = partition.replica
            if offset > replica.high_watermark:
                continue
            try:
                min_one_batch = self._wanted.max_bytes > 0
                if _reads_committed(partition):
                    piece, _ = replica.read_committed(
                        offset, max_bytes, min_one_batch=min_one_batch
                    )
                else:
                    piece = replica.read(offset, max_bytes, min_one_batch=min_one_batch)
            except KafkaError as error:
                found.failed[at] = PartitionAnswer(error=error)
                continue
            if piece is not None:
                pieces.append((at, partition, piece))
        return pieces

    def _acquire(
        self, partition: SharePartition, piece: FileSlice, room: int
    ) -> tuple[FileSlice | bytes, list[Acquired]]:
        settings = partition.settings()
        limits = Limits(
            max_records=room,
            batch_size=self._wanted.batch_size,
            max_locks=settings.share_partition_max_record_locks,
            delivery_limit=settings.share_delivery_count_limit,
            exact=self._wanted.exact,
        )
        acquisition = partition.begin_acquiring(self._session.member_id, limits)
        start = end = 0
        aborted = _aborted_in(partition, Offset(acquisition.position))
        for batch in log_batches(piece, aborted):
            if acquisition.is_full:
                break
            before = acquisition.count
            if batch.is_aborted:
                partition.in_flight.archive(acquisition.position, batch.last)
                acquisition.position = batch.last + 1
                continue
            partition.in_flight.acquire(acquisition, batch.first, batch.last)
            if acquisition.count > before:
                start = batch.position if before == 0 else start
                end = batch.end
        acquired = acquisition.acquired
        partition.end_acquiring(acquisition)
        return (piece.slice(start, end - start) if acquired else b""), acquired


def _reads_committed(partition: SharePartition) -> bool:
    return partition.settings().share_isolation_level == "read_committed"


def _aborted_in(partition: SharePartition, offset: Offset) -> list[AbortedTransaction]:
    if not _reads_committed(partition):
        return []
    replica = partition.replica
    return replica.log.aborted_transactions(offset, replica.last_stable_offset)
