"""Produce and InitProducerId: every version, every way for a batch to be bad, idempotence."""

from __future__ import annotations

from kafkalite_protocol.compression import Compression
from kafkalite_protocol.messages.init_producer_id import InitProducerIdRequest

from kafkalite_compat.differential.requests.records import (
    NOW_MS,
    UNKNOWN_ID,
    batch_of,
    changed,
    fetch,
    idempotent,
    list_offsets,
    part,
    produce,
    with_bytes,
)
from kafkalite_compat.differential.side import Side

VERSIONS = range(3, 14)
GOOD = batch_of(b"value")

BAD_BATCHES = {
    "flipped bit": GOOD[:-1] + bytes([GOOD[-1] ^ 1]),
    "magic 0": with_bytes(GOOD, 16, b"\x00"),
    "magic 1": with_bytes(GOOD, 16, b"\x01"),
    "magic 3": with_bytes(GOOD, 16, b"\x03"),
    "magic -1": with_bytes(GOOD, 16, b"\xff"),
    "two batches": GOOD + GOOD,
    "batch and a half": GOOD + GOOD[:40],
    "batch and 5 bytes": GOOD + b"extra",
    "batch and garbage": GOOD + b"\xff" * 20,
    "empty": b"",
    "one byte": b"\x00",
    "11 bytes": bytes(11),
    "12 bytes of zero": bytes(12),
    "60 bytes": GOOD[:60],
    "all but one byte": GOOD[:-1],
    "batch length 0": with_bytes(GOOD, 8, b"\0\0\0\0"),
    "batch length -1": with_bytes(GOOD, 8, b"\xff\xff\xff\xff"),
    "batch length 20": with_bytes(GOOD, 8, b"\0\0\0\x14"),
    "batch length 48": with_bytes(GOOD, 8, b"\0\0\0\x30"),
    "batch length 49": with_bytes(GOOD, 8, b"\0\0\0\x31"),
    "batch length 2147483647": with_bytes(GOOD, 8, b"\x7f\xff\xff\xff"),
    "base offset 5": changed(GOOD, 0, ">q", 5),
    "base offset -1": changed(GOOD, 0, ">q", -1),
    "count 0": changed(GOOD, 57, ">i", 0),
    "count -1": changed(GOOD, 57, ">i", -1),
    "count 2": changed(GOOD, 57, ">i", 2),
    "last offset delta 7": changed(GOOD, 23, ">i", 7),
    "last offset delta -1": changed(GOOD, 23, ">i", -1),
    "count and delta 2": changed(changed(GOOD, 57, ">i", 2), 23, ">i", 1),
    "control": batch_of(b"v", control=True),
    "transactional": batch_of(
        b"v", transactional=True, producer_id=1, producer_epoch=0, base_sequence=0
    ),
    "transactional without producer id": batch_of(b"v", transactional=True),
    "codec 5": changed(GOOD, 21, ">h", 5),
    "codec 7": changed(GOOD, 21, ">h", 7),
    "gzip bit on plain": changed(GOOD, 21, ">h", 1),
    "snappy bit on plain": changed(GOOD, 21, ">h", 2),
    "lz4 bit on plain": changed(GOOD, 21, ">h", 3),
    "zstd bit on plain": changed(GOOD, 21, ">h", 4),
    "log append time bit": changed(GOOD, 21, ">h", 8),
    "delete horizon bit": changed(GOOD, 21, ">h", 0x40),
    "unused attribute bits": changed(GOOD, 21, ">h", 0x7F00),
    "leader epoch 77": changed(GOOD, 12, ">i", 77),
    "producer id without sequence": batch_of(b"v", producer_id=7, producer_epoch=0),
    "producer id without epoch": batch_of(b"v", producer_id=7, base_sequence=0),
    "producer id -2": batch_of(b"v", producer_id=-2, producer_epoch=0, base_sequence=0),
    "sequence without producer id": batch_of(b"v", base_sequence=4),
    "too large": batch_of(b"x" * 1_100_000),
    "far future": batch_of(b"x", timestamp_ms=2**45),
    "max timestamp of the header only": changed(GOOD, 35, ">q", 2**45),
    "no timestamp": batch_of(b"x", timestamp_ms=-1),
    "negative timestamp": batch_of(b"x", timestamp_ms=-5),
    "null key and value": batch_of(None, key=None),
    "no records after the header": changed(with_bytes(GOOD[:61], 8, b"\0\0\0\x31"), 57, ">i", 1),
}

BAD_INSIDE = {
    "count and delta 2",
    "no records after the header",
    *(f"{codec} bit on plain" for codec in ("gzip", "snappy", "lz4", "zstd")),
}
"""Sound headers and checksums before records that are not."""


def produce_versions(side: Side) -> None:
    topic = side.new_topic("versions")
    uuid = side.topic_id(topic)
    stamped = side.new_topic("versions-stamped", message_timestamp_type="LogAppendTime")
    stamped_id = side.topic_id(stamped)
    for version in VERSIONS:
        by_id = version >= 13
        for acks in (-1, 1):
            request = produce((uuid if by_id else topic, 0, batch_of(b"a", b"b")), acks=acks)
            side.ask(f"good, acks {acks}", request, version)
        side.ask("stamped", produce((stamped_id if by_id else stamped, 0, GOOD)), version)
        side.ask("no such partition", produce((uuid if by_id else topic, 3, GOOD)), version)
        side.ask("partition -1", produce((uuid if by_id else topic, -1, GOOD)), version)
        side.ask("no such topic", produce((UNKNOWN_ID if by_id else "nobody", 0, GOOD)), version)
        side.ask("bad batch", produce((uuid if by_id else topic, 0, GOOD + GOOD)), version)
        side.ask("bad acks", produce((uuid if by_id else topic, 0, GOOD), acks=2), version)
        side.ask("nothing", produce(), version)
    side.ask("what is there", fetch((topic, part())), 11)
    side.ask("what is there, stamped", fetch((stamped, part())), 11)


def bad_batches(side: Side) -> None:
    topic, other = side.new_topic("bad-batches"), side.new_topic("bad-inside")
    for label, records in BAD_BATCHES.items():
        where = other if label in BAD_INSIDE else topic
        side.ask(label, produce((where, 0, records)), 9)
    side.ask("in the end", list_offsets(topic, (0, -1)), 7)
    side.ask("what is there", fetch((topic, part())), 11)


def bad_batches_where_records_are_walked(side: Side) -> None:
    topic = side.new_topic("compacted", cleanup_policy="compact")
    for label, records in BAD_BATCHES.items():
        if label != "too large":
            side.ask(label, produce((topic, 0, records)), 9)
    side.ask("no keys", produce((topic, 0, batch_of(b"a", b"b", key=None))), 9)
    for codec in Compression:
        records = batch_of(b"a" * 100, b"b", compression=codec)
        side.ask(f"codec {codec.name}", produce((topic, 0, records)), 9)
        records = batch_of(b"a" * 100, b"b", key=None, compression=codec)
        side.ask(f"no keys, codec {codec.name}", produce((topic, 0, records)), 9)
    side.ask("what is there", fetch((topic, part())), 11)


def timestamps(side: Side) -> None:
    strict = side.new_topic(
        "strict", message_timestamp_before_max_ms="1000", message_timestamp_after_max_ms="1000"
    )
    stamped = side.new_topic("stamped", message_timestamp_type="LogAppendTime")
    for time_ms in (-1, 0, NOW_MS, 2**45):
        records = batch_of(b"a", b"b", timestamp_ms=time_ms)
        side.ask(f"strict, {time_ms}", produce((strict, 0, records)), 9)
        side.ask(f"stamped, {time_ms}", produce((stamped, 0, records)), 9)
    says_so = changed(GOOD, 21, ">h", 8)
    side.ask("strict, says append time", produce((strict, 0, says_so)), 9)
    side.ask("stamped, says append time", produce((stamped, 0, says_so)), 9)
    for codec in Compression:
        side.ask(
            f"stamped {codec.name}",
            produce((stamped, 0, batch_of(b"a" * 99, compression=codec))),
            9,
        )
    side.ask("what is there", fetch((stamped, part())), 11)


def several_partitions(side: Side) -> None:
    one, two = side.new_topic("several-1", 3), side.new_topic("several-2")
    bad = GOOD[:-1] + b"?"
    side.ask("order", produce((one, 2, GOOD), (two, 0, GOOD), (one, 0, GOOD)), 9)
    side.ask("good between bad", produce((one, 9, GOOD), (one, 1, GOOD), (two, 0, bad)), 9)
    side.ask("unknown first", produce(("nobody", 0, GOOD), (two, 0, GOOD)), 9)
    side.ask("internal", produce(("__consumer_offsets", 0, GOOD), (two, 0, GOOD)), 9)
    side.ask("bad names", produce(("", 0, GOOD), ("a b", 0, GOOD), (two, 0, GOOD)), 9)
    side.ask("transactional id", produce((two, 0, GOOD), transactional_id="t"), 9)
    side.ask("timeout 0", produce((two, 0, GOOD), timeout_ms=0), 9)
    side.ask("timeout -1", produce((two, 0, GOOD), timeout_ms=-1), 9)
    side.ask("in the end", list_offsets(one, (0, -1), (1, -1), (2, -1)), 7)
    side.ask("in the end", list_offsets(two, (0, -1)), 7)


def same_partition_twice(side: Side) -> None:
    topic = side.new_topic("same-twice")
    side.ask("twice", produce((topic, 0, batch_of(b"a")), (topic, 0, batch_of(b"b"))), 9)
    side.ask("what that wrote", fetch((topic, part(0, 0))), 11)


def not_enough_replicas(side: Side) -> None:
    topic = side.new_topic("two-in-sync", min_insync_replicas="2")
    for acks in (-1, 1, -1):
        side.ask(f"acks {acks}", produce((topic, 0, GOOD), acks=acks), 9)


def produce_codecs(side: Side) -> None:
    topic = side.new_topic("codecs")
    for codec in Compression:
        for version in (3, 6, 7, 12):
            records = batch_of(b"a" * 500, b"b" * 500, compression=codec)
            side.ask(codec.name, produce((topic, 0, records)), version)
    side.ask("what is there", fetch((topic, part())), 11)
    for codec in Compression:
        other = side.new_topic(f"recoded-{codec.name.lower()}", max_message_bytes="300")
        side.ask(
            f"small enough {codec.name}",
            produce((other, 0, batch_of(b"a" * 200, compression=codec))),
            9,
        )
        side.ask(
            f"too large {codec.name}",
            produce((other, 0, batch_of(bytes(range(256)) * 2, compression=codec))),
            9,
        )


def idempotence(side: Side) -> None:
    topic = side.new_topic("idempotence")
    pid = side.producer_id()

    def send(label: str, producer: int, sequence: int, *values: bytes, epoch: int = 0) -> None:
        records = idempotent(producer, sequence, *values, epoch=epoch)
        side.ask(label, produce((topic, 0, records)), 9)

    for sequence in (0, 1, 2, 3, 4, 5, 6):
        send(f"sequence {sequence}", pid, sequence)
    for sequence in (6, 2, 1, 0, 8):
        send(f"again or gap {sequence}", pid, sequence)
    send("other length of a known batch", pid, 6, b"a", b"b")
    send("higher epoch, sequence 3", pid, 3, epoch=2)
    send("higher epoch, sequence 0", pid, 0, epoch=2)
    send("lower epoch", pid, 1, epoch=1)
    send("epoch -1", pid, 1, epoch=-1)
    send("epoch 32767", pid, 0, epoch=32767)
    send("unknown producer in the middle", 987_654, 17)
    send("its next", 987_654, 18)
    send("sequence -1", 987_655, -1)
    send("sequence -2", 987_655, -2)
    send("to the end", 987_656, 2**31 - 2, b"a", b"b")
    send("from the start", 987_656, 0)
    send("around the end", 987_657, 2**31 - 1, b"a", b"b")
    send("after it", 987_657, 1)
    send("producer id of the end", 2**63 - 1, 0)
    stamped = side.new_topic("idempotence-stamped", message_timestamp_type="LogAppendTime")
    for label in ("first", "again"):
        side.ask(f"stamped, {label}", produce((stamped, 0, idempotent(pid, 0))), 9)
    side.ask("in the end", list_offsets(topic, (0, -1)), 7)


def init_producer_id(side: Side) -> None:
    side.producer_id()
    for version in range(6):

        def init(
            transactional_id: str | None, timeout_ms: int = 1000, **fields: int
        ) -> InitProducerIdRequest:
            return InitProducerIdRequest(transactional_id, timeout_ms, **fields)

        side.ask("new", init(None), version)
        side.ask("timeout 0", init(None, 0), version)
        side.ask("timeout -1", init(None, -1), version)
        side.ask("empty transactional id", init(""), version)
        if version >= 3:
            side.ask("id and epoch", init(None, producer_id=5, producer_epoch=3), version)
            side.ask("id without epoch", init(None, producer_id=5), version)
            side.ask("epoch without id", init(None, producer_epoch=5), version)
            side.ask("id -5", init(None, producer_id=-5, producer_epoch=0), version)


SCENARIOS = [
    produce_versions,
    bad_batches,
    bad_batches_where_records_are_walked,
    timestamps,
    several_partitions,
    same_partition_twice,
    not_enough_replicas,
    produce_codecs,
    idempotence,
    init_producer_id,
]
