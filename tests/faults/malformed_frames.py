"""Frames that are almost requests: valid ones, spoiled by a seeded chance that can be repeated."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from kafkalite_protocol.messages import APIS
from kafkalite_protocol.records import Record, build_batch

GOLDEN = Path(__file__).parents[2] / "protocol" / "golden"
PRODUCE, PLAIN_PRODUCE_VERSION = 0, 8

Served = Mapping[int, range]
"""Versions by API key."""

EXTREME_INTEGERS = (0, 1, -1, 127, 128, 255, 1 << 15, 1 << 20, 100 << 20, (1 << 31) - 1, -(1 << 31))


def malformed_frames(seed: int, topic: str, served: Served) -> Iterator[bytes]:
    """Without end. One in ten is a valid request, so that connections also get past the first.

    Args:
        topic: Exists; record batches, spoiled or not, are produced to it.
        served: What the broker says it serves; nine in ten frames begin as one of these.
    """
    chance = random.Random(seed)
    golden = golden_frames(served)
    seeds = [*golden, *([produce_frame(topic)] * 20)]
    others = golden_frames({api.key: range(100) for api in APIS.values()})
    seeds += chance.choices(others, k=len(seeds) // 9)
    spoilers = (flip_bits, flip_bits, overwrite_integer, truncate, lie_about_size, insert, noise)
    while True:
        frame = chance.choice(seeds)
        yield frame if chance.random() < 0.1 else chance.choice(spoilers)(frame, chance)


def golden_frames(served: Served) -> list[bytes]:
    """A frame for every example of a request that Kafka's own classes encoded, of these versions."""
    frames = []
    for api in (APIS[key] for key in served if key in APIS):
        for line in (GOLDEN / f"{api.module}_request.tsv").read_text().splitlines():
            version, _, body = line.split("\t")
            if int(version) in served[api.key]:
                frames.append(framed(api.key, int(version), bytes.fromhex(body)))
    return frames


def produce_frame(topic: str, value_bytes: int = 50) -> bytes:
    """One record, acks=all, in the last version with plain strings and lengths."""
    batch = build_batch([Record(0, 1_700_000_000_000, b"key", b"v" * value_bytes, [])])
    name = struct.pack(">h", len(topic)) + topic.encode()
    partition = struct.pack(">iii", 1, 0, len(batch)) + batch
    no_transaction_and_acks_all = struct.pack(">hhi", -1, -1, 1000)
    topics = struct.pack(">i", 1) + name + partition
    return framed(PRODUCE, PLAIN_PRODUCE_VERSION, no_transaction_and_acks_all + topics)


def framed(api_key: int, version: int, body: bytes) -> bytes:
    flexible_from = APIS[api_key].flexible_from
    tags = b"\0" if flexible_from is not None and version >= flexible_from else b""
    content = struct.pack(">hhih", api_key, version, 1, 4) + b"fuzz" + tags + body
    return with_size(content)


def with_size(content: bytes) -> bytes:
    return struct.pack(">i", len(content)) + content


# --- ways to spoil a frame; those that do not touch the size make it fit again -------------------


def flip_bits(frame: bytes, chance: random.Random) -> bytes:
    content = bytearray(frame[4:])
    for _ in range(chance.choice((1, 1, 2, 8))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return with_size(bytes(content))


def overwrite_integer(frame: bytes, chance: random.Random) -> bytes:
    """Four bytes somewhere become a number that a length or count should not be."""
    content = bytearray(frame[4:])
    at = chance.randrange(len(content))
    content[at : at + 4] = struct.pack(">I", chance.choice(EXTREME_INTEGERS) & 0xFFFFFFFF)
    return with_size(bytes(content))


def truncate(frame: bytes, chance: random.Random) -> bytes:
    return with_size(frame[4 : chance.randrange(4, len(frame))])


def insert(frame: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(4, len(frame))
    return with_size(frame[4:at] + chance.randbytes(chance.choice((1, 4, 100, 5000))) + frame[at:])


def lie_about_size(frame: bytes, chance: random.Random) -> bytes:
    """The size is wrong: nothing, less than nothing, less or more than what follows."""
    size = chance.choice((*EXTREME_INTEGERS, len(frame) - 5, len(frame) + 100))
    return struct.pack(">I", size & 0xFFFFFFFF) + frame[4:]


def noise(frame: bytes, chance: random.Random) -> bytes:
    content = chance.randbytes(chance.randrange(1, 200))
    return chance.choice((content, with_size(content)))
