"""Control records: what brokers write among the records of producers, and clients never show.

A control batch (attribute bit 5) holds one record. Its key is

    int16 version 0 | int16 type

and the value of an end-of-transaction marker

    int16 version 0 | int32 epoch of the transaction coordinator

The marker's batch carries the producer id and epoch whose transaction it ends. Offsets count it like any record.
Source: Kafka's ControlRecordType and EndTransactionMarker; KIP-98.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.records import Record, build_batch, iter_records

if TYPE_CHECKING:
    from kafkalite_protocol.record_batch import RecordBatchView

_KEY = Struct(">hh")
_END_TRANSACTION_VALUE = Struct(">hi")
_VERSION = 0


class ControlRecordType(IntEnum):
    """What a control record means. ABORT and COMMIT end a transaction, the others belong to metadata logs."""

    UNKNOWN = -1
    ABORT = 0
    COMMIT = 1
    LEADER_CHANGE = 2
    SNAPSHOT_HEADER = 3
    SNAPSHOT_FOOTER = 4
    KRAFT_VERSION = 5
    KRAFT_VOTERS = 6


class EndTransactionMarker(NamedTuple):
    """The end of a producer's transaction in one partition."""

    type: ControlRecordType
    coordinator_epoch: int


def control_record_type(record: Record) -> ControlRecordType:
    """UNKNOWN for types that came after Kafka 4.3. Raises ProtocolError when the key is none of a control record."""
    key = record.key
    if key is None or len(key) < _KEY.size:
        raise ProtocolError("a control record without version and type in its key")
    version, number = _KEY.unpack_from(key)
    if version < 0:
        raise ProtocolError(f"a control record of version {version}")
    try:
        return ControlRecordType(number)
    except ValueError:
        return ControlRecordType.UNKNOWN


def read_end_transaction_marker(batch: RecordBatchView) -> EndTransactionMarker | None:
    """The marker in a control batch; None when the batch holds something else. Raises ProtocolError when malformed."""
    if not batch.is_control:
        return None
    record = next(iter_records(batch), None)
    if record is None:
        return None  # compacted away: the batch stays for its producer's state
    record_type = control_record_type(record)
    if record_type not in (ControlRecordType.ABORT, ControlRecordType.COMMIT):
        return None
    if record.value is None or len(record.value) < _END_TRANSACTION_VALUE.size:
        raise ProtocolError("a transaction marker without a coordinator epoch")
    version, coordinator_epoch = _END_TRANSACTION_VALUE.unpack_from(record.value)
    if version < 0:
        raise ProtocolError(f"a transaction marker of version {version}")
    return EndTransactionMarker(record_type, coordinator_epoch)


def build_end_transaction_marker(
    marker: EndTransactionMarker,
    *,
    producer_id: int,
    producer_epoch: int,
    timestamp_ms: int,
    base_offset: int = 0,
    leader_epoch: int = -1,
) -> bytearray:
    """A batch of 78 bytes that ends the producer's transaction in the partition it is appended to."""
    key = _KEY.pack(_VERSION, marker.type)
    value = _END_TRANSACTION_VALUE.pack(_VERSION, marker.coordinator_epoch)
    return build_batch(
        [Record(base_offset, timestamp_ms, key, value)],
        base_offset=base_offset,
        leader_epoch=leader_epoch,
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        transactional=True,
        control=True,
    )
