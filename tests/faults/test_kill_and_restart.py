"""What was acknowledged outlives kill -9, twenty times over: once, in order, at the offset told."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator

import confluent_kafka
import pytest

from tests.broker_process import BrokerProcess
from tests.faults.conftest import create_topic
from tests.faults.steady_producers import (
    PARTITIONS,
    ConfluentProducer,
    KafkaPythonProducer,
    NumberedProducer,
    Producing,
    number_in,
)
from tests.forgotten_sockets import IGNORE_FORGOTTEN_SOCKETS, close_forgotten_sockets
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    IGNORE_FORGOTTEN_SOCKETS,
]

KILLS = int(os.environ.get("KAFKALITE_TEST_KILLS", "20"))


@pytest.fixture(autouse=True)
def _no_sockets_are_left() -> Iterator[None]:
    yield
    close_forgotten_sockets()


@pytest.mark.parametrize(
    "client", [ConfluentProducer, KafkaPythonProducer], ids=lambda client: client.name
)
def test_every_acknowledged_record_is_there_once_and_in_order_after_twenty_kills(
    client: Callable[[str, str], NumberedProducer], broker: BrokerProcess
) -> None:
    topic = create_topic(broker.bootstrap, PARTITIONS)
    chance = random.Random(20)
    producer = client(broker.bootstrap, topic)
    with Producing(producer) as producing:
        for _ in range(KILLS):
            enough = len(producer.acknowledged) + chance.randint(200, 4000)
            wait_until(
                lambda enough=enough: len(producer.acknowledged) >= enough,  # type: ignore[misc]
                f"record {enough} to be acknowledged, after {producer.failures[:1]}",
                timeout_s=120,
            )
            broker.kill9()
            broker.start()
    assert producer.failures == []
    assert len(producer.acknowledged) == producing.sent

    for partition in range(PARTITIONS):
        numbers = read_to_the_end(broker.bootstrap, topic, partition)
        assert numbers == list(range(partition, producing.sent, PARTITIONS))
        told = [each for each in producer.acknowledged if each.number % PARTITIONS == partition]
        assert all(numbers[each.offset] == each.number for each in told)
    assert "Traceback" not in broker.log()


def read_to_the_end(bootstrap: str, topic: str, partition: int) -> list[int]:
    """The numbers of all records in the partition, whose offsets must be 0, 1, 2..."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "reader"})
    at_start = confluent_kafka.TopicPartition(topic, partition, 0)
    _, end = consumer.get_watermark_offsets(at_start, timeout=30)
    consumer.assign([at_start])
    numbers: list[int] = []

    def complete() -> bool:
        for message in consumer.consume(10_000, 0.2):
            assert message.error() is None
            assert message.offset() == len(numbers)
            numbers.append(number_in(message.value() or b""))
        return len(numbers) >= end

    wait_until(complete, f"all {end} records of {topic}-{partition}", timeout_s=120)
    consumer.close()
    return numbers
