"""confluent-kafka's share consumer: records to one of many, and back, over a broker that is killed in between."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import AcknowledgeType, Message, Producer, ShareConsumer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from tests.broker_process import BrokerProcess
from tests.waiting import wait_until

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(180)]

POLL_S = 1.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[BrokerProcess]:
    with BrokerProcess(tmp_path_factory.mktemp("sharing") / "data") as broker:
        yield broker


@pytest.fixture
def group(broker) -> str:
    """A group that reads from the beginning."""
    name = f"sharing-{uuid.uuid4().hex[:8]}"
    earliest = ConfigEntry(
        "share.auto.offset.reset", "earliest", incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.GROUP, name, incremental_configs=[earliest])
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(30)
    return name


@pytest.fixture
def topic(broker, create_topic) -> str:
    return create_topic(broker.bootstrap, 2)


@pytest.fixture
def consumer(broker, group, topic) -> Iterator[Callable[[], ShareConsumer]]:
    """Makes consumers that say of each record what became of it; closed after the test."""
    made: list[ShareConsumer] = []

    def make() -> ShareConsumer:
        one = ShareConsumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": group,
                "share.acknowledgement.mode": "explicit",
            }
        )
        one.subscribe([topic])
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


def produce(broker: BrokerProcess, topic: str, values: range) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
    for number in values:
        producer.produce(topic, str(number), str(number))
    assert producer.flush(30) == 0


def poll(consumer: ShareConsumer) -> list[Message]:
    messages = list(consumer.poll(POLL_S))
    assert [each.error() for each in messages if each.error()] == []
    return messages


def number(message: Message) -> int:
    value = message.value()
    assert value is not None
    return int(value)


def test_two_consumers_get_each_record_once(broker, topic, consumer) -> None:
    produce(broker, topic, range(500))
    seen: Counter[int] = Counter()
    pair = [consumer(), consumer()]

    def all_seen() -> bool:
        for one in pair:
            for message in poll(one):
                seen[number(message)] += 1
                one.acknowledge(message)
            one.commit_sync(30)
        return len(seen) == 500

    wait_until(all_seen, "500 records", timeout_s=60)
    assert set(seen.values()) == {1}


def test_released_records_come_again_and_rejected_ones_do_not(broker, topic, consumer) -> None:
    produce(broker, topic, range(60))
    one = consumer()
    deliveries: Counter[int] = Counter()
    done: set[int] = set()

    def all_done() -> bool:
        for message in poll(one):
            value = number(message)
            deliveries[value] += 1
            if value % 3 == 0 and deliveries[value] == 1:
                one.acknowledge(message, AcknowledgeType.RELEASE)
            else:
                kind = AcknowledgeType.REJECT if value % 3 == 1 else AcknowledgeType.ACCEPT
                one.acknowledge(message, kind)
                done.add(value)
        return len(done) == 60

    wait_until(all_done, "60 records", timeout_s=60)
    assert deliveries == {value: 2 if value % 3 == 0 else 1 for value in range(60)}


def test_what_was_accepted_is_not_delivered_again_after_a_kill(broker, topic, consumer) -> None:
    produce(broker, topic, range(200))
    accepted: set[int] = set()
    for enough in (50, 120, 200):
        one = consumer()

        def some_accepted(one: ShareConsumer = one, enough: int = enough) -> bool:
            for message in poll(one):
                assert number(message) not in accepted
                one.acknowledge(message)
                if list(one.commit_sync(30).values()) == [None]:
                    accepted.add(number(message))
            return len(accepted) >= enough

        wait_until(some_accepted, f"{enough} records", timeout_s=60)
        if enough < 200:
            broker.kill9()
            broker.start()
    assert accepted == set(range(200))
