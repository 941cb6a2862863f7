"""Producing: acknowledgements, codecs, everything a record may hold. What arrived, the suite reads itself, batch by batch."""

from __future__ import annotations

from collections import defaultdict

from kafkalite_protocol.buffers import Buffer
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite_compat.checks import eventually, expect, expect_told, fails_with
from kafkalite_compat.scenario import scenario
from kafkalite_compat.steps import NewRecord, records_of
from kafkalite_compat.wire.logs import read_values
from kafkalite_compat.world import World, now_ms

GROUP = "produce"
ORDER = 3

NEAR_THE_LIMIT_BYTES = (
    950_000  # message.max.bytes is 1 048 588, and some clients stop at 1 000 000 themselves
)
CLOCK_SKEW_MS = 60_000


@scenario("P01", "acks=all: every record is told its offset", smoke=True)
def acks_all(world: World) -> None:
    """Three records, acks=all. The client tells partition 0, offsets 0, 1, 2, and the log holds the three values in that order."""
    _acknowledged(world, "all")


@scenario("P02", "acks=1: every record is told its offset")
def acks_leader(world: World) -> None:
    """As P01, with acks=1."""
    _acknowledged(world, "1")


def _acknowledged(world: World, acks: str) -> None:
    topic = world.topic()
    sent = world.steps.produce(topic, records_of([b"a", b"b", b"c"]), acks=acks)
    for number, one in enumerate(sent):
        expect_told(f"partition of record {number}", one.partition, 0)
        expect_told(f"offset of record {number}", one.offset, number)
    expect("values in the log", world.values(topic), [b"a", b"b", b"c"])


@scenario("P03", "acks=0: records arrive although nobody waits for them")
def acks_none(world: World) -> None:
    """Three records with acks=0 are sent, then the producer is closed. The log holds all three soon after."""
    topic = world.topic()
    world.steps.produce(topic, records_of([b"a", b"b", b"c"]), acks="0")
    wanted = [b"a", b"b", b"c"]
    eventually("three values in the log", lambda: world.values(topic) == wanted)


def _codec(world: World, codec: str) -> None:
    topic = world.topic()
    values = [b"%03d " % n + b"compressible " * 50 for n in range(100)]
    world.steps.produce(topic, records_of(values), compression=codec)
    log = world.log(topic)
    expect("codecs of the batches in the log", {batch.codec for batch in log}, {codec})
    expect("batches whose checksum is wrong", sum(not batch.crc_right for batch in log), 0)
    expect("values in the log", world.values(topic), values)


@scenario("P04", "Records are written without compression")
def codec_none(world: World) -> None:
    """100 records of 650 bytes, compression "none". The log's batches say "none" and hold the values."""
    _codec(world, "none")


@scenario("P05", "Records are compressed with gzip")
def codec_gzip(world: World) -> None:
    """100 compressible records of 650 bytes. Every batch in the log says gzip, has a right checksum, and decompresses to the values."""
    _codec(world, "gzip")


@scenario("P06", "Records are compressed with snappy")
def codec_snappy(world: World) -> None:
    """As P05, with snappy."""
    _codec(world, "snappy")


@scenario("P07", "Records are compressed with lz4")
def codec_lz4(world: World) -> None:
    """As P05, with lz4."""
    _codec(world, "lz4")


@scenario("P08", "Records are compressed with zstd")
def codec_zstd(world: World) -> None:
    """As P05, with zstd."""
    _codec(world, "zstd")


@scenario("P09", "Null, empty and binary keys and values arrive as they were")
def keys_and_values(world: World) -> None:
    """A null key, an empty key, an empty value, a key and a value of all 256 bytes, a null value (a tombstone). The log holds the same."""
    topic = world.topic()
    every_byte = bytes(range(256))
    pairs: list[tuple[bytes | None, bytes | None]] = [
        (None, b"no key"),
        (b"", b"an empty key"),
        (b"an empty value", b""),
        (every_byte, every_byte),
        (b"a tombstone", None),
    ]
    world.steps.produce(topic, [NewRecord(value, key) for key, value in pairs])
    log = read_values(world.wire, topic, 0)
    expect(
        "keys and values in the log", [(_plain(one.key), _plain(one.value)) for one in log], pairs
    )


@scenario("P10", "Headers arrive in their order: empty, null and twice the same name")
def headers(world: World) -> None:
    """One record with five headers, of which one has an empty value, one a null value and two the same name. The log holds the same."""
    topic = world.topic()
    given: list[tuple[str, bytes | None]] = [
        ("plain", b"value"),
        ("empty", b""),
        ("null", None),
        ("twice", b"1"),
        ("twice", b"2"),
    ]
    world.steps.produce(topic, [NewRecord(b"with headers", headers=given)])
    (record,) = read_values(world.wire, topic, 0)
    expect("headers in the log", [(name, _plain(value)) for name, value in record.headers], given)


@scenario("P11", "A record of nearly 1 MB is accepted")
def large_record(world: World) -> None:
    """One record of 950 000 bytes, below the default limits of broker and clients. The log holds every byte of it."""
    topic = world.topic()
    value = bytes(n * n % 251 for n in range(1000)) * (NEAR_THE_LIMIT_BYTES // 1000)
    world.steps.produce(topic, [NewRecord(value)])
    (written,) = world.values(topic)
    expect("length of the value in the log", len(written or b""), len(value))
    assert written == value, "the value in the log differs from the one that was sent"


@scenario("P12", "A thousand records sent at once keep their order", smoke=True)
def many_records(world: World) -> None:
    """1000 records go to one partition without waiting. Offsets are 0 to 999, and the values are in the order of sending."""
    topic = world.topic()
    values = [b"%04d" % n for n in range(1000)]
    sent = world.steps.produce(topic, records_of(values))
    expect(
        "offsets that differ", [n for n, one in enumerate(sent) if one.offset not in (n, None)], []
    )
    expect("values in the log", world.values(topic), values)


@scenario("P13", "The same key goes to the same partition")
def keys_choose_partitions(world: World) -> None:
    """20 keys, each three times, to 4 partitions. All records of a key are in one partition; the keys are in more than one."""
    topic = world.topic(partitions=4)
    keys = [b"key-%d" % n for n in range(20)] * 3
    world.steps.produce(topic, [NewRecord(b"v", key) for key in keys])
    found: defaultdict[bytes, list[int]] = defaultdict(list)
    for partition in range(4):
        for record in read_values(world.wire, topic, partition):
            found[bytes(record.key or b"")].append(partition)
    for key in keys:
        expect(f"partitions of the three records of {key.decode()}", len(found[key]), 3)
        expect(f"different ones among them, {found[key]}", len(set(found[key])), 1)
    assert len({where[0] for where in found.values()}) > 1, "20 keys are all in one of 4 partitions"


@scenario("P14", "A record goes to the partition that it names")
def explicit_partition(world: World) -> None:
    """Four records name partitions 3, 1, 2 and 0 of a topic. Each is alone in its partition, and the client tells that partition."""
    topic = world.topic(partitions=4)
    wanted = [3, 1, 2, 0]
    records = [NewRecord(b"for %d" % partition, partition=partition) for partition in wanted]
    sent = world.steps.produce(topic, records)
    for one, partition in zip(sent, wanted, strict=True):
        expect_told("partition told", one.partition, partition)
        expect(
            f"values in partition {partition}",
            world.values(topic, partition),
            [b"for %d" % partition],
        )


@scenario("P15", "A record keeps the timestamp that its producer gave it")
def create_time(world: World) -> None:
    """Three records with timestamps of yesterday, not in order. The log has them as given, and says they are the producer's."""
    topic = world.topic()
    yesterday = now_ms() - 86_400_000
    times = [yesterday, yesterday - 5000, yesterday + 1]
    world.steps.produce(topic, [NewRecord(b"v", timestamp_ms=time) for time in times])
    expect(
        "timestamps in the log",
        [one.timestamp_ms for one in read_values(world.wire, topic, 0)],
        times,
    )
    expect("batches of append time", sum(batch.log_append_time for batch in world.log(topic)), 0)


@scenario("P16", "With LogAppendTime the broker gives the timestamps")
def log_append_time(world: World) -> None:
    """The topic has message.timestamp.type=LogAppendTime, the record a timestamp of yesterday. The log has the time of writing,
    and the client, if it tells a timestamp, tells that one."""
    topic = world.topic(configs={"message.timestamp.type": "LogAppendTime"})
    before = now_ms()
    (sent,) = world.steps.produce(topic, [NewRecord(b"v", timestamp_ms=before - 86_400_000)])
    (batch,) = world.log(topic)
    assert batch.log_append_time, (
        "the batch in the log does not say that its timestamp is the append time"
    )
    written = batch.records[0].timestamp_ms
    assert abs(written - before) < CLOCK_SKEW_MS, (
        f"timestamp in the log: {written}, the time was {before}"
    )
    if sent.timestamp_ms is not None and sent.timestamp_ms >= 0:
        expect("timestamp told to the client", sent.timestamp_ms, written)


@scenario("P17", "A record larger than the topic takes is refused")
def too_large(world: World) -> None:
    """The topic has max.message.bytes=10000; a record of 50 000 bytes fails with MESSAGE_TOO_LARGE, a small one is written."""
    topic = world.topic(configs={"max.message.bytes": "10000"})
    client = world.steps
    fails_with(
        lambda: client.produce(topic, [NewRecord(bytes(50_000))]), ErrorCode.MESSAGE_TOO_LARGE
    )
    client.produce(topic, [NewRecord(b"small")])
    expect("values in the log", world.values(topic), [b"small"])


def _plain(data: Buffer | None) -> bytes | None:
    return None if data is None else bytes(data)
