"""How every record of `__consumer_offsets` begins.

    key    | int16 type | body |         the type says whose record it is; its schema has no versions
    value  | int16 version | body |      null: a tombstone

A generated record class of Kafka's schemas (`OffsetCommitKey`, `GroupMetadataValue`...) is the body.
"""

from __future__ import annotations

import struct
from typing import ClassVar, Protocol, Self, TypeVar

from kafkalite_protocol.buffers import Buffer
from kafkalite_protocol.errors import ProtocolError

from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId

_INT16 = struct.Struct(">h")

_KEY_VERSION = 0


class RecordBody(Protocol):
    """A generated class of a record's schema."""

    RECORD_KEY: ClassVar[int]
    """The type: the same of a key and of its value."""
    MIN_VERSION: ClassVar[int]
    MAX_VERSION: ClassVar[int]

    @classmethod
    def decode(cls, version: int, buffer: Buffer, position: int = 0) -> Self: ...
    def encode(self, version: int) -> bytes: ...


B = TypeVar("B", bound=RecordBody)


def encode_key(body: RecordBody) -> bytes:
    return _INT16.pack(body.RECORD_KEY) + body.encode(_KEY_VERSION)


def encode_value(version: int, body: RecordBody) -> bytes:
    return _INT16.pack(version) + body.encode(version)


def encode_record(key: RecordBody, value: RecordBody, version: int = 0) -> KeyValue:
    """`version` is that of the value."""
    return encode_key(key), encode_value(version, value)


def tombstone_of(key: RecordBody) -> KeyValue:
    return encode_key(key), None


def key_type(key: bytes) -> int:
    """Which record this is. ProtocolError when there is not even that."""
    return _int16_at_start(key)


def group_of_key(key: bytes) -> GroupId:
    """The group that a readable key belongs to: the first field of every key, a string with its int16 length."""
    start = 2 * _INT16.size
    return GroupId(key[start : start + _INT16.unpack_from(key, _INT16.size)[0]].decode())


def decode_key(body: type[B], key: bytes) -> B:
    """ProtocolError when it is damaged."""
    return body.decode(_KEY_VERSION, key, _INT16.size)


def decode_value(body: type[B], value: bytes) -> B:
    """ProtocolError when it is damaged or of a version we do not know."""
    version = _int16_at_start(value)
    if not body.MIN_VERSION <= version <= body.MAX_VERSION:
        raise ProtocolError(f"value version {version} of {body.__name__} is unknown")
    return body.decode(version, value, _INT16.size)


def _int16_at_start(data: bytes) -> int:
    if len(data) < _INT16.size:
        raise ProtocolError("a record of __consumer_offsets is shorter than its version")
    value: int = _INT16.unpack_from(data)[0]
    return value
