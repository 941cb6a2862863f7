"""kafka-consumer-groups and kafka-groups print of kafkalite what they print of Apache Kafka."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafkalite_protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment

from tests.differential.group_requests import (
    commit,
    coordinator_is_there,
    join,
    subscription,
    sync,
)
from tests.differential.requests import batch_of, produce
from tests.differential.transcript import Side
from tests.java_kafka import run_tool

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

CONSUMER_GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
GROUPS = "org.apache.kafka.tools.GroupsCommand"

LONG_SESSION_MS = 1_800_000
"""Members of these tests send no heartbeats."""


FIRST_RECORD_MS = int(time.time() * 1000) - 600_000
"""Of the topics here. Not long ago, or retention removes them."""


class Broker:
    """One of the two: what is done on it, and what the tools print."""

    def __init__(self, bootstrap: str, directory: Path) -> None:
        self.bootstrap = bootstrap
        self.directory = directory
        self.printed: list[tuple[str, list[str]]] = []

    def groups(self, *args: str) -> None:
        self.run(GROUPS, *args)

    def consumer_groups(self, *args: str) -> str:
        return self.run(CONSUMER_GROUPS, *args)

    def run(self, tool: str, *args: str) -> str:
        done = run_tool(tool, "--bootstrap-server", self.bootstrap, *args, check=False)
        lines = [line for line in map(self._masked, done.stdout.splitlines()) if line]
        errors = [
            self._masked(line)
            for line in done.stderr.splitlines()
            if line and not line.startswith(("\tat ", "SLF4J", "\t..."))
        ]
        label = " ".join([tool.rpartition(".")[2], *args])
        self.printed.append(
            (self._masked(label), [f"exit {done.returncode}", *sorted(lines), *errors])
        )
        return done.stdout

    def _masked(self, line: str) -> str:
        line = line.replace(self.bootstrap, "BROKER").replace(str(self.directory), "DIRECTORY")
        line = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", line)
        line = re.sub(r"((?:Exception|Error): ).+", r"\1TEXT", line)
        return re.sub(r"\s+", " ", line).strip()


Compare = Callable[[Callable[[Broker], None]], None]


@pytest.fixture(scope="session")
def compare(
    bootstrap: str, kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> Compare:
    """Does the same on both brokers at once, and expects the same in print."""

    def compared(scenario: Callable[[Broker], None]) -> None:
        theirs, ours = (
            Broker(address, tmp_path_factory.mktemp("tool"))
            for address in (kafka_bootstrap, bootstrap)
        )
        with ThreadPoolExecutor(2) as both:
            for done in [both.submit(scenario, broker) for broker in (theirs, ours)]:
                done.result()
        assert ours.printed == theirs.printed

    return compared


def topic_of_two(side: Side, name: str) -> str:
    """Partition 0 has offsets 0-5, with times a minute apart; partition 1 has 0-1."""
    side.new_topic(name, 2)
    for number in range(6):
        batch = batch_of(b"v", timestamp_ms=FIRST_RECORD_MS + number * 60_000)
        assert side.client.ask(produce((name, 0, batch)), 9).responses[0].name == name
    side.client.ask(produce((name, 1, batch_of(b"a", b"b", timestamp_ms=FIRST_RECORD_MS))), 9)
    return name


def consumer_group(side: Side, group: str, topic: str, **fields: str) -> tuple[int, str]:
    """A Stable group of one member that has both partitions; returns generation and member id."""
    joined = side.client.ask(
        join(
            group,
            protocols={"range": subscription(topic)},
            session_timeout_ms=LONG_SESSION_MS,
            **fields,
        ),
        5 if fields else 3,
    )
    partitions = ConsumerProtocolAssignment.TopicPartition(topic=topic, partitions=[0, 1])
    assignment = struct.pack(">h", 0) + ConsumerProtocolAssignment([partitions]).encode(0)
    me = joined.member_id
    answer = side.client.ask(sync(group, joined.generation_id, me, {me: assignment}), 3)
    assert answer.error_code == 0
    return joined.generation_id, me


def test_groups_are_listed_and_described_alike(compare: Compare) -> None:
    def scenario(broker: Broker) -> None:
        with closing(Side(broker.bootstrap)) as side:
            coordinator_is_there(side)
            topic = topic_of_two(side, "described")
            generation, member = consumer_group(side, "described-group", topic)
            claim = {"generation_id": generation, "member_id": member}
            side.client.ask(commit("described-group", (topic, 0, 2), **claim), 8)
            consumer_group(side, "static-group", topic, group_instance_id="one")
            side.client.ask(commit("simple-group", (topic, 0, 1), (topic, 1, 2)), 8)
        broker.consumer_groups("--list")
        broker.consumer_groups("--list", "--state")
        broker.consumer_groups("--list", "--state", "empty", "--type")
        broker.groups("--list")
        broker.groups("--list", "--group-type", "classic")
        broker.groups("--list", "--consumer", "--protocol", "consumer")
        broker.consumer_groups("--describe", "--all-groups")
        for extra in (["--members", "--verbose"], ["--state"], ["--offsets", "--verbose"]):
            broker.consumer_groups("--describe", "--all-groups", *extra)
        for extra in ([], ["--members"], ["--state"]):
            broker.consumer_groups("--describe", "--group", "nobodys-group", *extra)

    compare(scenario)


def test_offsets_are_reset_alike(compare: Compare) -> None:
    def scenario(broker: Broker) -> None:
        with closing(Side(broker.bootstrap)) as side:
            coordinator_is_there(side)
            topic = topic_of_two(side, "reset")
            side.client.ask(commit("reset-group", (topic, 0, 3), (topic, 1, 1)), 8)
            consumer_group(side, "busy-group", topic)

        moment = datetime.fromtimestamp(FIRST_RECORD_MS / 1000 + 90, UTC)
        between_second_and_third = moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")

        def reset(*args: str, how: str = "--execute") -> str:
            return broker.consumer_groups("--reset-offsets", "--group", "reset-group", *args, how)

        reset("--to-earliest", "--topic", f"{topic}:0", how="--dry-run")
        for form in (
            ["--to-earliest"],
            ["--to-latest"],
            ["--shift-by", "-2"],
            ["--shift-by", "100"],
            ["--to-offset", "1"],
            ["--to-datetime", between_second_and_third],
            ["--by-duration", "PT1S"],
            ["--to-current"],
        ):
            reset(*form, "--all-topics")
        plan = broker.directory / "plan.csv"
        plan.write_text(reset("--to-earliest", "--all-topics", "--export", how="--dry-run"))
        reset("--from-file", str(plan))
        reset("--to-earliest", "--topic", "missing")
        broker.consumer_groups("--describe", "--group", "reset-group")
        new_group = ("--reset-offsets", "--group", "new-group", "--topic", topic)
        broker.consumer_groups(*new_group, "--to-latest", "--execute")
        broker.consumer_groups("--describe", "--group", "new-group", "--offsets")
        busy_group = ("--reset-offsets", "--group", "busy-group", "--topic", topic)
        broker.consumer_groups(*busy_group, "--to-latest", "--execute")

    compare(scenario)


def test_groups_and_their_offsets_are_deleted_alike(compare: Compare) -> None:
    def scenario(broker: Broker) -> None:
        with closing(Side(broker.bootstrap)) as side:
            coordinator_is_there(side)
            topic = topic_of_two(side, "deleted")
            side.client.ask(commit("doomed-group", (topic, 0, 3), (topic, 1, 1)), 8)
            consumer_group(side, "living-group", topic)
        doomed = ("--delete-offsets", "--group", "doomed-group")
        broker.consumer_groups(*doomed, "--topic", f"{topic}:0,7")
        broker.consumer_groups(*doomed, "--topic", "missing")
        broker.consumer_groups("--delete-offsets", "--group", "living-group", "--topic", topic)
        broker.consumer_groups("--delete-offsets", "--group", "nobodys-group", "--topic", topic)
        broker.consumer_groups("--describe", "--group", "doomed-group")
        broker.consumer_groups("--delete", "--group", "doomed-group")
        broker.consumer_groups("--delete", "--group", "living-group", "--group", "nobodys-group")
        broker.consumer_groups("--describe", "--group", "doomed-group")

    compare(scenario)
