"""One number for everything a group's assignment depends on: when it changes, the group has to be assigned anew.

Kafka keeps it in the group's epoch record (tag 0), so the bytes that are hashed are Kafka's
(`org.apache.kafka.coordinator.group.Utils`), by XXH3 of 64 bits, integers little-endian:

    topic   | int8 version 0 | int64 id, high half | int64 id, low half | string name | int32 partitions |
            for each partition: | int32 number | for each rack, sorted: | int32 length | string rack | |
    group   | int64 hash of topic | ... in the order of the topics' names; a group without topics that exist: 0
    string  | UTF-16 code units | int32 how many |
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

import xxhash

from kafkalite.coordination.ports import TopicView
from kafkalite.types import Uuid

_UTF_16_UNIT_BYTES = 2


def group_hash(names: Iterable[str], topics: TopicView) -> int:
    """Of the topics that a group is subscribed to, as a signed 64-bit number. Those that do not exist do not count."""
    hashes = [
        topic_hash(name, topic_id, topics.partition_racks(name))
        for name in sorted(names, key=_java_order)
        if (topic_id := topics.topic_id(name)) is not None
    ]
    return _xxh3(struct.pack(f"<{len(hashes)}q", *hashes)) if hashes else 0


def topic_hash(name: str, topic_id: Uuid, racks: Sequence[Sequence[str]]) -> int:
    """`racks` has one entry for each partition: the racks of its replicas."""
    high, low = struct.unpack(">qq", topic_id)
    out = bytearray(struct.pack("<bqq", 0, high, low))
    out += _string(name)
    out += struct.pack("<i", len(racks))
    for number, of_partition in enumerate(racks):
        out += struct.pack("<i", number)
        for rack in sorted(of_partition, key=_java_order):
            text = _string(rack)
            out += text[-4:] + text
    return _xxh3(out)


def _string(text: str) -> bytes:
    units = text.encode("utf-16-le", "surrogatepass")
    return units + struct.pack("<i", len(units) // _UTF_16_UNIT_BYTES)


def _java_order(text: str) -> bytes:
    """Java compares strings by their UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


def _xxh3(data: bytes | bytearray) -> int:
    value = xxhash.xxh3_64_intdigest(bytes(data))
    return value - (1 << 64) if value >> 63 else value
