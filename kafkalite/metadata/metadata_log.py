"""`__cluster_metadata-0`, the log that the image is made from. Each batch is one change, whole or absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages.abort_transaction_record import AbortTransactionRecord
from kafkalite_protocol.record_batch import RecordBatchView, batches
from kafkalite_protocol.records import Record, build_batch, read_records

from kafkalite.clock import Clock
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import StartupError
from kafkalite.metadata.image import METADATA_TOPIC, MetadataImage
from kafkalite.metadata.image_replay import ImageReplay
from kafkalite.metadata.records import MetadataRecord, decode_record, encode_record
from kafkalite.storage.log import AppendOrigin, Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.types import LeaderEpoch, Offset, TopicPartition, Uuid

METADATA_PARTITION: Final = TopicPartition(METADATA_TOPIC, 0)
METADATA_TOPIC_ID: Final = Uuid(bytes(15) + b"\x01")
"""Kafka reserves it (`Uuid.METADATA_TOPIC_ID`), written `AAAAAAAAAAAAAAAAAAAAAQ`."""

METADATA_LOG_CONFIG: Final = LogConfig(
    delete=False, retention_ms=-1, max_message_bytes=8 * 1024 * 1024, segment_bytes=1024 * 1024
)
"""Nothing in it is ever too old. A batch is one change, which may take a megabyte; segments are small, since only whole
ones can be dropped when the log is summed up."""

_READ_BYTES: Final = 1 << 20

Flusher = Callable[[Log], Deferred[None]]
"""Makes a log durable, on this thread or another."""


def flush_here(log: Log) -> Deferred[None]:
    """Flush on the calling thread."""
    log.flush()
    return resolved(None)


class MetadataLog:
    """Metadata records in a `Log`. Every run writes under a leader epoch of its own."""

    def __init__(
        self,
        log: Log,
        clock: Clock,
        flusher: Flusher = flush_here,
        save_start: Callable[[], None] | None = None,
    ) -> None:
        """`save_start` makes the log's start offset durable; it may raise OSError."""
        log.reconfigure(METADATA_LOG_CONFIG)
        self._save_start = save_start
        self._log = log
        self._clock = clock
        self._flusher = flusher
        self._leader_epoch = LeaderEpoch(0)

    def replay(self, image: MetadataImage) -> MetadataImage:
        """`image` and everything in the log. Raises `StartupError` when a record cannot be understood.

        To be called once, before anything is appended. A transaction that was cut off is aborted, as Kafka does.
        """
        replay = ImageReplay(image)
        for batch in self._batches():
            self._leader_epoch = LeaderEpoch(max(self._leader_epoch, batch.leader_epoch))
            for offset, record in _records(batch):
                replay.take(Offset(offset), record)
        self._leader_epoch = LeaderEpoch(self._leader_epoch + 1)
        self._log.assign_epoch_start(self._leader_epoch)
        if replay.in_transaction:
            self.append([AbortTransactionRecord("It was cut off.")])
        return replay.image(self._log.log_end_offset)

    def append(self, records: Sequence[MetadataRecord]) -> Offset:
        """Append one change. Returns the offset after it; nothing is durable until `flush`.

        Raises `KafkaError(KAFKA_STORAGE_ERROR)`, and then nothing is appended.
        """
        now_ms = self._clock.now_ms()
        batch = build_batch(
            [
                Record(Offset(delta), now_ms, None, encode_record(record), [])
                for delta, record in enumerate(records)
            ]
        )
        self._log.append_as_leader(
            memoryview(batch), self._leader_epoch, now_ms, origin=AppendOrigin.COORDINATOR
        )
        return self._log.log_end_offset

    @property
    def leader_epoch(self) -> LeaderEpoch:
        """Under which this run writes."""
        return self._leader_epoch

    @property
    def record_count(self) -> int:
        """Records that a replay reads."""
        return self._log.log_end_offset - self._log.log_start_offset

    def forget_before(self, offset: Offset) -> None:
        """Records below `offset` are summed up by those from there on.

        A replay must never begin halfway through what was summed up, so the new start is on the disk before anything goes.
        """
        self._log.increment_log_start_offset(offset, before_removal=self._save_start)

    def flush(self) -> Deferred[None]:
        """Make everything appended so far durable. Fails with `KafkaError(KAFKA_STORAGE_ERROR)`."""
        return self._flusher(self._log)

    def _batches(self) -> Iterator[RecordBatchView]:
        offset, end = self._log.log_start_offset, self._log.log_end_offset
        while (piece := self._log.read(offset, _READ_BYTES, upper_bound=end)) is not None:
            for batch in batches(piece.read()):
                yield batch
                offset = Offset(batch.next_offset)


def _records(batch: RecordBatchView) -> Iterator[tuple[int, MetadataRecord]]:
    """Control batches tell of elections of the quorum; they hold no metadata."""
    if batch.is_control:
        return
    for record in read_records(batch):
        try:
            yield record.offset, decode_record(record.value or b"")
        except ProtocolError as error:
            raise StartupError(
                f"The cluster metadata log has a record at offset {record.offset} that this version"
                f" of kafkalite does not understand ({error}). A newer version wrote it, or Apache"
                " Kafka did: start that one on this directory, or give kafkalite an empty one."
            ) from error
