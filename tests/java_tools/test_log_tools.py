"""kafka-delete-records and kafka-log-dirs, unchanged: what they print of kafkalite is what they print of Apache Kafka."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafkalite_compat.brokers.ports import free_port
from kafkalite_compat.differential.requests.records import batch_of, produce
from kafkalite_compat.differential.scenarios.logs import log_dir_of
from kafkalite_compat.differential.side import Side

from tests.java_kafka import run_tool, start_kafka

pytestmark = [pytest.mark.java, pytest.mark.timeout(180)]

TOOLS = "org.apache.kafka.tools."


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Apache Kafka to compare with."""
    with start_kafka(free_port(), tmp_path_factory.mktemp("kafka") / "data") as kafka:
        yield kafka.bootstrap


@pytest.fixture
def topic(bootstrap: str, kafka: str) -> str:
    """On both, two partitions with 6 and 0 records."""
    name = f"logs-{uuid.uuid4().hex[:8]}"
    for address in (bootstrap, kafka):
        side = Side(address)
        side.new_topic(name, partitions=2)
        for _ in range(2):
            side.client.ask(produce((name, 0, batch_of(b"a", b"b", b"c"))), 9)
        side.close()
    return name


def test_kafka_delete_records_prints_the_same(
    bootstrap: str, kafka: str, topic: str, tmp_path: Path
) -> None:
    asked = [
        {"topic": topic, "partition": 0, "offset": 4},
        {"topic": topic, "partition": 1, "offset": -1},
    ]
    ours, theirs = (delete_records(each, tmp_path, asked) for each in (bootstrap, kafka))
    assert ours == theirs
    assert f"partition: {topic}-0\tlow_watermark: 4" in ours


def test_kafka_delete_records_prints_the_same_errors(
    bootstrap: str, kafka: str, topic: str, tmp_path: Path
) -> None:
    asked = [
        {"topic": topic, "partition": 0, "offset": 99},
        {"topic": topic, "partition": 1, "offset": 1},
    ]
    ours, theirs = (delete_records(each, tmp_path, asked) for each in (bootstrap, kafka))
    assert ours == theirs
    assert any("OffsetOutOfRange" in line for line in ours)


def test_kafka_log_dirs_prints_the_same(bootstrap: str, kafka: str, topic: str) -> None:
    ours, theirs = (log_dirs(each, "--topic-list", topic) for each in (bootstrap, kafka))
    assert ours == theirs
    partitions = {
        one["partition"]: one["size"]
        for directory in ours["brokers"][0]["logDirs"]
        for one in directory["partitions"]
    }
    assert partitions[f"{topic}-0"] > 0
    assert partitions[f"{topic}-1"] == 0


def test_kafka_log_dirs_of_an_unknown_topic_prints_the_same(bootstrap: str, kafka: str) -> None:
    ours, theirs = (log_dirs(each, "--topic-list", "nobody") for each in (bootstrap, kafka))
    assert ours == theirs


def delete_records(bootstrap: str, directory: Path, partitions: list[dict[str, Any]]) -> list[str]:
    """The lines printed, sorted: partitions come in the order of a hash map."""
    wishes = directory / "offsets.json"
    wishes.write_text(json.dumps({"partitions": partitions, "version": 1}))
    printed = run_tool(
        f"{TOOLS}DeleteRecordsCommand",
        *("--bootstrap-server", bootstrap, "--offset-json-file", str(wishes)),
        check=False,
    )
    return sorted(printed.stdout.splitlines())


def log_dirs(bootstrap: str, *args: str) -> dict[str, Any]:
    """The JSON printed, without what is each machine's or broker's own."""
    side = Side(bootstrap)
    path = log_dir_of(side)
    side.close()
    printed = run_tool(
        f"{TOOLS}LogDirsCommand", "--bootstrap-server", bootstrap, "--describe", *args
    )
    head, _, rest = printed.stdout.partition("{")
    assert "Received log directory information from brokers 1" in head
    found: dict[str, Any] = json.loads("{" + re.sub(re.escape(path), "DIR", rest))
    for broker in found["brokers"]:
        for directory in broker["logDirs"]:
            directory["partitions"].sort(key=lambda one: one["partition"])
    return found
