"""What stays of a batch when its log is cleaned.

Records

    of an aborted transaction                              go
    behind what the map covers                             stay: what follows them is not known yet
    without a key                                          go
    whose key has a later record in the dirty part         go
    tombstones (no value)                                  stay until the delete horizon of their batch has passed

A batch whose records all stay is copied as it is, but for one that gets its delete horizon now; otherwise the rest is written
anew, in the same codec, with the same offsets, producer and sequence. Of a batch without records left nothing stays, or its header
alone: for the last batch of an active producer, which tells its next sequence, and for the last of what is cleaned, which
tells where the log ends there. A transaction's marker gets a delete horizon once no data of it is left.

The horizon is `delete.retention.ms` after the first cleaning that meets the batch: until then a slow reader still learns of the
delete. It takes the place of the base timestamp, told by attribute bit 6 (KIP-534). Kafka: Cleaner, MemoryRecords.filterTo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kafkalite_protocol.compression import Compression
from kafkalite_protocol.record_batch import (
    CONTROL_BIT,
    TIMESTAMP_TYPE_BIT,
    TRANSACTIONAL_BIT,
    RecordBatchView,
    pack_batch,
)
from kafkalite_protocol.records import Record, build_batch, iter_records

from kafkalite.storage.cleaner.pace import Paced, paced
from kafkalite.types import NO_TIMESTAMP, Offset, ProducerId

if TYPE_CHECKING:
    from kafkalite.storage.cleaner.offset_map import OffsetMap
    from kafkalite.storage.cleaner.pace import Pace
    from kafkalite.storage.cleaner.transactions import CleanedTransactions

_KEPT_ATTRIBUTES = TIMESTAMP_TYPE_BIT | TRANSACTIONAL_BIT | CONTROL_BIT


class LastBatch(NamedTuple):
    """The batch of an active producer that must stay."""

    last_offset: Offset | None
    """None: no batch of records is known, only a marker."""
    producer_epoch: int


class CleaningRules(NamedTuple):
    """What one cleaning goes by."""

    now_ms: int
    delete_retention_ms: int
    end_offset: Offset
    """The first offset that is not cleaned."""
    producers: Mapping[ProducerId, LastBatch]
    """The active ones."""


class BatchFilter:
    """Shown every batch of a log in order (`filter`)."""

    def __init__(
        self,
        rules: CleaningRules,
        offsets: OffsetMap,
        transactions: CleanedTransactions,
        pace: Pace,
    ) -> None:
        self._rules = rules
        self._offsets = offsets
        self._transactions = transactions
        self._pace = pace

    def filter(self, batch: RecordBatchView) -> RecordBatchView | None:
        """What stays of it, perhaps itself; None: nothing. Raises ProtocolError when it cannot be read."""
        is_useless = self._transactions.is_useless(batch)
        horizon_ms = batch.delete_horizon_ms
        is_expired = horizon_ms is not None and horizon_ms <= self._rules.now_ms
        goes = is_useless and (is_expired or not batch.is_control)
        records = [] if goes else self._remaining(batch, tombstones_go=is_expired)
        if not records:
            return RecordBatchView(_header_alone(batch)) if self._is_needed(batch) else None
        is_dated = is_useless if batch.is_control else any(each.value is None for each in records)
        if is_dated and horizon_ms is None:
            horizon_ms = self._rules.now_ms + self._rules.delete_retention_ms
        elif len(records) == batch.record_count:
            return batch
        return RecordBatchView(_with_records(batch, Paced(records, self._pace), horizon_ms))

    def _remaining(self, batch: RecordBatchView, *, tombstones_go: bool) -> list[Record]:
        if batch.is_control:
            return list(iter_records(batch))
        mapped_until, last_offset_of = self._offsets.latest_offset, self._offsets.get
        remaining = []
        for record in paced(iter_records(batch), self._pace):
            offset, _, key, value, _ = record
            if offset > mapped_until or (
                key is not None
                and not (tombstones_go and value is None)
                and offset >= last_offset_of(key)
            ):
                remaining.append(record)
        return remaining

    def _is_needed(self, batch: RecordBatchView) -> bool:
        """Must the header stay for what it tells?"""
        if batch.next_offset == self._rules.end_offset:
            return True
        last = self._rules.producers.get(ProducerId(batch.producer_id))
        if last is None:
            return False
        if last.last_offset is not None:
            return batch.last_offset == last.last_offset
        return batch.is_control and batch.producer_epoch == last.producer_epoch


def _header_alone(batch: RecordBatchView) -> bytearray:
    """The batch without records: offsets, producer and greatest timestamp are as they were."""
    return pack_batch(
        b"",
        base_offset=batch.base_offset,
        leader_epoch=batch.leader_epoch,
        attributes=Compression.NONE | batch.attributes & _KEPT_ATTRIBUTES,
        last_offset_delta=batch.last_offset_delta,
        base_timestamp_ms=NO_TIMESTAMP,
        max_timestamp_ms=batch.max_timestamp_ms,
        producer_id=batch.producer_id,
        producer_epoch=batch.producer_epoch,
        base_sequence=batch.base_sequence,
        record_count=0,
    )


def _with_records(
    batch: RecordBatchView, records: Sequence[Record], horizon_ms: int | None
) -> bytearray:
    """The batch with only these records."""
    return build_batch(
        records,
        base_offset=batch.base_offset,
        leader_epoch=batch.leader_epoch,
        compression=batch.compression,
        timestamp_type=batch.timestamp_type,
        producer_id=batch.producer_id,
        producer_epoch=batch.producer_epoch,
        base_sequence=batch.base_sequence,
        transactional=batch.is_transactional,
        control=batch.is_control,
        last_offset=Offset(batch.last_offset),
        delete_horizon_ms=horizon_ms,
    )
