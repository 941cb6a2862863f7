"""kafka-consumer-groups and kafka-groups print of kafkalite what they print of Apache Kafka."""

from __future__ import annotations

import struct
from contextlib import closing
from datetime import UTC, datetime

import pytest
from kafkalite_compat.differential.requests.groups import (
    commit,
    coordinator_is_there,
    join,
    subscription,
    sync,
)
from kafkalite_compat.differential.side import Side
from kafkalite_protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment

from tests.java_tools.side_by_side import FIRST_RECORD_MS, Broker, Compare, topic_of_two

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

CONSUMER_GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
GROUPS = "org.apache.kafka.tools.GroupsCommand"

LONG_SESSION_MS = 1_800_000
"""Members of these tests send no heartbeats."""


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
        broker.run(CONSUMER_GROUPS, "--list")
        broker.run(CONSUMER_GROUPS, "--list", "--state")
        broker.run(CONSUMER_GROUPS, "--list", "--state", "empty", "--type")
        broker.run(GROUPS, "--list")
        broker.run(GROUPS, "--list", "--group-type", "classic")
        broker.run(GROUPS, "--list", "--consumer", "--protocol", "consumer")
        broker.run(CONSUMER_GROUPS, "--describe", "--all-groups")
        for extra in (["--members", "--verbose"], ["--state"], ["--offsets", "--verbose"]):
            broker.run(CONSUMER_GROUPS, "--describe", "--all-groups", *extra)
        for extra in ([], ["--members"], ["--state"]):
            broker.run(CONSUMER_GROUPS, "--describe", "--group", "nobodys-group", *extra)

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
            return broker.run(
                CONSUMER_GROUPS, "--reset-offsets", "--group", "reset-group", *args, how
            )

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
        broker.run(CONSUMER_GROUPS, "--describe", "--group", "reset-group")
        new_group = ("--reset-offsets", "--group", "new-group", "--topic", topic)
        broker.run(CONSUMER_GROUPS, *new_group, "--to-latest", "--execute")
        broker.run(CONSUMER_GROUPS, "--describe", "--group", "new-group", "--offsets")
        busy_group = ("--reset-offsets", "--group", "busy-group", "--topic", topic)
        broker.run(CONSUMER_GROUPS, *busy_group, "--to-latest", "--execute")

    compare(scenario)


def test_groups_and_their_offsets_are_deleted_alike(compare: Compare) -> None:
    def scenario(broker: Broker) -> None:
        with closing(Side(broker.bootstrap)) as side:
            coordinator_is_there(side)
            topic = topic_of_two(side, "deleted")
            side.client.ask(commit("doomed-group", (topic, 0, 3), (topic, 1, 1)), 8)
            consumer_group(side, "living-group", topic)
        doomed = ("--delete-offsets", "--group", "doomed-group")
        broker.run(CONSUMER_GROUPS, *doomed, "--topic", f"{topic}:0,7")
        broker.run(CONSUMER_GROUPS, *doomed, "--topic", "missing")
        broker.run(CONSUMER_GROUPS, "--delete-offsets", "--group", "living-group", "--topic", topic)
        broker.run(
            CONSUMER_GROUPS, "--delete-offsets", "--group", "nobodys-group", "--topic", topic
        )
        broker.run(CONSUMER_GROUPS, "--describe", "--group", "doomed-group")
        broker.run(CONSUMER_GROUPS, "--delete", "--group", "doomed-group")
        broker.run(
            CONSUMER_GROUPS, "--delete", "--group", "living-group", "--group", "nobodys-group"
        )
        broker.run(CONSUMER_GROUPS, "--describe", "--group", "doomed-group")

    compare(scenario)
