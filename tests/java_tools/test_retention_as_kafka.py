"""The same records under the same retention in Apache Kafka and in kafkalite: the same segments remain, to the byte."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from kafkalite_compat.brokers.ports import free_port
from kafkalite_compat.differential.comparing import differences
from kafkalite_compat.differential.requests.records import (
    batch_of,
    idempotent,
    list_offsets,
    produce,
)
from kafkalite_compat.differential.scenarios.logs import delete_records, describe_log_dirs
from kafkalite_compat.differential.side import Side

from tests.broker_process import BrokerProcess
from tests.java_kafka import start_kafka
from tests.waiting import wait_until

pytestmark = [pytest.mark.java, pytest.mark.timeout(180)]

OFTEN = {"log.retention.check.interval.ms": "300", "log.initial.task.delay.ms": "100"}
BATCHES = 12
FOR_EVER = "-1"
LONG_AGO, LONG_MS = 1_000_000_000_000, 10_000_000_000
"""The records of a topic are 100 days apart, from 2001 on, but for the last three: they are of today."""

TOPICS: dict[str, dict[str, str]] = {
    "by-size": {"retention.bytes": "1000", "retention.ms": FOR_EVER},
    "by-size-zero": {"retention.bytes": "0", "retention.ms": FOR_EVER},
    "by-size-exactly": {"retention.bytes": "546", "retention.ms": FOR_EVER},
    "by-time": {"retention.ms": "3600000"},
    "by-time-all": {"retention.ms": "1"},
    "by-both": {"retention.bytes": "400", "retention.ms": "3600000"},
    "never": {"retention.ms": FOR_EVER},
    "compacted": {"cleanup.policy": "compact", "retention.ms": "1", "min.cleanable.dirty.ratio": "1"},
    "deleted-records": {"retention.ms": FOR_EVER},
    "deleted-records-in-a-segment": {"retention.ms": FOR_EVER},
    "deleted-everything": {"retention.ms": FOR_EVER},
    "large-segments": {"internal.segment.bytes": "700", "retention.bytes": "900", "retention.ms": FOR_EVER},
    "one-segment": {"internal.segment.bytes": "1000000", "retention.ms": "1"},
}  # fmt: skip
DELETED = {"deleted-records": 14, "deleted-records-in-a-segment": 3, "deleted-everything": -1}


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    directory = tmp_path_factory.mktemp("retention")
    with ExitStack() as stack:
        kafka = stack.enter_context(start_kafka(free_port(), directory / "kafka", OFTEN))
        ours = stack.enter_context(BrokerProcess(directory / "ours", settings=OFTEN))
        yield (
            stack.enter_context(closing(Side(kafka.bootstrap))),
            stack.enter_context(closing(Side(ours.bootstrap))),
        )


def fill(side: Side, topic: str, configs: dict[str, str], now_ms: int) -> None:
    """Batches of two records, 136 bytes each."""
    settings = {"internal.segment.bytes": "150", "segment.ms": str(2**62), **configs}
    side.new_topic(topic, **{key.replace(".", "_"): value for key, value in settings.items()})
    for number in range(BATCHES):
        is_new = number >= BATCHES - 3 and configs.get("retention.ms") != "1"
        time_ms = now_ms if is_new else LONG_AGO + number * LONG_MS
        batch = batch_of(b"%030d" % number, b"%030d" % number, timestamp_ms=time_ms)
        answer = side.client.ask(produce((topic, 0, batch)), 9)
        assert answer.responses[0].partition_responses[0].error_code == 0
    if topic in DELETED:
        side.client.ask(delete_records((topic, (0, DELETED[topic]))), 2)


def state(side: Side, topic: str) -> tuple[int, int, int]:
    """Log start, log end, bytes."""
    start, end = (
        side.client.ask(list_offsets(topic, (0, which)), 7).topics[0].partitions[0].offset
        for which in (-2, -1)
    )
    (directory,) = side.client.ask(describe_log_dirs((topic, [0])), 4).results
    return start, end, directory.topics[0].partitions[0].partition_size


def test_the_same_remains(sides: tuple[Side, Side]) -> None:
    theirs, ours = sides
    for side in sides:
        for topic, configs in TOPICS.items():
            fill(side, topic, configs, int(time.time() * 1000))
    bytes_in_all = len(batch_of(b"%030d" % 0, b"%030d" % 0)) * BATCHES
    for topic in TOPICS:
        if topic not in ("never", "compacted"):
            wait_until(
                lambda topic=topic: state(theirs, topic)[2] < bytes_in_all,
                f"Kafka has removed some of {topic}",
            )
    for topic in TOPICS:
        wait_until(
            lambda topic=topic: state(ours, topic) == state(theirs, topic),
            f"{topic} is alike",
        )
    starts = {topic: state(ours, topic)[0] for topic in TOPICS}
    assert starts["never"] == 0
    assert starts["by-time-all"] == 2 * BATCHES
    assert len(set(starts.values())) > 5, "the cases are not all alike"


def test_producer_goes_on_after_all_its_records_are_gone(sides: tuple[Side, Side]) -> None:
    for side in sides:
        side.new_topic("producers", retention_ms="1", segment_ms=str(2**62))
        producer_id = side.producer_id()
        for sequence in (0, 1):
            side.client.ask(produce(("producers", 0, idempotent(producer_id, sequence))), 9)
        wait_until(lambda side=side: state(side, "producers") == (2, 2, 0), "the records are gone")
        for sequence, label in ((2, "the next"), (2, "again"), (9, "a gap")):
            side.ask(label, produce(("producers", 0, idempotent(producer_id, sequence))), 9)
    theirs, ours = (side.transcript for side in sides)
    found = differences("producers", theirs, ours)
    assert all(one.where.endswith(".error_message") for one in found), found
