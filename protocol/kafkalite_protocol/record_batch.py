"""The header of a record batch (magic 2), read from and stamped into the bytes themselves.

A batch is the unit of append, CRC, compression and deduplication. On the wire, in a segment file
and here it is the same bytes:

    at  bytes  field                 meaning
     0    8    baseOffset            of the first record: a producer sends 0, the leader stamps it
     8    4    batchLength           bytes after this field: a batch is 12 + batchLength bytes
    12    4    partitionLeaderEpoch  stamped by the leader
    16    1    magic                 2; at the same place in the older formats 0 and 1
    17    4    crc                   CRC-32C from byte 21 to the end of the batch
    21    2    attributes            bits 0-2 compression, 3 timestamp type, 4 transactional,
                                     5 control, 6 delete horizon
    23    4    lastOffsetDelta       last offset - baseOffset; compaction does not change it
    27    8    baseTimestamp         ms; the records' are relative to it (bit 6: the delete horizon)
    35    8    maxTimestamp          ms; of the newest record, or the append time (bit 3)
    43    8    producerId            -1: not idempotent
    51    2    producerEpoch
    53    4    baseSequence          sequence number of the first record; -1: none
    57    4    recordCount
    61         records               compressed as one piece, when they are compressed

All integers are big-endian and signed, except the CRC. The two fields that a leader stamps lie
outside the CRC, so a batch is appended as it came, without being read.
Source: Kafka's DefaultRecordBatch; KIP-98, KIP-101, KIP-534 (delete horizon).
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING

from crc32c import crc32c

from kafkalite_protocol.compression import Compression
from kafkalite_protocol.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafkalite_protocol.buffers import Buffer

BASE_OFFSET_POSITION = 0
BATCH_LENGTH_POSITION = 8
LEADER_EPOCH_POSITION = 12
MAGIC_POSITION = 16
CRC_POSITION = 17
ATTRIBUTES_POSITION = 21
LAST_OFFSET_DELTA_POSITION = 23
BASE_TIMESTAMP_POSITION = 27
MAX_TIMESTAMP_POSITION = 35
PRODUCER_ID_POSITION = 43
PRODUCER_EPOCH_POSITION = 51
BASE_SEQUENCE_POSITION = 53
RECORD_COUNT_POSITION = 57

LOG_OVERHEAD = 12
"""Bytes before those that batchLength counts."""
HEADER_BYTES = 61
MIN_BATCH_LENGTH = HEADER_BYTES - LOG_OVERHEAD
MAGIC = 2

COMPRESSION_MASK = 0x07
TIMESTAMP_TYPE_BIT = 0x08
TRANSACTIONAL_BIT = 0x10
CONTROL_BIT = 0x20
DELETE_HORIZON_BIT = 0x40

MAX_SEQUENCE = 2**31 - 1

_HEADER = Struct(">qiibIhiqqqhii")
_OFFSET_LENGTH_EPOCH = Struct(">qii")
_CRC = Struct(">I")
_ATTRIBUTES = Struct(">h")
_TIMESTAMP = Struct(">q")
assert _HEADER.size == HEADER_BYTES


class TimestampType(IntEnum):
    """Who gave the records their timestamps: topic config `message.timestamp.type`."""

    CREATE_TIME = 0
    LOG_APPEND_TIME = 1


class BatchHeader:
    """The 61 bytes as values, under Kafka's field names. A copy: it outlives its buffer.

    Raises ProtocolError when fewer than 61 bytes remain or batchLength is less than a header.
    Magic and compression code are not judged here: what a wrong one means depends on who asks.
    """

    __slots__ = (
        "attributes",
        "base_offset",
        "base_sequence",
        "base_timestamp_ms",
        "batch_length",
        "crc",
        "last_offset_delta",
        "leader_epoch",
        "magic",
        "max_timestamp_ms",
        "producer_epoch",
        "producer_id",
        "record_count",
    )

    base_offset: int
    batch_length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp_ms: int
    max_timestamp_ms: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    def __init__(self, buffer: Buffer, position: int = 0) -> None:
        remaining = len(buffer) - position
        if remaining < HEADER_BYTES:
            raise ProtocolError(f"a batch header is {HEADER_BYTES} bytes, {remaining} remain")
        (
            self.base_offset,
            self.batch_length,
            self.leader_epoch,
            self.magic,
            self.crc,
            self.attributes,
            self.last_offset_delta,
            self.base_timestamp_ms,
            self.max_timestamp_ms,
            self.producer_id,
            self.producer_epoch,
            self.base_sequence,
            self.record_count,
        ) = _HEADER.unpack_from(buffer, position)
        if self.batch_length < MIN_BATCH_LENGTH:
            raise ProtocolError(
                f"batch length {self.batch_length}: an empty batch has {MIN_BATCH_LENGTH}"
            )

    @property
    def total_bytes(self) -> int:
        """Size of the whole batch, header included."""
        return LOG_OVERHEAD + self.batch_length

    @property
    def last_offset(self) -> int:
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        """The offset after this batch: where the log ends once it is appended."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def last_sequence(self) -> int:
        """Sequence number of the last record, -1: none. After 2**31 - 1 comes 0."""
        if self.base_sequence < 0:
            return -1
        return (self.base_sequence + self.last_offset_delta) & MAX_SEQUENCE

    @property
    def compression(self) -> Compression:
        """Raises ProtocolError for a code that stands for no codec (5-7)."""
        code = self.attributes & COMPRESSION_MASK
        try:
            return Compression(code)
        except ValueError:
            raise ProtocolError(f"unknown compression code {code}") from None

    @property
    def timestamp_type(self) -> TimestampType:
        return TimestampType(self.attributes >> 3 & 1)

    @property
    def is_transactional(self) -> bool:
        return bool(self.attributes & TRANSACTIONAL_BIT)

    @property
    def is_control(self) -> bool:
        return bool(self.attributes & CONTROL_BIT)

    @property
    def has_producer_id(self) -> bool:
        return self.producer_id >= 0

    @property
    def delete_horizon_ms(self) -> int | None:
        """When the cleaner may drop this batch's tombstones and markers; None: undecided."""
        return self.base_timestamp_ms if self.attributes & DELETE_HORIZON_BIT else None

    def __repr__(self) -> str:
        fields = (f"{name}={getattr(self, name)}" for name in sorted(BatchHeader.__slots__))
        return f"{type(self).__name__}({', '.join(fields)})"


class RecordBatchView(BatchHeader):
    """A whole batch inside a buffer. Its header is read once; stamping writes bytes and values.

    Raises ProtocolError when the batch says it is longer than what remains of the buffer.
    """

    __slots__ = ("buffer", "position")

    def __init__(self, buffer: Buffer, position: int = 0) -> None:
        self.buffer = buffer if isinstance(buffer, memoryview) else memoryview(buffer)
        self.position = position
        super().__init__(self.buffer, position)
        remaining = len(self.buffer) - position
        if LOG_OVERHEAD + self.batch_length > remaining:
            raise ProtocolError(f"a batch of {self.total_bytes} bytes, {remaining} remain")

    @property
    def end(self) -> int:
        """Position in the buffer after the batch."""
        return self.position + LOG_OVERHEAD + self.batch_length

    def view(self) -> memoryview:
        """The batch's bytes, not copied."""
        return self.buffer[self.position : self.end]

    def records_view(self) -> memoryview:
        """What follows the header, not copied: the records, still compressed."""
        return self.buffer[self.position + HEADER_BYTES : self.end]

    def computed_crc(self) -> int:
        return crc32c(self.buffer[self.position + ATTRIBUTES_POSITION : self.end])

    def check_crc(self) -> bool:
        """Are the bytes those that the CRC was made of? (64 KiB take some 4 us.)"""
        return self.computed_crc() == self.crc

    def stamp(self, base_offset: int, leader_epoch: int) -> None:
        """Write the leader's two fields in place. Both lie outside the CRC."""
        _OFFSET_LENGTH_EPOCH.pack_into(
            self.buffer, self.position, base_offset, self.batch_length, leader_epoch
        )
        self.base_offset = base_offset
        self.leader_epoch = leader_epoch

    def stamp_log_append_time(self, max_timestamp_ms: int) -> None:
        """Give all records the append time, in place: attribute bit 3, maxTimestamp, a new CRC.

        The records keep their own timestamps, which readers then ignore.
        """
        self.attributes |= TIMESTAMP_TYPE_BIT
        self.max_timestamp_ms = max_timestamp_ms
        _ATTRIBUTES.pack_into(self.buffer, self.position + ATTRIBUTES_POSITION, self.attributes)
        _TIMESTAMP.pack_into(self.buffer, self.position + MAX_TIMESTAMP_POSITION, max_timestamp_ms)
        self.crc = self.computed_crc()
        _CRC.pack_into(self.buffer, self.position + CRC_POSITION, self.crc)


def read_header(buffer: Buffer, position: int = 0) -> BatchHeader:
    """The header at `position`, for scanning a log: the buffer need not hold the whole batch."""
    return BatchHeader(buffer, position)


def batches(buffer: Buffer) -> Iterator[RecordBatchView]:
    """The batches that lie back to back in `buffer`; ProtocolError where one is not whole."""
    view = memoryview(buffer)
    position = 0
    while position < len(view):
        batch = RecordBatchView(view, position)
        yield batch
        position = batch.end


def pack_batch(
    records: Buffer,
    *,
    base_offset: int,
    leader_epoch: int,
    attributes: int,
    last_offset_delta: int,
    base_timestamp_ms: int,
    max_timestamp_ms: int,
    producer_id: int,
    producer_epoch: int,
    base_sequence: int,
    record_count: int,
) -> bytearray:
    """A batch from its header's values and its encoded (and compressed) records; length, magic and CRC are added."""
    batch = bytearray(HEADER_BYTES)
    _HEADER.pack_into(
        batch,
        0,
        base_offset,
        MIN_BATCH_LENGTH + len(records),
        leader_epoch,
        MAGIC,
        0,
        attributes,
        last_offset_delta,
        base_timestamp_ms,
        max_timestamp_ms,
        producer_id,
        producer_epoch,
        base_sequence,
        record_count,
    )
    batch += records
    _CRC.pack_into(batch, CRC_POSITION, crc32c(memoryview(batch)[ATTRIBUTES_POSITION:]))
    return batch
