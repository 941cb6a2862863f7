"""Apache Kafka's own performance tools, and what they print as figures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tests.java_kafka import run_tool

RECORD_BYTES: Final = 1024


@dataclass(frozen=True)
class Produced:
    records_per_s: float
    mib_per_s: float
    p99_ms: float


@dataclass(frozen=True)
class Consumed:
    """Without the time of joining the group."""

    records_per_s: float
    mib_per_s: float


def produce(bootstrap: str, topic: str, records: int, *options: str) -> Produced:
    """kafka-producer-perf-test: records of 1 KiB as fast as they go. `options` end with `key=value` of the producer."""
    *_, line = (
        each
        for each in run_tool(
            "org.apache.kafka.tools.ProducerPerformance",
            *("--bootstrap-server", bootstrap, "--topic", topic, "--throughput", "-1"),
            *("--num-records", str(records), "--record-size", str(RECORD_BYTES)),
            *options,
        ).stdout.splitlines()
        if " ms 99th" in each
    )
    return Produced(
        _number_before(" records/sec", line),
        _number_before(" MB/sec", line),
        _number_before(" ms 99th", line),
    )


def consume(bootstrap: str, topic: str, records: int, *options: str) -> Consumed:
    """kafka-consumer-perf-test, from the beginning of the topic."""
    line = run_tool(
        "org.apache.kafka.tools.ConsumerPerformance",
        *("--bootstrap-server", bootstrap, "--topic", topic),
        *("--num-records", str(records), "--hide-header"),
        *options,
    ).stdout.splitlines()[-1]
    # start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
    columns = line.split(", ")
    return Consumed(float(columns[9]), float(columns[8]))


def _number_before(words: str, line: str) -> float:
    found = re.search(r"([\d.]+)" + re.escape(words), line)
    assert found, line
    return float(found[1])
