"""The records inside a batch (magic 2): reading them, and building a batch of them.

A record is a run of variable-length numbers and the bytes they announce; after the header of the batch
(see record_batch) come recordCount of

    varint   length of all that follows
    int8     attributes: none is in use
    varlong  timestamp - baseTimestamp
    varint   offset - baseOffset
    varint   length of the key, -1: null       | key
    varint   length of the value, -1: null     | value
    varint   number of headers, each: varint length of the name | name, varint length, -1: null | value

A varint has 7 bits in a byte, lowest first, the top bit set in all but the last one; zigzag puts the sign
in bit 0 (0, -1, 1, -2 are 0, 1, 2, 3). An int32 takes 5 bytes at most, an int64 10.
Source: Kafka's DefaultRecord and ByteUtils; KIP-82 (headers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kafkalite_protocol.compression import Compression, compress, decompress
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.record_batch import (
    CONTROL_BIT,
    DELETE_HORIZON_BIT,
    MAGIC,
    TIMESTAMP_TYPE_BIT,
    TRANSACTIONAL_BIT,
    TimestampType,
    pack_batch,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kafkalite_protocol.buffers import Buffer
    from kafkalite_protocol.record_batch import RecordBatchView

DECOMPRESSED_BYTES_MAX = 128 * 1024 * 1024
"""More than that is not expected of a batch that arrived in one request of 100 MiB at most."""

_TIMESTAMP_MIN = -(2**63)
_TIMESTAMP_MAX = 2**63 - 1


class Record(NamedTuple):
    """One record. `headers` keep their order and may repeat a name."""

    offset: int
    timestamp_ms: int
    key: Buffer | None
    value: Buffer | None
    headers: Sequence[tuple[str, bytes | None]] = ()


def read_records(batch: RecordBatchView, max_bytes: int = DECOMPRESSED_BYTES_MAX) -> list[Record]:
    """The records of a batch, their keys and values copied. Raises ProtocolError where the bytes lie."""
    return list(iter_records(batch, max_bytes))


def iter_records(
    batch: RecordBatchView, max_bytes: int = DECOMPRESSED_BYTES_MAX
) -> Iterator[Record]:
    """As read_records, one at a time: a ProtocolError may come after records that were right.

    Offsets and timestamps need not ascend. `max_bytes` limits what compressed records may become.
    """
    if batch.magic != MAGIC:
        raise ProtocolError(f"records of magic {batch.magic}: only {MAGIC} is read")
    view = batch.records_view()
    codec = batch.compression
    data = bytes(view) if codec is Compression.NONE else decompress(codec, view, max_bytes)
    return _parse(batch, data)


def _parse(batch: RecordBatchView, data: bytes) -> Iterator[Record]:
    """One-byte numbers are decoded in line, since most are: a call costs more than all else in a field."""
    base_offset = batch.base_offset
    base_timestamp_ms = batch.base_timestamp_ms
    append_time_ms = (
        batch.max_timestamp_ms if batch.timestamp_type is TimestampType.LOG_APPEND_TIME else None
    )
    size = len(data)
    position = 0
    try:
        for _ in range(batch.record_count):
            length, position = read_varint(data, position)
            end = position + length
            if length < 0 or end > size:
                raise ProtocolError(f"a record of {length} bytes, {size - position} remain")
            position += 1  # attributes

            delta = data[position]
            if delta < 0x80:
                position += 1
                delta = delta >> 1 ^ -(delta & 1)
            else:
                delta, position = read_varlong(data, position)
            timestamp_ms = base_timestamp_ms + delta if append_time_ms is None else append_time_ms
            if not _TIMESTAMP_MIN <= timestamp_ms <= _TIMESTAMP_MAX:
                raise ProtocolError(f"a timestamp of {timestamp_ms} ms")

            delta = data[position]
            if delta < 0x80:
                position += 1
                delta = delta >> 1 ^ -(delta & 1)
            else:
                delta, position = read_varint(data, position)

            length = data[position]
            if length < 0x80:
                position += 1
                length = length >> 1 ^ -(length & 1)
            else:
                length, position = read_varint(data, position)
            if length >= 0:
                key = data[position : position + length]
                position += length
            else:
                key = None

            length = data[position]
            if length < 0x80:
                position += 1
                length = length >> 1 ^ -(length & 1)
            else:
                length, position = read_varint(data, position)
            if length >= 0:
                value = data[position : position + length]
                position += length
            else:
                value = None

            if data[position]:
                headers, position = _read_headers(data, position, end)
            else:
                headers = []
                position += 1

            # Slices never fail, they come out short: all lengths are checked here, at once.
            if position != end:
                raise ProtocolError(f"a record's fields end {position - end:+} bytes from its end")
            yield Record(base_offset + delta, timestamp_ms, key, value, headers)
    except IndexError:
        raise ProtocolError("records are cut off") from None
    if position != size or batch.record_count < 0:
        raise ProtocolError(f"{size - position} bytes after {batch.record_count} records")


def _read_headers(
    data: bytes, position: int, end: int
) -> tuple[list[tuple[str, bytes | None]], int]:
    count, position = read_varint(data, position)
    if not 0 <= count <= end - position:
        raise ProtocolError(f"{count} headers in {end - position} bytes")
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        length, position = read_varint(data, position)
        if not 0 <= length <= end - position:
            raise ProtocolError(f"a header name of {length} bytes, {end - position} remain")
        name = data[position : position + length].decode(errors="replace")
        position += length
        length, position = read_varint(data, position)
        if length > end - position:
            raise ProtocolError(f"a header value of {length} bytes, {end - position} remain")
        value = data[position : position + length] if length >= 0 else None
        position += max(length, 0)
        headers.append((name, value))
    return headers, position


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """A signed int32 and the position after it. IndexError at the end of the data, ProtocolError after 5 bytes."""
    first = data[position]
    if first < 0x80:
        return first >> 1 ^ -(first & 1), position + 1
    second = data[position + 1]
    if second < 0x80:
        raw = first & 0x7F | second << 7
        return raw >> 1 ^ -(raw & 1), position + 2
    return _read_zigzag(data, position, 32, 5)


def read_varlong(data: bytes, position: int) -> tuple[int, int]:
    """A signed int64 and the position after it. IndexError at the end of the data, ProtocolError after 10 bytes."""
    first = data[position]
    if first < 0x80:
        return first >> 1 ^ -(first & 1), position + 1
    second = data[position + 1]
    if second < 0x80:
        raw = first & 0x7F | second << 7
        return raw >> 1 ^ -(raw & 1), position + 2
    return _read_zigzag(data, position, 64, 10)


def _read_zigzag(data: bytes, position: int, bits: int, bytes_max: int) -> tuple[int, int]:
    """A number of any length. Bits beyond the type's are dropped, as in Java."""
    raw = 0
    for index in range(bytes_max):
        byte = data[position + index]
        raw |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            raw &= (1 << bits) - 1
            return raw >> 1 ^ -(raw & 1), position + index + 1
    raise ProtocolError(f"a number of {bits} bits longer than {bytes_max} bytes")


_ONE_BYTE = tuple(bytes((byte,)) for byte in range(0x80))
_NULL_LENGTH = _ONE_BYTE[1]


def varint(value: int) -> bytes:
    """A signed int32 or int64 in as many bytes as it takes."""
    raw = value << 1 ^ value >> 63
    if raw < 0x80:
        return _ONE_BYTE[raw]
    if raw < 0x4000:
        return bytes((raw & 0x7F | 0x80, raw >> 7))
    out = bytearray()
    while raw >= 0x80:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    out.append(raw)
    return bytes(out)


def build_batch(
    records: Sequence[Record],
    *,
    base_offset: int = 0,
    leader_epoch: int = -1,
    compression: Compression = Compression.NONE,
    compression_level: int | None = None,
    timestamp_type: TimestampType = TimestampType.CREATE_TIME,
    producer_id: int = -1,
    producer_epoch: int = -1,
    base_sequence: int = -1,
    transactional: bool = False,
    control: bool = False,
    last_offset: int | None = None,
    delete_horizon_ms: int | None = None,
) -> bytearray:
    """A batch of `records`, whose offsets are absolute: from `base_offset` on.

    `last_offset` and `delete_horizon_ms` are for the cleaner: a compacted batch keeps the range of offsets it
    had, may be empty, and says when its tombstones may go.
    """
    assert records or last_offset is not None, "an empty batch still covers offsets"
    if last_offset is None:
        last_offset = records[-1].offset
    timestamps_ms = [record.timestamp_ms for record in records] or [-1]
    base_timestamp_ms = timestamps_ms[0] if delete_horizon_ms is None else delete_horizon_ms
    encoded = _encode_records(records, base_offset, base_timestamp_ms)
    return pack_batch(
        encoded
        if compression is Compression.NONE
        else compress(compression, encoded, compression_level),
        base_offset=base_offset,
        leader_epoch=leader_epoch,
        attributes=compression
        | (TIMESTAMP_TYPE_BIT if timestamp_type is TimestampType.LOG_APPEND_TIME else 0)
        | (TRANSACTIONAL_BIT if transactional else 0)
        | (CONTROL_BIT if control else 0)
        | (DELETE_HORIZON_BIT if delete_horizon_ms is not None else 0),
        last_offset_delta=last_offset - base_offset,
        base_timestamp_ms=base_timestamp_ms,
        max_timestamp_ms=max(timestamps_ms),
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        base_sequence=base_sequence,
        record_count=len(records),
    )


def _encode_records(records: Sequence[Record], base_offset: int, base_timestamp_ms: int) -> bytes:
    out: list[Buffer] = []
    for offset, timestamp_ms, key, value, headers in records:
        body = b"".join(
            (
                b"\0",  # attributes
                varint(timestamp_ms - base_timestamp_ms),
                varint(offset - base_offset),
                _NULL_LENGTH if key is None else varint(len(key)),
                key or b"",
                _NULL_LENGTH if value is None else varint(len(value)),
                value or b"",
                _encode_headers(headers) if headers else b"\0",
            )
        )
        out.append(varint(len(body)))
        out.append(body)
    return b"".join(out)


def _encode_headers(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    out: list[Buffer] = [varint(len(headers))]
    for name, value in headers:
        encoded_name = name.encode()
        out += (varint(len(encoded_name)), encoded_name)
        out += (_NULL_LENGTH,) if value is None else (varint(len(value)), value)
    return b"".join(out)
