"""`<offset>.snapshot`: the producer state of a partition just before `offset`.

    0         2         6        10
    | version | crc     | count  | count entries of 46 bytes, any order |      all big-endian
      int16=1   uint32    int32

    0             8       10               14            22             26          34                  38                  46
    | producer id | epoch | last sequence | last offset | offset delta | timestamp | coordinator epoch | txn first offset |
      int64         int16   int32            int64         int32          int64       int32               int64

The CRC-32C covers everything after itself. An entry carries the last batch of its producer: its last sequence, last offset,
last offset minus first offset, and greatest timestamp; last sequence and offset are -1 when there is none. The first offset of
the open transaction is -1 when there is none. Kafka: `ProducerStateManager`, `ProducerSnapshot`.
"""

from __future__ import annotations

from collections.abc import Collection
from struct import Struct
from typing import NamedTuple

from crc32c import crc32c

from kafkalite.types import Offset, ProducerId

_VERSION = 1
_PREFIX = Struct(">hI")
_COUNT = Struct(">i")
_ENTRY = Struct(">qhiqiqiq")


class SnapshotEntry(NamedTuple):
    """One producer, fields as in the file."""

    producer_id: ProducerId
    producer_epoch: int
    last_sequence: int
    last_offset: Offset
    offset_delta: int
    timestamp_ms: int
    coordinator_epoch: int
    transaction_first_offset: Offset


class CorruptSnapshotError(Exception):
    """A snapshot that cannot be trusted. An older one and the batches since then say the same."""


def encode_snapshot(entries: Collection[SnapshotEntry]) -> bytes:
    """The bytes of a snapshot file."""
    body = _COUNT.pack(len(entries)) + b"".join(_ENTRY.pack(*entry) for entry in entries)
    return _PREFIX.pack(_VERSION, crc32c(body)) + body


def decode_snapshot(data: bytes) -> list[SnapshotEntry]:
    """The entries of a snapshot file. Raises `CorruptSnapshotError`."""
    if len(data) < _PREFIX.size + _COUNT.size:
        raise CorruptSnapshotError(f"{len(data)} bytes are too few")
    version, crc = _PREFIX.unpack_from(data)
    if version != _VERSION:
        raise CorruptSnapshotError(f"its version is {version}, not {_VERSION}")
    body = memoryview(data)[_PREFIX.size :]
    if crc32c(body) != crc:
        raise CorruptSnapshotError("its CRC does not match")
    (count,) = _COUNT.unpack_from(body)
    if len(body) != _COUNT.size + count * _ENTRY.size:
        raise CorruptSnapshotError(f"{count} entries do not take {len(body)} bytes")
    return [SnapshotEntry(*fields) for fields in _ENTRY.iter_unpack(body[_COUNT.size :])]
