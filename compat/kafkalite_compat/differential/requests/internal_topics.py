"""What the records of Kafka's internal topics have in common: where they are, how they begin.

key    | int16 type | body |         the type says whose record it is
value  | int16 version | body |
"""

from __future__ import annotations

import struct
from typing import Any, Final

OFFSETS_PARTITIONS: Final = 50
"""Of `__consumer_offsets`, by default."""

_INT_MIN: Final = -(2**31)


def partition_for(key: str, partition_count: int = OFFSETS_PARTITIONS) -> int:
    """The partition of a coordinator's topic that holds `key` (Kafka's `Utils.abs(key.hashCode())`)."""
    value = _java_string_hash(key)
    return (0 if value == _INT_MIN else abs(value)) % partition_count


def _java_string_hash(text: str) -> int:
    value = 0
    units = text.encode("utf-16-be", "surrogatepass")
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value + 2 * _INT_MIN if value >= -_INT_MIN else value


def key_type(key: bytes) -> int:
    return _int16(key)


def decode_value(body: Any, value: bytes) -> Any:
    """`body` is the generated class of the value."""
    return body.decode(_int16(value), value, 2)


def encode_value(version: int, body: Any) -> bytes:
    return struct.pack(">h", version) + bytes(body.encode(version))


def _int16(data: bytes) -> int:
    (value,) = struct.unpack_from(">h", data)
    return int(value)
