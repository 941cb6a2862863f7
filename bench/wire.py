"""The few request bytes the load generator needs, written by hand and once, before the measured part.

request:   size i32 | api key i16 | version i16 | correlation id i32 | client id | tags | body
response:  size i32 | correlation id i32 | tags | body
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator

import crc32c

CLIENT_ID = b"bench"
TIMEOUT_MS = 30_000
MIB = 1 << 20

PRODUCE, FETCH, CREATE_TOPICS = 0, 1, 19
PRODUCE_VERSION, FETCH_VERSION = 12, 12  # the last that name topics by name, not by id
CREATE_TOPICS_VERSION = 4  # the last with plain strings

HEADER_BYTES = 61
"""Of a record batch; the records follow."""


def produce_request(topic: str, partition: int, batch: bytes) -> bytes:
    partitions = struct.pack(">Bi", 2, partition) + unsigned_varint(len(batch) + 1) + batch + b"\0"
    topics = b"\x02" + compact_string(topic) + partitions + b"\0"
    no_transaction_and_acks_all = struct.pack(">Bhi", 0, -1, TIMEOUT_MS)
    return framed(PRODUCE, PRODUCE_VERSION, no_transaction_and_acks_all + topics + b"\0")


def produce_error_position(topic: str) -> int:
    """Correlation id, tags, one topic, its name, one partition, its index, then the error code."""
    return 4 + 1 + 1 + len(compact_string(topic)) + 1 + 4


def fetch_request(topic: str, offsets: dict[int, int]) -> bytes:
    """No session, 1 MiB of each partition, waiting for a single byte if there is none."""
    partitions = b"".join(
        struct.pack(">iiqiqiB", partition, -1, offset, -1, -1, MIB, 0)
        for partition, offset in offsets.items()
    )
    limits = struct.pack(">iiiibii", -1, TIMEOUT_MS, 1, 100 * MIB, 0, 0, -1)
    topics = b"\x02" + compact_string(topic) + bytes([len(offsets) + 1]) + partitions + b"\0"
    nothing_forgotten_no_rack = b"\x01\x01"
    return framed(FETCH, FETCH_VERSION, limits + topics + nothing_forgotten_no_rack + b"\0")


def framed(api_key: int, version: int, body: bytes) -> bytes:
    header = struct.pack(">hhih", api_key, version, 1, len(CLIENT_ID)) + CLIENT_ID + b"\0"
    return struct.pack(">i", len(header) + len(body)) + header + body


def record_batch(count: int, batch_bytes: int) -> bytes:
    """A batch of exactly so many bytes, its values random, without keys or compression.

    base offset i64 | length i32 | leader epoch i32 | magic i8 | crc u32 over what follows |
    attributes i16 | last offset delta i32 | base and max timestamp i64 | producer id i64,
    epoch i16, sequence i32 | count i32 | records
    """
    now_ms = time.time_ns() // 1_000_000
    records = b"".join(records_of(count, batch_bytes - HEADER_BYTES))
    checked = struct.pack(">hiqqqhii", 0, count - 1, now_ms, now_ms, -1, -1, -1, count) + records
    crc = crc32c.crc32c(checked)
    batch = struct.pack(">qiibI", 0, 9 + len(checked), -1, 2, crc) + checked
    assert len(batch) == batch_bytes
    return batch


def records_of(count: int, total_bytes: int) -> Iterator[bytes]:
    """Records of equal size, the last one making up the total."""
    for index in range(count):
        size = total_bytes // count if index < count - 1 else total_bytes
        yield record_of(index, size)
        total_bytes -= size


def record_of(index: int, size: int) -> bytes:
    """length | attributes | timestamp delta 0 | offset delta | no key | value | no headers"""
    for value_bytes in range(size, 0, -1):
        head = b"\0\0" + varint(index) + varint(-1) + varint(value_bytes)
        body_bytes = len(head) + value_bytes + 1
        record = varint(body_bytes) + head
        if len(record) + value_bytes + 1 == size:
            return record + os.urandom(value_bytes) + b"\0"
    raise ValueError(f"no record is {size} bytes long")


def create_topic_request(name: str, partitions: int) -> bytes:
    topic = plain_string(name) + struct.pack(">ihii", partitions, 1, 0, 0)
    body = struct.pack(">i", 1) + topic + struct.pack(">i?", TIMEOUT_MS, False)
    header = struct.pack(">hhi", CREATE_TOPICS, CREATE_TOPICS_VERSION, 1)
    request = header + plain_string(CLIENT_ID.decode()) + body
    return struct.pack(">i", len(request)) + request


def create_topic_error_position(name: str) -> int:
    """Correlation id, throttle time, one topic, its name, then the error code."""
    return 4 + 4 + 4 + 2 + len(name)


def error_at(response: bytes, position: int) -> int:
    """The error code in a response without its size."""
    return int.from_bytes(response[position : position + 2], signed=True)


def compact_string(text: str) -> bytes:
    return unsigned_varint(len(text) + 1) + text.encode()


def plain_string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def varint(value: int) -> bytes:
    return unsigned_varint((value << 1) ^ (value >> 63))


def unsigned_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
