"""Consumers of the new protocol (KIP-848) come, go, are killed and take over while records flow and the broker is killed:
no record is skipped, and no partition is read by two at once. Groups change their protocol while they run.

kafka-python 3.0 and aiokafka 0.14 do not speak the protocol.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from tests.background_work import BackgroundWork
from tests.broker_process import BrokerProcess
from tests.clients.conftest import create_topic_named_by_chance
from tests.clients.group_children import (
    Child,
    check_nobody_reads_what_another_does,
    wait_for_owners,
    wait_for_records,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]

PARTITIONS = 4
SETTINGS = {
    "group.consumer.min.heartbeat.interval.ms": "500",
    "group.consumer.heartbeat.interval.ms": "500",
    "group.consumer.min.session.timeout.ms": "4000",
    "group.consumer.session.timeout.ms": "4000",
}

CLIENTS = ["confluent", pytest.param("java", marks=pytest.mark.java)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    with BrokerProcess(tmp_path / "data", settings=SETTINGS) as broker:
        yield broker


class Flow(BackgroundWork):
    """Records that keep coming."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        super().__init__()
        self.sent: set[tuple[int, int]] = set()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                "reconnect.backoff.max.ms": 500,
            }
        )
        self._topic = topic

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        assert self._producer.flush(60) == 0

    def work(self) -> None:
        number = 0
        while not self._stopping.wait(0.01):
            number += 1
            self._producer.produce(
                self._topic, b"%d" % number, partition=number % PARTITIONS, callback=self._sent
            )
            self._producer.poll(0)

    def _sent(self, error: object, message: object) -> None:
        if error is None:
            self.sent.add((message.partition(), message.offset()))  # type: ignore[attr-defined]

    def more(self) -> None:
        """Until a hundred more records have been written."""
        before = len(self.sent)
        wait_until(lambda: len(self.sent) >= before + 100, "records")


@pytest.mark.parametrize("client", CLIENTS)
def test_members_come_and_go_and_are_killed_and_so_is_the_broker(client, broker, tmp_path):
    topic = create_topic_named_by_chance(broker.bootstrap, PARTITIONS)
    with ExitStack() as stack:
        children: list[Child] = []

        def come(name: str) -> Child:
            arguments = (broker.bootstrap, topic, "takers", "consumer")
            child = stack.enter_context(Child(client, tmp_path, name, *arguments))
            children.append(child)
            return child

        with Flow(broker.bootstrap, topic) as flow:
            first = come("first")
            wait_for_owners([first], PARTITIONS, "one has all")
            flow.more()
            second = come("second")
            wait_for_owners([first, second], PARTITIONS, "two share")
            flow.more()
            broker.kill9()
            broker.start()
            flow.more()
            third = come("third")
            wait_for_owners([first, second, third], PARTITIONS, "three share")
            flow.more()
            second.kill9()
            wait_for_owners([first, third], PARTITIONS, "two take over what a third had")
            flow.more()
            first.leave()
            wait_for_owners([third], PARTITIONS, "one takes over from one that leaves")
            flow.more()
        wait_for_records(children, flow.sent)
        third.leave()
        check_nobody_reads_what_another_does(children)
    assert max(offset for _, offset in flow.sent) * PARTITIONS >= len(flow.sent) - PARTITIONS


@pytest.mark.parametrize("client", CLIENTS)
def test_group_moves_to_the_new_protocol_and_back_while_records_flow(client, broker, tmp_path):
    """A rolling restart, one member at a time, each way; nothing is read from the beginning again."""
    topic = create_topic_named_by_chance(broker.bootstrap, PARTITIONS)
    with ExitStack() as stack:
        children: list[Child] = []

        def come(name: str, protocol: str) -> Child:
            arguments = (broker.bootstrap, topic, "movers", protocol)
            child = stack.enter_context(Child(client, tmp_path, name, *arguments))
            children.append(child)
            return child

        with Flow(broker.bootstrap, topic) as flow:
            old = [come("old-1", "classic"), come("old-2", "classic")]
            wait_for_owners(old, PARTITIONS, "a classic group")
            assert group_type(broker.bootstrap, "movers") == "classic"
            flow.more()
            old[0].leave()
            new = [come("new-1", "consumer")]
            wait_for_owners([old[1], *new], PARTITIONS, "one of each protocol")
            assert group_type(broker.bootstrap, "movers") == "consumer"
            flow.more()
            old[1].leave()
            new.append(come("new-2", "consumer"))
            wait_for_owners(new, PARTITIONS, "the new protocol alone")
            flow.more()
            broker.kill9()
            broker.start()
            flow.more()
            new[0].leave()
            again = [come("again-1", "classic")]
            wait_for_owners([new[1], *again], PARTITIONS, "one of each protocol, on the way back")
            flow.more()
            new[1].leave()
            again.append(come("again-2", "classic"))
            wait_for_owners(again, PARTITIONS, "a classic group again")
            assert group_type(broker.bootstrap, "movers") == "classic"
            flow.more()
        wait_for_records(children, flow.sent)
        for child in again:
            child.leave()
        check_nobody_reads_what_another_does(children)
        check_nothing_is_read_again(children)


def check_nothing_is_read_again(children: list[Child]) -> None:
    """Nobody was killed, so whatever was read was committed, but for what a broker that was killed could not take."""
    read = [each for child in children for each in child.read]
    again = len(read) - len(set(read))
    uncommitted = sum(
        event == "uncommitted" for child in children for _, event, _ in child.events()
    )
    assert again <= 20 * PARTITIONS * (uncommitted + 2), f"{again} of {len(read)} are read again"


def group_type(bootstrap: str, group: str) -> str:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    listed = admin.list_consumer_groups().result(30)
    return next(each.type.name.lower() for each in listed.valid if each.group_id == group)
