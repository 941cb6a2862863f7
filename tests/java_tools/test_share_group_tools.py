"""kafka-share-groups prints of kafkalite what it prints of Apache Kafka; the console share consumer consumes."""

from __future__ import annotations

import re
import uuid
from contextlib import closing

import pytest
from kafkalite_compat.differential.requests.groups import coordinator_is_there
from kafkalite_compat.differential.side import Side
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.share_group_heartbeat import ShareGroupHeartbeatRequest

from tests.java_kafka import run_tool
from tests.java_tools.side_by_side import Broker, Compare, topic_of_two
from tests.java_tools.test_console_tools import console_producer, kafka_topics
from tests.waiting import wait_until

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

SHARE_GROUPS = "org.apache.kafka.tools.consumer.group.ShareGroupCommand"
GROUPS = "org.apache.kafka.tools.GroupsCommand"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"
CONFIGS = "kafka.admin.ConfigCommand"


class Member:
    """A member of a share group that sends heartbeats when it is told to."""

    def __init__(self, side: Side, group: str, topic: str) -> None:
        self._side = side
        self._group = group
        self._member_id = str(uuid.uuid4())
        self._epoch = 0
        self._topics: list[str] | None = [topic]
        self.partitions: list[int] = []

    def beat(self) -> None:
        request = ShareGroupHeartbeatRequest(
            group_id=self._group,
            member_id=self._member_id,
            member_epoch=self._epoch,
            subscribed_topic_names=self._topics,
        )
        answer = self._side.client.ask(request, 1)
        assert answer.error_code == ErrorCode.NONE
        self._epoch, self._topics = answer.member_epoch, None
        if answer.assignment is not None:
            self.partitions = [
                n for each in answer.assignment.topic_partitions for n in each.partitions
            ]

    def has_all_of(self, count: int) -> bool:
        self.beat()
        return len(self.partitions) == count

    def leave(self) -> None:
        self._epoch = -1
        self.beat()


def test_share_groups_are_listed_and_described_alike(compare: Compare) -> None:
    def scenario(broker: Broker) -> None:
        with closing(Side(broker.bootstrap)) as side:
            coordinator_is_there(side)
            topic = topic_of_two(side, "share-described")
            member = Member(side, "share-group", topic)
            wait_until(lambda: member.has_all_of(2), "the assignment")

            def describe(*args: str) -> None:
                member.beat()
                broker.run(SHARE_GROUPS, "--describe", *args)

            broker.run(SHARE_GROUPS, "--list")
            broker.run(SHARE_GROUPS, "--list", "--state", "Stable")
            broker.run(GROUPS, "--list", "--group-type", "share")
            for what in ("--offsets", "--members", "--state"):
                describe("--group", "share-group", what)
                describe("--group", "share-group", what, "--verbose")
            describe("--group", "nobodys-share-group")
            broker.run(SHARE_GROUPS, "--delete", "--group", "share-group")
            reset = ("--reset-offsets", "--group", "share-group", "--topic", topic)
            broker.run(SHARE_GROUPS, *reset, "--to-latest", "--execute")
            member.leave()

    compare(scenario)


def test_offsets_of_share_groups_are_reset_and_deleted_alike(compare: Compare) -> None:
    def scenario(broker: Broker) -> None:
        with closing(Side(broker.bootstrap)) as side:
            coordinator_is_there(side)
            topic = topic_of_two(side, "share-reset")
            member = Member(side, "share-reset-group", topic)
            wait_until(lambda: member.has_all_of(2), "the assignment")
            member.leave()
        group = ("--group", "share-reset-group")
        describe = ("--describe", *group, "--offsets", "--verbose")
        reset = ("--reset-offsets", *group)
        broker.run(SHARE_GROUPS, *reset, "--topic", topic, "--to-latest", "--dry-run")
        broker.run(SHARE_GROUPS, *reset, "--topic", topic, "--to-latest", "--execute")
        broker.run(SHARE_GROUPS, *describe)
        broker.run(SHARE_GROUPS, *reset, "--topic", topic, "--to-earliest", "--execute")
        broker.run(SHARE_GROUPS, *describe)
        broker.run(SHARE_GROUPS, *reset, "--topic", "missing", "--to-earliest", "--execute")
        broker.run(SHARE_GROUPS, "--delete-offsets", *group, "--topic", topic)
        broker.run(SHARE_GROUPS, "--delete-offsets", *group, "--topic", "missing")
        broker.run(SHARE_GROUPS, *describe)
        broker.run(SHARE_GROUPS, "--delete", *group)
        broker.run(SHARE_GROUPS, "--delete", "--group", "nobodys-share-group")
        broker.run(SHARE_GROUPS, "--list")

    compare(scenario)


def test_console_share_consumer_gets_each_record_once_and_its_group_goes_on(bootstrap: str) -> None:
    topic, group = f"shared-{uuid.uuid4().hex[:8]}", f"sharing-{uuid.uuid4().hex[:8]}"
    kafka_topics(bootstrap, "--create", "--topic", topic, "--partitions", "2")
    lines = [f"value {n}" for n in range(200)]
    console_producer(bootstrap, topic, "\n".join(lines[:150]) + "\n")
    entity = ("--entity-type", "groups", "--entity-name", group)
    offset_reset = ("--alter", *entity, "--add-config", "share.auto.offset.reset=earliest")
    run_tool(CONFIGS, "--bootstrap-server", bootstrap, *offset_reset)

    assert sorted(consume(bootstrap, topic, group, 150)) == sorted(lines[:150])

    console_producer(bootstrap, topic, "\n".join(lines[150:]) + "\n")
    assert sorted(consume(bootstrap, topic, group, 50)) == sorted(lines[150:])

    described = run_tool(
        SHARE_GROUPS, "--bootstrap-server", bootstrap, "--describe", "--group", group
    )
    lags = re.findall(rf"{group}\s+{topic}\s+\d\s+(\d+)\s+(\d+)", described.stdout)
    assert {lag for _, lag in lags} == {"0"}, "nothing is left to be delivered"


def consume(bootstrap: str, topic: str, group: str, count: int) -> list[str]:
    arguments = ("--bootstrap-server", bootstrap, "--topic", topic, "--group", group)
    done = run_tool(CONSUMER, *arguments, "--max-messages", str(count), "--timeout-ms", "60000")
    return done.stdout.splitlines()
