"""What a partition knows of its producers: which batch each may write next, and which transactions are open.

A batch of an idempotent producer carries (producer id, epoch, base sequence); sequences count its records in this
partition, and 2**31 - 1 is followed by 0. For each producer id the epoch, the last five batches and the transaction under
way are kept. A batch is then

    of an id that is not known                                     appended, whatever its sequence: what came before may
                                                                   have been deleted
    one of the last five (same epoch, first and last sequence)     a duplicate: answered as it was the first time
    of an older epoch than the producer's                          INVALID_PRODUCER_EPOCH
    of a newer epoch, beginning with sequence 0                    appended
    of the same epoch, the next in sequence                        appended
    anything else                                                  OUT_OF_ORDER_SEQUENCE_NUMBER
    outside a transaction while the producer's own is open         INVALID_TXN_STATE

A transaction opens with the first transactional batch and ends with a marker (a control batch).

The state is the replay of the log; snapshots (`producer_snapshot.py`) spare reading it from its start. They are written when
a segment is rolled and on a clean stop, and of each producer they hold the last batch only.

Sources: Kafka's ProducerStateManager, ProducerAppendInfo, ProducerStateEntry; KIP-98, KIP-360, KIP-890; measured on 4.3.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import MAX_SEQUENCE, BatchHeader

from kafkalite.errors import KafkaError
from kafkalite.storage.filesystem import FileSystem, replace_atomically
from kafkalite.storage.producer_snapshot import (
    CorruptSnapshotError,
    SnapshotEntry,
    decode_snapshot,
    encode_snapshot,
)
from kafkalite.storage.segment_files import SNAPSHOT_SUFFIX, base_offset_of, segment_path, suffix_of
from kafkalite.storage.transaction_index import AbortedTransaction
from kafkalite.types import (
    NO_PRODUCER_EPOCH,
    NO_SEQUENCE,
    NO_TIMESTAMP,
    UNKNOWN_OFFSET,
    Offset,
    ProducerId,
)

KEPT_BATCHES = 5
"""As many as an idempotent producer may have in flight. Kafka: `NUM_BATCHES_TO_RETAIN`."""

NO_COORDINATOR_EPOCH = -1


class BatchMetadata(NamedTuple):
    """One remembered batch of a producer: what is needed to know it again and to answer as then."""

    first_sequence: int
    last_sequence: int
    last_offset: Offset
    offset_delta: int
    """Last offset minus first offset."""
    timestamp_ms: int
    """Greatest timestamp of the batch: a duplicate is answered with it as its append time."""

    @property
    def first_offset(self) -> Offset:
        return Offset(self.last_offset - self.offset_delta)


class ProducerEntry:
    """One producer id in one partition."""

    __slots__ = (
        "batches",
        "coordinator_epoch",
        "epoch",
        "last_timestamp_ms",
        "producer_id",
        "transaction_first_offset",
    )

    def __init__(self, producer_id: ProducerId) -> None:
        self.producer_id = producer_id
        self.epoch = NO_PRODUCER_EPOCH
        self.batches: list[BatchMetadata] = []
        """The last five of this epoch, oldest first."""
        self.coordinator_epoch = NO_COORDINATOR_EPOCH
        """Of the coordinator that wrote the last marker: an older one is fenced."""
        self.last_timestamp_ms = NO_TIMESTAMP
        self.transaction_first_offset: Offset | None = None

    @property
    def last_sequence(self) -> int:
        """-1 when no batch of the epoch is known."""
        return self.batches[-1].last_sequence if self.batches else NO_SEQUENCE

    @property
    def next_sequence(self) -> int:
        return (self.last_sequence + 1) & MAX_SEQUENCE

    def move_to_epoch(self, epoch: int) -> None:
        """Sequences begin anew with each epoch."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.batches.clear()

    def add(self, batch: BatchMetadata) -> None:
        if len(self.batches) == KEPT_BATCHES:
            del self.batches[0]
        self.batches.append(batch)
        self.last_timestamp_ms = batch.timestamp_ms

    def duplicate_of(self, batch: BatchHeader) -> BatchMetadata | None:
        """The remembered batch that this one repeats."""
        if batch.producer_epoch != self.epoch:
            return None
        key = batch.base_sequence, batch.last_sequence
        return next((known for known in self.batches if known[:2] == key), None)


class ProducerState:
    """All producers of one partition. Empty, it costs nothing."""

    __slots__ = ("_open_transactions", "_producers", "expiration_ms")

    def __init__(self, expiration_ms: int) -> None:
        """`expiration_ms` is `producer.id.expiration.ms`."""
        self.expiration_ms = expiration_ms
        self._producers: dict[ProducerId, ProducerEntry] = {}
        self._open_transactions: dict[Offset, ProducerId] = {}
        """By first offset, ascending: a transaction that opens later begins further on."""

    def __len__(self) -> int:
        return len(self._producers)

    @property
    def active_producers(self) -> Mapping[ProducerId, ProducerEntry]:
        """A live view, for DescribeProducers."""
        return self._producers

    @property
    def first_unstable_offset(self) -> Offset | None:
        """First offset of the oldest open transaction; None when none is open.

        A transaction is decided when its marker is in the log. Where the high watermark lags behind the log end, its owner
        has to hold the last stable offset back until the watermark has passed the marker.
        """
        return next(iter(self._open_transactions), None)

    def check(self, batch: BatchHeader) -> BatchMetadata | None:
        """May this batch of a client be appended? None: yes; else the batch that it repeats.

        Only for batches with a producer id; before they are stamped. Raises KafkaError as the table above says.
        """
        entry = self._producers.get(ProducerId(batch.producer_id))
        if entry is None:
            return None
        if not _follows(batch, entry):
            duplicate = entry.duplicate_of(batch)
            if duplicate is not None:
                return duplicate
            check_epoch(batch, entry)
            raise KafkaError(
                ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
                f"Producer {entry.producer_id} sent sequence {batch.base_sequence} in epoch {batch.producer_epoch}; "
                f"the last one here is {entry.last_sequence} in epoch {entry.epoch}",
            )
        if entry.transaction_first_offset is not None and not batch.is_transactional:
            raise KafkaError(
                ErrorCode.INVALID_TXN_STATE,
                f"Producer {entry.producer_id} has an open transaction and sent a batch outside it",
            )
        return None

    def has_ongoing(self, producer_id: int, producer_epoch: int) -> bool:
        """Is a transaction of this producer, in this epoch, open here?"""
        entry = self._producers.get(ProducerId(producer_id))
        return (
            entry is not None
            and entry.transaction_first_offset is not None
            and entry.epoch == producer_epoch
        )

    def first_offset_of_transaction(self, producer_id: int) -> Offset | None:
        """Where the open transaction of this producer id begins; None when it has none here."""
        entry = self._producers.get(ProducerId(producer_id))
        return None if entry is None else entry.transaction_first_offset

    def check_producer_epoch(self, batch: BatchHeader) -> None:
        """Raise KafkaError INVALID_PRODUCER_EPOCH for a batch of a coordinator whose producer has been replaced since."""
        entry = self._producers.get(ProducerId(batch.producer_id))
        if entry is not None:
            check_epoch(batch, entry)

    def check_marker(
        self, batch: BatchHeader, *, coordinator_epoch: int, transaction_version: int
    ) -> None:
        """May this marker of a transaction coordinator be appended?

        From `transaction_version` 2 on (KIP-890) a marker ends its transaction with a higher epoch than the batches had. Raises
        KafkaError INVALID_PRODUCER_EPOCH or TRANSACTION_COORDINATOR_FENCED.
        """
        entry = self._producers.get(ProducerId(batch.producer_id))
        if entry is None:
            return
        check_epoch(batch, entry)
        is_open = entry.transaction_first_offset is not None
        if transaction_version >= 2 and is_open and batch.producer_epoch == entry.epoch:
            raise KafkaError(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"The marker for producer {entry.producer_id} has epoch {entry.epoch}, that of the transaction it ends; "
                "a higher one was due",
            )
        if coordinator_epoch < entry.coordinator_epoch:
            raise KafkaError(
                ErrorCode.TRANSACTION_COORDINATOR_FENCED,
                f"The marker for producer {entry.producer_id} comes from coordinator epoch {coordinator_epoch}; epoch "
                f"{entry.coordinator_epoch} has written here since",
            )

    def update(self, batch: BatchHeader) -> None:
        """Take note of an appended batch of records (for markers: `complete`). Its offsets are the final ones."""
        entry = self._entry(batch)
        entry.move_to_epoch(batch.producer_epoch)
        entry.add(
            BatchMetadata(
                batch.base_sequence,
                batch.last_sequence,
                Offset(batch.last_offset),
                batch.last_offset_delta,
                batch.max_timestamp_ms,
            )
        )
        if batch.is_transactional and entry.transaction_first_offset is None:
            entry.transaction_first_offset = Offset(batch.base_offset)
            self._open_transactions[entry.transaction_first_offset] = entry.producer_id

    def complete(
        self, batch: BatchHeader, *, aborted: bool, coordinator_epoch: int
    ) -> AbortedTransaction | None:
        """Take note of an appended transaction marker. Returns what the transaction index has to keep, if anything."""
        entry = self._entry(batch)
        entry.move_to_epoch(batch.producer_epoch)
        entry.coordinator_epoch = coordinator_epoch
        entry.last_timestamp_ms = batch.max_timestamp_ms
        first_offset, entry.transaction_first_offset = entry.transaction_first_offset, None
        if first_offset is None:
            return None  # none of its records are here
        del self._open_transactions[first_offset]
        if not aborted:
            return None
        unstable = self.first_unstable_offset
        return AbortedTransaction(
            entry.producer_id,
            first_offset,
            Offset(batch.base_offset),
            Offset(batch.base_offset + 1) if unstable is None else unstable,
        )

    def expire(self, now_ms: int) -> None:
        """Forget producers that have been silent for `producer.id.expiration.ms` and have no open transaction."""
        silent = [
            producer_id
            for producer_id, entry in self._producers.items()
            if entry.transaction_first_offset is None
            and now_ms - entry.last_timestamp_ms >= self.expiration_ms
        ]
        for producer_id in silent:
            del self._producers[producer_id]

    def clear(self) -> None:
        self._producers.clear()
        self._open_transactions.clear()

    def encode(self) -> bytes:
        """The bytes of a snapshot."""
        return encode_snapshot([_to_snapshot(entry) for entry in self._producers.values()])

    def decode(self, data: bytes) -> None:
        """Replace the state with a snapshot's. Raises CorruptSnapshotError and leaves it empty."""
        self.clear()
        entries = [_from_snapshot(entry) for entry in decode_snapshot(data)]
        self._producers = {entry.producer_id: entry for entry in entries}
        open_since = [
            (entry.transaction_first_offset, entry.producer_id)
            for entry in entries
            if entry.transaction_first_offset is not None
        ]
        self._open_transactions = dict(sorted(open_since))

    def _entry(self, batch: BatchHeader) -> ProducerEntry:
        producer_id = ProducerId(batch.producer_id)
        entry = self._producers.get(producer_id)
        if entry is None:
            entry = self._producers[producer_id] = ProducerEntry(producer_id)
        return entry


def _follows(batch: BatchHeader, entry: ProducerEntry) -> bool:
    """Is this the batch that comes next? An entry without an epoch lays no claim to a sequence."""
    if batch.producer_epoch == entry.epoch:
        return batch.base_sequence == entry.next_sequence or entry.epoch == NO_PRODUCER_EPOCH
    if batch.producer_epoch < entry.epoch:
        return False
    return batch.base_sequence == 0 or entry.epoch == NO_PRODUCER_EPOCH


def check_epoch(batch: BatchHeader, entry: ProducerEntry) -> None:
    """Raise KafkaError INVALID_PRODUCER_EPOCH when a later producer of the same id has taken over."""
    if batch.producer_epoch < entry.epoch:
        raise KafkaError(
            ErrorCode.INVALID_PRODUCER_EPOCH,
            f"Producer {entry.producer_id} writes with epoch {batch.producer_epoch}; its epoch is {entry.epoch}",
        )


def _to_snapshot(entry: ProducerEntry) -> SnapshotEntry:
    last = entry.batches[-1] if entry.batches else None
    first_offset = entry.transaction_first_offset
    return SnapshotEntry(
        entry.producer_id,
        entry.epoch,
        entry.last_sequence,
        UNKNOWN_OFFSET if last is None else last.last_offset,
        0 if last is None else last.offset_delta,
        entry.last_timestamp_ms,
        entry.coordinator_epoch,
        UNKNOWN_OFFSET if first_offset is None else first_offset,
    )


def _from_snapshot(saved: SnapshotEntry) -> ProducerEntry:
    entry = ProducerEntry(saved.producer_id)
    entry.epoch = saved.producer_epoch
    entry.coordinator_epoch = saved.coordinator_epoch
    entry.last_timestamp_ms = saved.timestamp_ms
    if saved.last_offset != UNKNOWN_OFFSET:
        first_sequence = (saved.last_sequence - saved.offset_delta) & MAX_SEQUENCE
        entry.add(BatchMetadata(first_sequence, *saved[2:6]))
    if saved.transaction_first_offset != UNKNOWN_OFFSET:
        entry.transaction_first_offset = saved.transaction_first_offset
    return entry


# Snapshot files


def snapshot_path(directory: Path, offset: Offset) -> Path:
    return segment_path(directory, offset, SNAPSHOT_SUFFIX)


def snapshot_offsets(names: Iterable[str]) -> list[Offset]:
    """The offsets that a directory has snapshots of, ascending."""
    found = (base_offset_of(name) for name in names if suffix_of(name) == SNAPSHOT_SUFFIX)
    return sorted(offset for offset in found if offset is not None)


def write_snapshot(
    filesystem: FileSystem, directory: Path, offset: Offset, state: ProducerState
) -> None:
    """Write the state just before `offset`; whole or not at all, made durable by the log's next flush."""
    replace_atomically(filesystem, snapshot_path(directory, offset), state.encode(), sync=False)


def read_snapshot(
    filesystem: FileSystem, directory: Path, offset: Offset, state: ProducerState
) -> None:
    """Replace `state` with the snapshot's. Raises CorruptSnapshotError, with the state empty."""
    path = snapshot_path(directory, offset)
    try:
        state.decode(filesystem.read_bytes(path))
    except CorruptSnapshotError as error:
        raise CorruptSnapshotError(f"producer snapshot {path} is corrupt: {error}") from None
