"""The log of one partition: its segments, in order, and what is known about what is in them. Here it grows.

    log start offset <= recovery point <= log end offset

One thread appends, truncates and reads positions. What blocks is handed out as tasks that can run elsewhere (`flush_task`,
`timestamp_lookup`) and whose result comes back (`flushed`). High watermarks are not known here: they are the replica's.
The layers below it, a file each, are told in `log_state`. Kafka: UnifiedLog, LocalLog.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import RecordBatchView

from kafkalite.errors import KafkaError
from kafkalite.storage.log_validator import (
    check_records,
    check_size,
    client_batch,
    followers_batches,
    stamp_time,
)
from kafkalite.storage.producer_replay import note_producer
from kafkalite.storage.trimmable_log import TrimmableLog
from kafkalite.types import NO_TIMESTAMP, LeaderEpoch, Offset

if TYPE_CHECKING:
    from kafkalite.storage.producer_state import BatchMetadata
    from kafkalite.storage.segment import Segment


class AppendOrigin(Enum):
    """Who appends: decides what is checked."""

    CLIENT = "client"
    COORDINATOR = "coordinator"
    """This broker itself, into its internal topics, and markers anywhere: the batch is known to be well made."""


class AppendInfo(NamedTuple):
    """What became of an append."""

    base_offset: Offset
    last_offset: Offset
    log_append_time_ms: int
    """-1 unless the topic stamps append times; for a duplicate the timestamp of the batch that it repeats."""
    log_start_offset: Offset
    duplicate: bool
    """The batch was there already; nothing was written."""
    leader_epoch: LeaderEpoch
    size_bytes: int


class Log(TrimmableLog):
    """See the module. Made by `log_loader`."""

    __slots__ = ()

    def append_as_leader(
        self,
        records: memoryview,
        leader_epoch: LeaderEpoch,
        now_ms: int,
        *,
        origin: AppendOrigin = AppendOrigin.CLIENT,
    ) -> AppendInfo:
        """Check one batch, give it offsets and epoch in place, and write it. `records` must be writable.

        Raises KafkaError with what is wrong with the batch, and KAFKA_STORAGE_ERROR when it cannot be written: then
        the log is as it was.
        """
        config = self.config
        if origin is AppendOrigin.CLIENT:
            batch = client_batch(records, config)
            check_records(batch, self.topic_partition, config, now_ms)
            if batch.producer_id >= 0:
                known = self.producer_state.check(batch)
                if known is not None:
                    return self._duplicate(known, leader_epoch, batch.total_bytes)
        else:
            batch = RecordBatchView(records)
            check_size(batch, config)
            if batch.producer_id >= 0:
                self.producer_state.check_producer_epoch(batch)
        append_time_ms = stamp_time(batch, config, now_ms)
        base_offset = self.log_end_offset
        batch.stamp(base_offset, leader_epoch)
        size_bytes = batch.total_bytes
        if size_bytes != len(records):
            records = records[:size_bytes]
        self._write(records, (batch,), now_ms)
        return AppendInfo(
            base_offset,
            Offset(base_offset + batch.last_offset_delta),
            append_time_ms,
            self.log_start_offset,
            False,
            leader_epoch,
            size_bytes,
        )

    def _duplicate(
        self, known: BatchMetadata, leader_epoch: LeaderEpoch, size_bytes: int
    ) -> AppendInfo:
        """What was answered to the batch that came first; with its timestamp as the append time (measured)."""
        return AppendInfo(
            known.first_offset,
            known.last_offset,
            known.timestamp_ms,
            self.log_start_offset,
            True,
            leader_epoch,
            size_bytes,
        )

    def append_as_follower(self, records: memoryview) -> AppendInfo:
        """Write whole batches verbatim, as the leader has them.

        Raises KafkaError: CORRUPT_MESSAGE when they are damaged, OFFSET_OUT_OF_RANGE when they do not follow the log end,
        KAFKA_STORAGE_ERROR when they cannot be written; then the log is as it was.
        """
        found = followers_batches(records, self.log_end_offset)
        first, last = found[0], found[-1]
        self._write(records, found, self._clock.now_ms())
        return AppendInfo(
            Offset(first.base_offset),
            Offset(last.last_offset),
            NO_TIMESTAMP,
            self.log_start_offset,
            False,
            LeaderEpoch(last.leader_epoch),
            len(records),
        )

    def _write(self, records: memoryview, found: Sequence[RecordBatchView], now_ms: int) -> None:
        if self._offline is not None:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, self._offline)
        last = found[-1]
        segment = self._segments.active
        try:
            if segment.should_roll(
                len(records),
                last.base_offset + last.last_offset_delta,
                last.max_timestamp_ms,
                now_ms,
                self._jitter_ms,
            ):
                segment = self._roll(Offset(found[0].base_offset), now_ms)
            if last.leader_epoch > self._leader_epochs.latest_epoch:
                self._assign_epochs(found)
            segment.append(records, found)
        except OSError as error:
            raise self._storage_error(error) from error
        self.log_end_offset = segment.next_offset
        for batch in found:
            if batch.producer_id >= 0:
                self._note_producer(batch, segment)

    def _assign_epochs(self, found: Sequence[RecordBatchView]) -> None:
        for batch in found:
            if batch.leader_epoch > self._leader_epochs.latest_epoch:
                self._leader_epochs.assign(
                    LeaderEpoch(batch.leader_epoch), Offset(batch.base_offset)
                )

    def _note_producer(self, batch: RecordBatchView, segment: Segment) -> None:
        aborted = note_producer(self.producer_state, batch)
        if aborted is None:
            return
        try:
            segment.transaction_index.append(aborted)
        except OSError as error:
            # The marker is in the log; without its entry readers would be shown what was aborted.
            self._go_offline(error)
            raise self._storage_error(error) from error
