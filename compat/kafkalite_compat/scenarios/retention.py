"""Compaction and retention, as a client sees them. The suite writes on until the cleaner has been there."""

from __future__ import annotations

from collections.abc import Callable

from kafkalite_protocol.records import Record

from kafkalite_compat.checks import eventually, expect
from kafkalite_compat.reading import collect
from kafkalite_compat.scenario import Skip, scenario
from kafkalite_compat.steps import NewRecord
from kafkalite_compat.wire import logs, topics
from kafkalite_compat.world import World, now_ms

GROUP = "compaction and retention"
ORDER = 11

PATIENCE_MS = 30_000
"""A broker whose cleaner or retention looks more rarely than that is not waited for."""
NUDGE = b"nudge"
COMPACTED = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "0",
}


@scenario("K01", "Compaction keeps the last value of each key")
def compaction(world: World) -> None:
    """The client writes three rounds of values for three keys. After compaction a consumer reading from the start gets, of each key,
    the last value only, at the offset it was written at."""
    _needs_quick(world, "log.cleaner.backoff.ms", 15_000)
    topic = world.topic(configs=COMPACTED)
    rounds = [(b"key-%d" % key, b"round %d" % n) for n in range(3) for key in range(3)]
    world.steps.produce(topic, [NewRecord(value, key) for key, value in rounds])
    latest = [(b"key-%d" % key, b"round 2", 6 + key) for key in range(3)]
    _until_compacted(world, topic, lambda keys: all(keys.count(key) == 1 for key, _, _ in latest))
    consumer = world.steps.consumer()
    consumer.assign({(topic, 0): "earliest"})
    read = [(one.key, one.value, one.offset) for one in collect([consumer], 4)]
    expect("keys, values and offsets", [one for one in read if one[0] != NUDGE], latest)


@scenario("K02", "A tombstone deletes its key")
def tombstone(world: World) -> None:
    """Two keys have values, then one gets a null value. After compaction the key with the tombstone is not in the log any more; a consumer
    gets the other."""
    _needs_quick(world, "log.cleaner.backoff.ms", 15_000)
    topic = world.topic(configs=COMPACTED)
    records = [NewRecord(b"v", b"stays"), NewRecord(b"v", b"goes"), NewRecord(None, b"goes")]
    world.steps.produce(topic, records)
    _until_compacted(world, topic, lambda keys: b"goes" not in keys)
    consumer = world.steps.consumer()
    consumer.assign({(topic, 0): "earliest"})
    keys = [one.key for one in collect([consumer], 2)]
    expect("first key read", keys[0], b"stays")
    assert b"goes" not in keys, "the key with the tombstone was read"


def _until_compacted(world: World, topic: str, enough: Callable[[list[bytes]], bool]) -> None:
    """The active segment is never compacted: writing rolls it when it is older than segment.ms."""

    def looked() -> bool:
        world.write_records(topic, [Record(0, -1, NUDGE, b"")])
        return enough([bytes(one.key or b"") for one in logs.read_values(world.wire, topic, 0)])

    eventually("the log is compacted", looked, within_s=60)


@scenario("K03", "Records older than retention.ms go, and reading starts behind them")
def retention(world: World) -> None:
    """retention.ms is a minute; the suite writes records of an hour ago and, in the next segment, one of now. The old ones go: the earliest
    offset moves, and a consumer that is assigned offset 0 with reset "earliest" gets the new one first."""
    _needs_quick(world, "log.retention.check.interval.ms", 300_000)
    topic = world.topic(configs={"retention.ms": "60000", "segment.ms": "10000"})
    hour_ago = now_ms() - 3_600_000
    world.write_records(topic, [Record(0, hour_ago, None, b"old")] * 3)
    world.write(topic, [b"new"])
    eventually(
        "the old records are gone",
        lambda: logs.list_offset(world.wire, topic, 0, logs.EARLIEST) == 3,
        within_s=60,
    )
    consumer = world.steps.consumer(reset="earliest")
    consumer.assign({(topic, 0): 0})
    (got,) = collect([consumer], 1)
    expect("first record", (got.offset, got.value), (3, b"new"))


def _needs_quick(world: World, config: str, default_ms: int) -> None:
    interval_ms = int(topics.broker_config(world.wire, config) or default_ms)
    if interval_ms > PATIENCE_MS:
        raise Skip(f"the broker has {config}={interval_ms}: nothing would be seen for so long")
