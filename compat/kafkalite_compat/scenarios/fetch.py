"""Fetching: from any offset, in any size, by time. What is read, the suite has written itself, byte for byte."""

from __future__ import annotations

import threading
from collections import defaultdict

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.records import Record

from kafkalite_compat.checks import eventually, expect, expect_told, fails_with
from kafkalite_compat.reading import SHORT_POLL_MS, collect, collect_no_more_than
from kafkalite_compat.scenario import scenario
from kafkalite_compat.steps import Consumer, Polled
from kafkalite_compat.wire import logs
from kafkalite_compat.wire.cluster import Cluster
from kafkalite_compat.world import World, now_ms

GROUP = "fetch"
ORDER = 5

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
LONG_POLL_MS = 8_000
LIBRDKAFKA_NO_RESET = "_AUTO_OFFSET_RESET"


@scenario("F01", "A consumer gets every field of every record", smoke=True)
def every_field(world: World) -> None:
    """The suite writes records with keys, values, headers (null, empty and binary ones) and timestamps. The consumer, assigned from
    the earliest offset, gets each of them as it was written, and nothing else."""
    topic = world.topic()
    every_byte = bytes(range(256))
    hour_ago = now_ms() - 3_600_000
    written = [
        Record(0, hour_ago, None, b"no key"),
        Record(1, hour_ago + 5, b"", b""),
        Record(2, hour_ago - 3_600_000, b"a tombstone", None),
        Record(3, hour_ago + 1, every_byte, every_byte, [("h", b"1"), ("h", None), ("e", b"")]),
    ]
    world.write_records(topic, written)
    consumer = world.steps.consumer()
    consumer.assign({(topic, 0): "earliest"})
    got = collect_no_more_than(consumer, len(written))
    expect("number of records", len(got), len(written))
    for polled, record in zip(got, written, strict=True):
        what = f"of the record at offset {record.offset}"
        expect(f"topic and partition {what}", (polled.topic, polled.partition), (topic, 0))
        expect(f"offset {what}", polled.offset, record.offset)
        expect(f"key {what}", polled.key, record.key)
        expect(f"value {what}", polled.value, record.value)
        expect(f"headers {what}", polled.headers, tuple(record.headers))
        expect(f"timestamp {what}", polled.timestamp_ms, record.timestamp_ms)
        expect_told(f"timestamp type {what}", polled.timestamp_type, "create")


@scenario("F02", "Batches of all five codecs are read from one partition", smoke=True)
def mixed_codecs(world: World) -> None:
    """The suite writes a batch in each codec, twice over. The consumer gets all records in order."""
    topic = world.topic()
    values: list[bytes] = []
    for n, codec in enumerate(CODECS * 2):
        batch = [b"%d %s %d " % (n, codec.encode(), one) + b"x" * 100 for one in range(20)]
        world.write(topic, batch, codec=codec)
        values += batch
    consumer = world.steps.consumer()
    consumer.assign({(topic, 0): "earliest"})
    got = collect_no_more_than(consumer, len(values))
    expect("values", [one.value for one in got], values)
    expect("offsets", [one.offset for one in got], list(range(len(values))))


@scenario("F03", "Reading starts in the middle of a batch")
def inside_a_batch(world: World) -> None:
    """Two batches of ten records, the second compressed. A consumer assigned at offset 4 gets 4 to 19; one assigned at 15 gets
    15 to 19: what lies before in the batch is not shown."""
    topic = world.topic()
    world.write(topic, [b"%d" % n for n in range(10)])
    world.write(topic, [b"%d" % n for n in range(10, 20)], codec="gzip")
    for start in (4, 15):
        consumer = world.steps.consumer()
        consumer.assign({(topic, 0): start})
        got = collect_no_more_than(consumer, 20 - start)
        expect(f"offsets from {start}", [one.offset for one in got], list(range(start, 20)))
        expect(
            f"values from {start}",
            [one.value for one in got],
            [b"%d" % n for n in range(start, 20)],
        )
        consumer.close()


@scenario("F04", "From the latest offset only new records come")
def from_latest(world: World) -> None:
    """Three records are there, the consumer is assigned at "latest". More are written until it gets some: only new ones,
    one after the other."""
    topic = world.topic()
    world.write(topic, [b"old"] * 3)
    consumer = world.steps.consumer()
    consumer.assign({(topic, 0): "latest"})
    _only_new_records(world, consumer, topic, 3)


def _only_new_records(world: World, consumer: Consumer, topic: str, old: int) -> None:
    """A consumer finds out where the end is when it likes: records are written until it sees one."""
    got: list[Polled] = []

    def seen() -> bool:
        world.write(topic, [b"new"])
        got.extend(consumer.poll(200))
        return len(got) >= 2

    eventually("new records are read", seen)
    assert got[0].offset >= old, f"the record at offset {got[0].offset} was there before"
    expect("offsets", _offsets(got), list(range(got[0].offset, got[0].offset + len(got))))


@scenario("F05", "A consumer seeks back and forth")
def seeks(world: World) -> None:
    """Ten records. After reading all, the consumer seeks to 7, to the earliest and to the latest offset; each time it goes on from
    there."""
    topic = world.topic()
    world.write(topic, [b"%d" % n for n in range(10)])
    consumer = world.steps.consumer()
    consumer.assign({(topic, 0): 0})
    expect("offsets", _offsets(collect([consumer], 10)), list(range(10)))
    consumer.seek(topic, 0, 7)
    expect("offsets after seek to 7", _offsets(collect([consumer], 3)), [7, 8, 9])
    consumer.seek(topic, 0, "earliest")
    expect("offsets after seek to earliest", _offsets(collect([consumer], 10)), list(range(10)))
    consumer.seek(topic, 0, "latest")
    _only_new_records(world, consumer, topic, 10)


@scenario("F15", "A consumer tells its position")
def position(world: World) -> None:
    """Three records; after reading them the consumer's position is 3, and reading goes on at 1 after seeking there."""
    topic = world.topic()
    world.write(topic, [b"0", b"1", b"2"])
    consumer = world.steps.consumer()
    consumer.assign({(topic, 0): 0})
    collect([consumer], 3)
    expect("position after all", consumer.position(topic, 0), 3)
    consumer.seek(topic, 0, 1)
    expect("offset after seek to 1", _offsets(collect([consumer], 2)), [1, 2])


@scenario("F06", "A consumer past the end is reset to the earliest offset")
def out_of_range_resets(world: World) -> None:
    """The log has offsets 0 to 2; the consumer, with auto.offset.reset=earliest, is assigned at 1000. It gets all three records."""
    topic = world.topic()
    world.write(topic, [b"0", b"1", b"2"])
    consumer = world.steps.consumer(reset="earliest")
    consumer.assign({(topic, 0): 1000})
    expect("offsets", _offsets(collect([consumer], 3)), [0, 1, 2])


@scenario("F07", "Without a reset a consumer past the end is told so")
def out_of_range_fails(world: World) -> None:
    """As F06 with auto.offset.reset=none: polling fails with OFFSET_OUT_OF_RANGE."""
    topic = world.topic()
    world.write(topic, [b"0", b"1", b"2"])
    consumer = world.steps.consumer(reset="none")
    consumer.assign({(topic, 0): 1000})
    fails_with(
        lambda: [consumer.poll(1000) for _ in range(15)],
        ErrorCode.OFFSET_OUT_OF_RANGE,
        also_named=LIBRDKAFKA_NO_RESET,
    )


@scenario("F08", "Offsets are found by time")
def offsets_by_time(world: World) -> None:
    """Records one, two and three seconds after a start. Asked for 1500 ms after it the client gets offset 1 (the first at or after), for
    2000 ms offset 1 too, for 3001 ms none. Earliest is 0, latest 3."""
    topic = world.topic()
    start_ms = now_ms() - 3_600_000
    world.write_records(topic, [Record(0, start_ms + 1000 * n, None, b"v") for n in (1, 2, 3)])
    asked = [start_ms + 1500, start_ms + 2000, start_ms + 3001, "earliest", "latest"]
    answers = [world.steps.call("list_offsets", topic=topic, partition=0, at=at) for at in asked]
    what = "offsets at 1500, 2000, 3001 ms, earliest, latest"
    expect(what, [answer.get("offset") for answer in answers], [1, 1, None, 0, 3])


@scenario("F09", "The record with the highest timestamp is found")
def max_timestamp(world: World) -> None:
    """KIP-734: of three batches the second holds the newest timestamp. ListOffsets with max timestamp gives its offset."""
    topic = world.topic()
    start_ms = now_ms() - 3_600_000
    for late_ms in (0, 5000, 1000):
        world.write_records(topic, [Record(0, start_ms + late_ms, None, b"v")])
    told = world.steps.call("list_offsets", topic=topic, partition=0, at="max_timestamp")
    expect("offset", told.get("offset"), 1)
    expect_told("timestamp", told.get("timestamp_ms"), start_ms + 5000)


@scenario("F10", "Ten megabytes of three partitions are read in small fetches")
def large_fetch(world: World) -> None:
    """Three partitions of 3.4 MB in records of 50 000 bytes, read with at most 300 000 bytes per partition and 1 MB per fetch.
    All arrive, whole and in order."""
    topic = world.topic(partitions=3)
    for partition in range(3):
        for batch in range(0, 68, 17):
            values = [b"%d %d " % (partition, n) + bytes(50_000) for n in range(batch, batch + 17)]
            world.write(topic, values, partition)
    consumer = world.steps.consumer(partition_fetch_bytes=300_000, fetch_max_bytes=1_048_576)
    consumer.assign({(topic, partition): "earliest" for partition in range(3)})
    got = by_partition(collect([consumer], 3 * 68))
    for partition in range(3):
        expect(f"offsets of partition {partition}", _offsets(got[partition]), list(range(68)))
        wrong = [
            one.offset
            for one in got[partition]
            if one.value != b"%d %d " % (partition, one.offset) + bytes(50_000)
        ]
        expect(f"values that differ in partition {partition}", wrong, [])


@scenario("F11", "A record larger than the fetch limits still arrives")
def larger_than_the_limit(world: World) -> None:
    """KIP-74: with 10 000 bytes per partition and per fetch, a record of 300 000 bytes between small ones is read, and those after it."""
    topic = world.topic()
    values = [b"before", bytes(300_000), b"after"]
    for value in values:
        world.write(topic, [value])
    consumer = world.steps.consumer(partition_fetch_bytes=10_000, fetch_max_bytes=10_000)
    consumer.assign({(topic, 0): "earliest"})
    got = collect([consumer], 3)
    expect("lengths", [len(one.value or b"") for one in got], [len(value) for value in values])


@scenario("F12", "A waiting fetch is answered as soon as a record comes")
def long_poll(world: World) -> None:
    """The consumer waits at the end of the log, with fetch.max.wait.ms above the time it is polled for. While it waits a record is
    written: the poll gives it, so the broker has not waited to the end."""
    topic = world.topic()
    consumer = world.steps.consumer(fetch_max_wait_ms=LONG_POLL_MS, fetch_min_bytes=1)
    consumer.assign({(topic, 0): 0})
    consumer.poll(SHORT_POLL_MS)
    writer = threading.Timer(0.3, _write_once, [world.bootstrap, topic])
    writer.start()
    got = consumer.poll(LONG_POLL_MS - 2000)
    writer.join()
    expect("values", [one.value for one in got], [b"wake up"])


def _write_once(bootstrap: str, topic: str) -> None:
    """With a connection of its own: the world's belongs to another thread."""
    cluster = Cluster(bootstrap)
    logs.append(cluster, topic, 0, logs.batch_of([Record(0, now_ms(), None, b"wake up")]))
    cluster.close()


@scenario("F13", "A paused partition gives nothing until it is resumed")
def pause_and_resume(world: World) -> None:
    """Two partitions; one is paused, then records are written to both. Only those of the other come. After resume the rest comes."""
    topic = world.topic(partitions=2)
    consumer = world.steps.consumer()
    consumer.assign({(topic, 0): 0, (topic, 1): 0})
    consumer.pause((topic, 0))
    for partition in range(2):
        world.write(topic, [b"%d" % partition] * 3, partition)
    got = [*collect([consumer], 3), *consumer.poll(SHORT_POLL_MS)]
    expect("partitions read while 0 is paused", [one.partition for one in got], [1, 1, 1])
    consumer.resume((topic, 0))
    expect("partitions read after", [one.partition for one in collect([consumer], 3)], [0, 0, 0])


@scenario("F14", "A topic with LogAppendTime shows the broker's timestamps")
def append_time(world: World) -> None:
    """message.timestamp.type=LogAppendTime; the suite writes a record with a timestamp of 1970. The consumer gets the time of
    writing, and the type "append" if it tells one."""
    topic = world.topic(configs={"message.timestamp.type": "LogAppendTime"})
    before = now_ms()
    world.write_records(topic, [Record(0, 1000, None, b"v")])
    consumer = world.steps.consumer()
    consumer.assign({(topic, 0): "earliest"})
    (got,) = collect([consumer], 1)
    assert abs(got.timestamp_ms - before) < 60_000, (
        f"timestamp {got.timestamp_ms}, the time was {before}"
    )
    expect_told("timestamp type", got.timestamp_type, "append")


def by_partition(records: list[Polled]) -> defaultdict[int, list[Polled]]:
    """Records by partition, each in the order in which they came."""
    found: defaultdict[int, list[Polled]] = defaultdict(list)
    for record in records:
        found[record.partition].append(record)
    return found


def _offsets(records: list[Polled]) -> list[int]:
    return [record.offset for record in records]
