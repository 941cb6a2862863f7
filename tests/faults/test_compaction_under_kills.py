"""Compaction goes on under load, the broker is killed again and again: the last value of each key is there."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from pathlib import Path

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.broker_process import BrokerProcess
from tests.forgotten_sockets import IGNORE_FORGOTTEN_SOCKETS, close_forgotten_sockets
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    IGNORE_FORGOTTEN_SOCKETS,
]

KILLS = int(os.environ.get("KAFKALITE_TEST_KILLS", "20"))
PARTITIONS = 2
KEYS = 400
RECORDS_PER_STEP = 500
VALUE_BYTES = 400


@pytest.fixture(autouse=True)
def _no_sockets_are_left() -> Iterator[None]:
    yield
    close_forgotten_sockets()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    settings = {"log.cleaner.backoff.ms": "10", "log.segment.delete.delay.ms": "0"}
    with BrokerProcess(tmp_path / "data", settings=settings) as broker:
        yield broker


class KeyedProducer:
    """Sends 0, 1, 2... under keys chosen at random, some as tombstones; knows what the last value of each key is."""

    def __init__(self, bootstrap: str, topic: str, chance: random.Random) -> None:
        self.sent = self.acknowledged = 0
        self.failures: list[confluent_kafka.KafkaError] = []
        self.table: dict[bytes, bytes | None] = {}
        self._topic = topic
        self._chance = chance
        self._producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 2,
                "reconnect.backoff.max.ms": 200,
                "compression.type": "lz4",
            }
        )

    def send_some(self) -> None:
        for _ in range(RECORDS_PER_STEP):
            number = self._chance.randrange(KEYS)
            key = b"key-%d" % number
            value = b"%d " % self.sent + self._chance.randbytes(VALUE_BYTES)
            self.table[key] = None if self._chance.random() < 0.1 else value
            self._producer.produce(
                self._topic,
                self.table[key],
                key,
                partition=number % PARTITIONS,
                on_delivery=self._delivered,
            )
            self.sent += 1
        self._producer.poll(0)

    def wait_for_all(self) -> None:
        assert self._producer.flush(120) == 0

    def _delivered(self, error: confluent_kafka.KafkaError | None, _: object) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.failures.append(error)


def create_compacted_topic(bootstrap: str) -> str:
    name = f"compacted-{uuid.uuid4().hex[:12]}"
    config = {
        "cleanup.policy": "compact",
        "segment.bytes": str(1 << 20),
        "min.cleanable.dirty.ratio": "0.01",
    }
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, PARTITIONS, 1, config=config)])[name].result(30)
    return name


def test_the_last_value_of_each_key_outlives_kills_during_compaction(broker: BrokerProcess) -> None:
    topic = create_compacted_topic(broker.bootstrap)
    chance = random.Random(7)
    producer = KeyedProducer(broker.bootstrap, topic, chance)
    for _ in range(KILLS):
        cleanings = broker.log().count("compacted up to")
        at_least = cleanings + chance.randint(1, 3)

        def has_gone_on(at_least: int = at_least) -> bool:
            producer.send_some()
            producer.wait_for_all()
            return broker.log().count("compacted up to") >= at_least

        wait_until(has_gone_on, "some cleanings", timeout_s=120)
        producer.send_some()  # under way at the kill
        broker.kill9()
        broker.start()
    producer.wait_for_all()
    assert producer.failures == []
    assert producer.acknowledged == producer.sent

    table, count = read_table(broker.bootstrap, topic)
    assert table == {key: value for key, value in producer.table.items() if value is not None}
    assert count < producer.sent / 3
    assert "Traceback" not in broker.log()
    assert "not compacted any more" not in broker.log()
    left = [path.name for path in broker.data.glob(f"{topic}-*/*") if ".swap" in path.name]
    assert left == []


def read_table(bootstrap: str, topic: str) -> tuple[dict[bytes, bytes], int]:
    """The last value of each key, and how many records were read for it; their offsets must ascend."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "reader", "enable.partition.eof": True}
    )
    consumer.assign(
        [confluent_kafka.TopicPartition(topic, index, 0) for index in range(PARTITIONS)]
    )
    table: dict[bytes, bytes | None] = {}
    last_offsets = [-1] * PARTITIONS
    count = ended = 0
    while ended < PARTITIONS:
        message = consumer.poll(60)
        assert message is not None, "the broker answers"
        if message.error() is not None:
            assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF
            ended += 1
            continue
        assert message.offset() > last_offsets[message.partition()]
        last_offsets[message.partition()] = message.offset()
        table[message.key()] = message.value()
        count += 1
    consumer.close()
    return {key: value for key, value in table.items() if value is not None}, count
