"""kafka-producer-perf-test and kafka-consumer-perf-test, unchanged, with two million records."""

from __future__ import annotations

import re

import pytest

from tests.java_kafka import run_tool

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

RECORDS = 2_000_000
RECORD_BYTES = 1024


def test_two_million_records_are_all_acknowledged_and_all_read(bootstrap: str) -> None:
    topic = "perf"
    produced = run_tool(
        "org.apache.kafka.tools.ProducerPerformance",
        *("--bootstrap-server", bootstrap, "--topic", topic, "--throughput", "-1"),
        *("--num-records", str(RECORDS), "--record-size", str(RECORD_BYTES)),
        *("--command-property", "acks=all", "enable.idempotence=true"),
    )
    summary = produced.stdout.splitlines()[-1]
    assert re.match(rf"{RECORDS} records sent, [\d.]+ records/sec .* ms 99\.9th\.$", summary)
    assert "rror" not in produced.stdout + produced.stderr

    offsets = run_tool(
        "org.apache.kafka.tools.GetOffsetShell", "--bootstrap-server", bootstrap, "--topic", topic
    )
    assert offsets.stdout == f"{topic}:0:{RECORDS}\n"

    consumed = run_tool(
        "org.apache.kafka.tools.ConsumerPerformance",
        *("--bootstrap-server", bootstrap, "--topic", topic),
        *("--num-records", str(RECORDS), "--hide-header"),
    )
    # start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
    columns = consumed.stdout.splitlines()[-1].split(", ")
    assert columns[4] == str(RECORDS)
    assert float(columns[2]) == pytest.approx(RECORDS * RECORD_BYTES / 2**20, abs=0.001)
