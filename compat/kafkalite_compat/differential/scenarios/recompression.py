"""Topics with a compression.type of their own: what is stored, what is refused."""

from __future__ import annotations

from typing import Any

from kafkalite_protocol.compression import Compression
from kafkalite_protocol.record_batch import batches
from kafkalite_protocol.records import read_records

from kafkalite_compat.differential.masking import whole_batches
from kafkalite_compat.differential.requests.records import (
    NOW_MS,
    batch_of,
    fetch,
    idempotent,
    list_offsets,
    part,
)
from kafkalite_compat.differential.requests.records import produce as produce_to
from kafkalite_compat.differential.scenarios.produce import BAD_BATCHES
from kafkalite_compat.differential.side import Side

TYPES = ("uncompressed", "gzip", "snappy", "lz4", "zstd")
BOTH = (Compression.NONE, Compression.GZIP)
NOISE = bytes(range(256)) * 4


def produce(topic: str, records: bytes, **options: Any) -> Any:
    return produce_to((topic, 0, records), **options)


def stored(side: Side, topic: str) -> list[dict[str, Any]]:
    """Headers and records; compressed bytes and so checksums are each library's own."""
    answer = side.client.ask(fetch((topic, part())), 11)
    data = whole_batches(bytes(answer.responses[0].partitions[0].records))
    return [
        {
            "base_offset": batch.base_offset,
            "last_offset": batch.last_offset,
            "attributes": batch.attributes,
            "producer": (batch.producer_id >= 0, batch.producer_epoch, batch.base_sequence),
            "max_timestamp_ms": min(batch.max_timestamp_ms, NOW_MS + 1_000_000),
            "content": [
                (record.offset, record.key, record.value, list(record.headers))
                for record in read_records(batch)
            ],
        }
        for batch in batches(bytearray(data))
    ]


def recompressed(side: Side) -> None:
    """Each codec into each, also with a level."""
    for name in TYPES:
        levels = {"gzip": "9", "lz4": "1", "zstd": "19"}
        options = {f"compression_{name}_level": levels[name]} if name in levels else {}
        for label, configs in (("", {}), (" at a level", options)):
            topic = side.new_topic(
                f"recompressed-{name}{label.replace(' ', '-')}", compression_type=name, **configs
            )
            for codec in Compression:
                batch = batch_of(NOISE, b"", None, NOISE, compression=codec)
                side.ask(f"{codec.name} to {name}{label}", produce(topic, batch), 9)
            side.note(f"{name}{label}, what is there", stored(side, topic))
            side.ask(f"{name}{label}, by time", list_offsets(topic, (0, NOW_MS)), 7)
            side.ask(f"{name}{label}, max time", list_offsets(topic, (0, -3)), 7)


def recompressed_idempotent(side: Side) -> None:
    topic = side.new_topic("recompressed-idempotent", compression_type="zstd")
    producer_id = side.producer_id()
    for sequence, label in ((0, "first"), (1, "second"), (1, "again"), (0, "long ago"), (5, "gap")):
        side.ask(label, produce(topic, idempotent(producer_id, sequence)), 9)
    side.ask("new epoch", produce(topic, idempotent(producer_id, 0, epoch=4)), 9)
    side.ask("old epoch", produce(topic, idempotent(producer_id, 2, epoch=3)), 9)
    side.note("what is there", stored(side, topic))


def recompressed_bad_batches(side: Side) -> None:
    """A partition for each."""
    for name in TYPES:
        topic = side.new_topic(
            f"recompressed-bad-{name}", partitions=len(BAD_BATCHES), compression_type=name
        )
        for index, (label, batch) in enumerate(BAD_BATCHES.items()):
            side.ask(f"{label} to {name}", produce_to((topic, index, batch)), 9)


def recompressed_sizes(side: Side) -> None:
    """max.message.bytes holds for what came and for what is stored."""
    plain, small = batch_of(b"x" * 5000), batch_of(b"x" * 5000, compression=Compression.GZIP)
    limit = {"max_message_bytes": "1000"}
    for name in TYPES:
        topic = side.new_topic(f"recompressed-size-{name}", compression_type=name, **limit)
        side.ask(f"large to {name}", produce(topic, plain), 9)
        side.ask(f"small to {name}", produce(topic, small), 9)


def recompressed_with_append_time(side: Side) -> None:
    topic = side.new_topic(
        "recompressed-time", compression_type="lz4", message_timestamp_type="LogAppendTime"
    )
    for codec in BOTH:
        side.ask(codec.name, produce(topic, batch_of(b"v", compression=codec)), 9)
    side.note("what is there", stored(side, topic))


def recompressed_compacted(side: Side) -> None:
    topic = side.new_topic(
        "recompressed-compacted", compression_type="snappy", cleanup_policy="compact"
    )
    for codec in BOTH:
        for key in (b"k", None):
            batch = batch_of(b"v", key=key, compression=codec)
            side.ask(f"{codec.name}, key {key!r}", produce(topic, batch), 9)
    side.note("what is there", stored(side, topic))


SCENARIOS = [
    recompressed,
    recompressed_idempotent,
    recompressed_bad_batches,
    recompressed_sizes,
    recompressed_with_append_time,
    recompressed_compacted,
]
