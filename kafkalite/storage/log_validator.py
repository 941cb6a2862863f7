"""Is what a client sent fit to be appended? One batch, looked at through its header and its CRC.

Records are walked only where something asks for them: a compacted topic (keys), a batch whose header shows a
timestamp out of bounds, or a topic with `message.timestamp.before.max.ms`. Kafka walks every record of every batch;
what that costs a Python broker is more than everything else together. So a batch whose header is sound but whose
records are garbage is stored here and refused there; consumers find out (docs/decisions).

Codes as measured on Apache Kafka 4.3.0; the order of the checks is Kafka's too, so that a batch with two faults
gets the same answer: ProduceRequest.validateRecords, UnifiedLog.analyzeAndValidateRecords, LogValidator.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.record_batch import (
    ATTRIBUTES_POSITION,
    BATCH_LENGTH_POSITION,
    COMPRESSION_MASK,
    CONTROL_BIT,
    CRC_POSITION,
    LOG_OVERHEAD,
    MAGIC,
    MAGIC_POSITION,
    MAX_TIMESTAMP_POSITION,
    TIMESTAMP_TYPE_BIT,
    RecordBatchView,
    TimestampType,
    batches,
)
from kafkalite_protocol.records import read_records

from kafkalite.errors import KafkaError
from kafkalite.storage.log_config import NEVER_MS
from kafkalite.types import NO_TIMESTAMP, Offset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kafkalite_protocol.records import Record

    from kafkalite.storage.log_config import LogConfig
    from kafkalite.types import TopicPartition

MIN_RECORD_OVERHEAD = 14
"""The least batchLength of any magic: a header of magic 0. Kafka calls less corrupt."""
LAST_COMPRESSION_CODE = 4
MAX_ERRORS_IN_MESSAGE = 3

_INT16 = Struct(">h")
_INT64 = Struct(">q")
_INT32 = Struct(">i")
_UINT32 = Struct(">I")


class RecordError(NamedTuple):
    """One record that was refused: its index in the batch, and why."""

    batch_index: int
    message: str


class RecordValidationError(KafkaError):
    """INVALID_RECORD or INVALID_TIMESTAMP with the records at fault; ProduceResponse v8+ carries them."""

    __slots__ = ("record_errors",)

    def __init__(self, code: ErrorCode, message: str, record_errors: list[RecordError]) -> None:
        super().__init__(code, message)
        self.record_errors = record_errors


class NotOneBatchError(KafkaError):
    """What came is not one batch of the current format: refused before any log is asked."""


def client_batch(records: memoryview, config: LogConfig) -> RecordBatchView:
    """The one batch of a produce request's partition, with a sound header and CRC; `records` must be writable.

    Bytes after the batch that are too few for another one are left alone, as Kafka does.
    Raises KafkaError: CORRUPT_MESSAGE (bytes), INVALID_RECORD (meaning), MESSAGE_TOO_LARGE, UNKNOWN_SERVER_ERROR (codec).
    """
    try:
        batch = RecordBatchView(records)
    except ProtocolError:
        raise _what_is_wrong_with(records) from None
    if batch.magic != MAGIC:
        raise _what_is_wrong_with(records)
    if batch.end != len(records) and _whole_batch_at(records, batch.end):
        raise NotOneBatchError(
            ErrorCode.INVALID_RECORD, "A produce request carries exactly one batch per partition"
        )
    if batch.base_offset != 0:
        raise KafkaError(
            ErrorCode.INVALID_RECORD,
            f"A producer numbers its records from offset 0; this batch begins at {batch.base_offset}",
        )
    check_size(batch, config)
    check_crc(batch)
    _check_meaning(batch)
    return batch


def check_size(batch: RecordBatchView, config: LogConfig) -> None:
    """Raises KafkaError(MESSAGE_TOO_LARGE) for a batch above `max.message.bytes`."""
    if batch.total_bytes > config.max_message_bytes:
        raise KafkaError(
            ErrorCode.MESSAGE_TOO_LARGE,
            f"The batch has {batch.total_bytes} bytes; the topic accepts {config.max_message_bytes} "
            "(max.message.bytes)",
        )


def check_crc(batch: RecordBatchView) -> None:
    """Raises KafkaError(CORRUPT_MESSAGE) when the bytes are not those that the CRC was made of."""
    if not batch.check_crc():
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE,
            f"The batch says its CRC-32C is {batch.crc:08x}, its bytes have {batch.computed_crc():08x}",
        )


def _check_meaning(batch: RecordBatchView) -> None:
    count = batch.record_count
    if count <= 0 or batch.last_offset_delta != count - 1:
        raise KafkaError(
            ErrorCode.INVALID_RECORD,
            f"The batch says it has {count} records and a last offset delta of {batch.last_offset_delta}",
        )
    if batch.producer_id >= 0 and batch.base_sequence < 0:
        raise KafkaError(
            ErrorCode.INVALID_RECORD,
            f"Producer id {batch.producer_id} comes without a sequence number",
        )
    if batch.attributes & CONTROL_BIT:
        raise KafkaError(ErrorCode.INVALID_RECORD, "Clients may not write control records")
    code = batch.attributes & COMPRESSION_MASK
    if code > LAST_COMPRESSION_CODE:
        # Kafka trips over it with an exception of its own, so this is the code that clients see.
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, f"Unknown compression code {code}")


def _whole_batch_at(records: memoryview, position: int) -> bool:
    """Does a batch of any format lie at `position`, in full? Raises KafkaError(CORRUPT_MESSAGE) if the bytes can't be one."""
    remaining = len(records) - position
    if remaining < LOG_OVERHEAD:
        return False
    (batch_length,) = _INT32.unpack_from(records, position + BATCH_LENGTH_POSITION)
    if batch_length < MIN_RECORD_OVERHEAD:
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE, f"A batch length of {batch_length} is less than any header"
        )
    if remaining <= MAGIC_POSITION:
        return False
    magic = records[position + MAGIC_POSITION]
    if magic > MAGIC:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"There is no record format with magic {magic}")
    return bool(LOG_OVERHEAD + batch_length <= remaining)


def _what_is_wrong_with(records: memoryview) -> NotOneBatchError:
    """Why the bytes are not a batch of the current format."""
    if not _whole_batch_at(records, 0):
        return NotOneBatchError(ErrorCode.INVALID_RECORD, "The record batch is missing or cut off")
    magic = records[MAGIC_POSITION]
    if magic != MAGIC:
        return NotOneBatchError(
            ErrorCode.INVALID_RECORD,
            f"Record format {magic} is from before Kafka 0.11; only format {MAGIC} is accepted",
        )
    return NotOneBatchError(ErrorCode.CORRUPT_MESSAGE, "The batch is shorter than its own header")


def check_records(
    batch: RecordBatchView, topic_partition: TopicPartition, config: LogConfig, now_ms: int
) -> None:
    """Look at the records one by one, if keys or timestamps ask for it; then a maxTimestamp that lies is put right, too.

    Raises RecordValidationError (INVALID_TIMESTAMP if any timestamp is at fault, else INVALID_RECORD), or KafkaError when
    the records can't be read.
    """
    create_time = config.message_timestamp_type is TimestampType.CREATE_TIME
    wrong_type = not create_time and bool(batch.attributes & TIMESTAMP_TYPE_BIT)
    watch_time = create_time and (
        # A header that cannot be true: sarama before 1.44 says -1 for the newest of records that have times.
        batch.max_timestamp_ms < batch.base_timestamp_ms
        or batch.max_timestamp_ms > now_ms + config.message_timestamp_after_max_ms
        or config.message_timestamp_before_max_ms != NEVER_MS
    )
    if not (config.compact or watch_time or wrong_type):
        return
    oldest_ms = now_ms - config.message_timestamp_before_max_ms
    newest_ms = now_ms + config.message_timestamp_after_max_ms
    errors: list[RecordError] = []
    code = ErrorCode.INVALID_RECORD
    max_timestamp_ms = NO_TIMESTAMP
    for index, record in enumerate(_read(batch)):
        max_timestamp_ms = max(max_timestamp_ms, record.timestamp_ms)
        if config.compact and record.key is None:
            errors.append(
                RecordError(
                    index, f"Compacted topic {topic_partition.topic} needs a key in each record"
                )
            )
        elif wrong_type:
            code = ErrorCode.INVALID_TIMESTAMP
            errors.append(
                RecordError(index, "Producers may not say that their timestamps are append times")
            )
        elif create_time and _is_out_of_bounds(record.timestamp_ms, oldest_ms, newest_ms):
            code = ErrorCode.INVALID_TIMESTAMP
            errors.append(
                RecordError(
                    index,
                    f"Timestamp {record.timestamp_ms} is not within [{oldest_ms}, {newest_ms}]",
                )
            )
    if errors:
        what = "timestamp" if code is ErrorCode.INVALID_TIMESTAMP else "record"
        first = "; ".join(f"{e.batch_index}: {e.message}" for e in errors[:MAX_ERRORS_IN_MESSAGE])
        raise RecordValidationError(
            code,
            f"{len(errors)} of {batch.record_count} records refused for their {what}. {first}",
            errors,
        )
    if create_time and max_timestamp_ms != batch.max_timestamp_ms:
        _stamp_max_timestamp(batch, max_timestamp_ms)


def _stamp_max_timestamp(batch: RecordBatchView, max_timestamp_ms: int) -> None:
    """Retention, rolling and the time index go by it: one far in the future would keep a segment for ever."""
    batch.max_timestamp_ms = max_timestamp_ms
    _INT64.pack_into(batch.buffer, batch.position + MAX_TIMESTAMP_POSITION, max_timestamp_ms)
    _stamp_crc(batch)


def _stamp_crc(batch: RecordBatchView) -> None:
    batch.crc = batch.computed_crc()
    _UINT32.pack_into(batch.buffer, batch.position + CRC_POSITION, batch.crc)


def _is_out_of_bounds(timestamp_ms: int, oldest_ms: int, newest_ms: int) -> bool:
    """-1 stands for no timestamp, and is accepted (measured)."""
    return timestamp_ms != NO_TIMESTAMP and not oldest_ms <= timestamp_ms <= newest_ms


def _read(batch: RecordBatchView) -> Iterable[Record]:
    try:
        return read_records(batch)
    except ProtocolError as error:
        # Kafka's answers: records that lie are invalid, compressed data that can't be read is its own exception.
        compressed = batch.attributes & COMPRESSION_MASK
        code = ErrorCode.UNKNOWN_SERVER_ERROR if compressed else ErrorCode.INVALID_RECORD
        raise KafkaError(code, f"The records of the batch can't be read: {error}") from None


def stamp_time(batch: RecordBatchView, config: LogConfig, now_ms: int) -> int:
    """Make the batch's timestamp type the topic's. Returns the append time that it now has, -1 for create time."""
    if config.message_timestamp_type is TimestampType.LOG_APPEND_TIME:
        batch.stamp_log_append_time(now_ms)
        return now_ms
    if batch.attributes & TIMESTAMP_TYPE_BIT:
        _stamp_create_time(batch)
    return NO_TIMESTAMP


def _stamp_create_time(batch: RecordBatchView) -> None:
    """Take back a producer's claim that its timestamps are append times. The CRC covers the bit."""
    batch.attributes &= ~TIMESTAMP_TYPE_BIT
    _INT16.pack_into(batch.buffer, batch.position + ATTRIBUTES_POSITION, batch.attributes)
    _stamp_crc(batch)


def followers_batches(records: memoryview, log_end_offset: Offset) -> list[RecordBatchView]:
    """Batches fetched from a leader, whole, undamaged and in order after `log_end_offset`.

    Raises KafkaError: CORRUPT_MESSAGE, OFFSET_OUT_OF_RANGE.
    """
    try:
        found = list(batches(records))
    except ProtocolError as error:
        raise KafkaError(
            ErrorCode.CORRUPT_MESSAGE, f"Fetched batches are damaged: {error}"
        ) from None
    assert found, "a follower appends what it has fetched"
    for batch in found:
        if batch.magic != MAGIC:
            raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"A fetched batch has magic {batch.magic}")
        check_crc(batch)
        if batch.base_offset < log_end_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"A fetched batch begins at offset {batch.base_offset}; the log ends at {log_end_offset}",
            )
        log_end_offset = Offset(batch.next_offset)
    return found
