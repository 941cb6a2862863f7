"""Transactional producers of the stock Python clients: commit, abort, fencing, timeout, consume-transform-produce, many partitions.

All three speak transactions of version 1 (AddPartitionsToTxn before Produce); version 2 is the Java client's and franz-go's.
"""

from __future__ import annotations

import asyncio
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import aiokafka
import confluent_kafka
import pytest
from aiokafka.errors import KafkaError as AioKafkaError

with warnings.catch_warnings():  # it reads its own package data in a way that Python gives up
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka
    from kafka.consumer.group import ConsumerGroupMetadata
    from kafka.errors import KafkaError as KafkaPythonError

from tests.broker_process import BrokerProcess
from tests.clients.conftest import create_topic_named_by_chance
from tests.forgotten_sockets import IGNORE_FORGOTTEN_SOCKETS, close_forgotten_sockets
from tests.waiting import wait_until

pytestmark = [pytest.mark.clients, pytest.mark.timeout(240), IGNORE_FORGOTTEN_SOCKETS]

QUICK = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"}
PARTITIONS = 4
T = TypeVar("T")


class Fenced(Exception):
    """The library says that the transaction, or the producer, is over."""


class Producer(Protocol):
    """A transactional producer, used from one thread. Every method raises Fenced when the library gives up."""

    def begin(self) -> None: ...
    def send(self, topic: str, partition: int, value: bytes) -> None: ...
    def flush(self) -> None: ...
    def send_offsets(self, offsets: dict[tuple[str, int], int], group: str) -> None: ...
    def commit(self) -> None: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...


class Confluent:
    def __init__(self, bootstrap: str, name: str, timeout_ms: int = 60_000) -> None:
        settings = {"bootstrap.servers": bootstrap, "transactional.id": name}
        self._producer = confluent_kafka.Producer(
            {**settings, "transaction.timeout.ms": timeout_ms, "linger.ms": 5}
        )
        self._bootstrap = bootstrap
        self._producer.init_transactions(30)

    def _try(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except confluent_kafka.KafkaException as error:
            raise Fenced(str(error)) from error

    def begin(self) -> None:
        self._try(self._producer.begin_transaction)

    def send(self, topic: str, partition: int, value: bytes) -> None:
        self._try(lambda: self._producer.produce(topic, value, partition=partition))

    def flush(self) -> None:
        self._producer.flush(30)

    def send_offsets(self, offsets: dict[tuple[str, int], int], group: str) -> None:
        consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": self._bootstrap, "group.id": group}
        )
        positions = [confluent_kafka.TopicPartition(*tp, at) for tp, at in offsets.items()]
        metadata = consumer.consumer_group_metadata()
        self._try(lambda: self._producer.send_offsets_to_transaction(positions, metadata, 30))
        consumer.close()

    def commit(self) -> None:
        self._try(lambda: self._producer.commit_transaction(30))

    def abort(self) -> None:
        self._try(lambda: self._producer.abort_transaction(30))

    def close(self) -> None:
        self._try(lambda: self._producer.flush(0))


class KafkaPython:
    def __init__(self, bootstrap: str, name: str, timeout_ms: int = 60_000) -> None:
        self._producer = kafka.KafkaProducer(
            bootstrap_servers=bootstrap,
            transactional_id=name,
            transaction_timeout_ms=timeout_ms,
            linger_ms=5,
        )
        self._producer.init_transactions()

    def _try(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except KafkaPythonError as error:
            raise Fenced(str(error)) from error

    def begin(self) -> None:
        self._try(self._producer.begin_transaction)

    def send(self, topic: str, partition: int, value: bytes) -> None:
        self._try(lambda: self._producer.send(topic, value, partition=partition))

    def flush(self) -> None:
        self._try(lambda: self._producer.flush(30))

    def send_offsets(self, offsets: dict[tuple[str, int], int], group: str) -> None:
        positions = {
            kafka.TopicPartition(*tp): kafka.OffsetAndMetadata(at, "", -1)
            for tp, at in offsets.items()
        }
        metadata = ConsumerGroupMetadata(group, -1, "", None)
        self._try(lambda: self._producer.send_offsets_to_transaction(positions, metadata))

    def commit(self) -> None:
        self._try(self._producer.commit_transaction)

    def abort(self) -> None:
        self._try(self._producer.abort_transaction)

    def close(self) -> None:
        self._producer.close(5)


class AioKafka:
    """Its coroutines run on a loop of their own, one at a time."""

    def __init__(self, bootstrap: str, name: str, timeout_ms: int = 60_000) -> None:
        self._loop = asyncio.new_event_loop()
        self._sent: list[Any] = []
        self._loop.run_until_complete(self._start(bootstrap, name, timeout_ms))

    async def _start(self, bootstrap: str, name: str, timeout_ms: int) -> None:
        self._producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=bootstrap, transactional_id=name, transaction_timeout_ms=timeout_ms
        )
        await self._producer.start()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self._loop.run_until_complete(work)
        except AioKafkaError as error:
            raise Fenced(str(error)) from error

    def begin(self) -> None:
        self._run(self._producer.begin_transaction())

    def send(self, topic: str, partition: int, value: bytes) -> None:
        self._sent.append(self._run(self._producer.send(topic, value, partition=partition)))

    def flush(self) -> None:
        sent, self._sent = self._sent, []
        self._run(self._all(sent))

    async def _all(self, sent: list[Any]) -> None:
        await asyncio.gather(*sent, return_exceptions=True)

    def send_offsets(self, offsets: dict[tuple[str, int], int], group: str) -> None:
        positions = {aiokafka.TopicPartition(*tp): at for tp, at in offsets.items()}
        self._run(self._producer.send_offsets_to_transaction(positions, group))

    def commit(self) -> None:
        self._run(self._producer.commit_transaction())

    def abort(self) -> None:
        self._run(self._producer.abort_transaction())

    def close(self) -> None:
        self.flush()
        self._run(self._producer.stop())
        self._loop.close()


NewProducer = Callable[..., Producer]
PRODUCERS: list[NewProducer] = [Confluent, KafkaPython, AioKafka]


@pytest.fixture(scope="module")
def quick_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker that aborts what has timed out within 200 ms."""
    with BrokerProcess(tmp_path_factory.mktemp("transactions") / "data", settings=QUICK) as broker:
        yield broker.bootstrap
    close_forgotten_sockets()


@pytest.fixture(params=PRODUCERS, ids=lambda one: one.__name__)
def new_producer(request: pytest.FixtureRequest) -> Iterator[NewProducer]:
    made: list[Producer] = []

    def make(*args: Any) -> Producer:
        made.append(request.param(*args))
        return made[-1]

    yield make
    for producer in made:
        try:
            producer.close()
        except Fenced:
            continue  # it has said so before


def read(
    bootstrap: str, topic: str, isolation: str, partitions: int = PARTITIONS
) -> Counter[bytes]:
    """All values of the topic, up to the end as this reader sees it."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "isolation.level": isolation,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([confluent_kafka.TopicPartition(topic, n, 0) for n in range(partitions)])
    ended: set[int] = set()
    values: Counter[bytes] = Counter()
    while len(ended) < partitions:
        message = consumer.poll(30)
        assert message is not None, "the end of a partition was not told within 30 s"
        error = message.error()
        if error is None:
            values[message.value() or b""] += 1
        else:
            assert error.code() == confluent_kafka.KafkaError._PARTITION_EOF
            ended.add(message.partition() or 0)
    consumer.close()
    return values


def both(bootstrap: str, topic: str) -> tuple[int, int]:
    """How many records readers of committed ones find, and readers of all."""
    return (
        read(bootstrap, topic, "read_committed").total(),
        read(bootstrap, topic, "read_uncommitted").total(),
    )


def committed(bootstrap: str, group: str, topic: str) -> int:
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    (found,) = consumer.committed([confluent_kafka.TopicPartition(topic, 0)], 30)
    consumer.close()
    return int(found.offset)


def test_what_is_committed_is_read_and_what_is_aborted_is_not(
    quick_bootstrap: str, new_producer: NewProducer
) -> None:
    topic = create_topic_named_by_chance(quick_bootstrap, PARTITIONS)
    producer = new_producer(quick_bootstrap, f"id-{topic}")
    producer.begin()
    for n in range(20):
        producer.send(topic, n % PARTITIONS, b"first")
    producer.flush()
    assert both(quick_bootstrap, topic) == (0, 20)
    producer.commit()
    assert both(quick_bootstrap, topic) == (20, 20)
    producer.begin()
    for n in range(20):
        producer.send(topic, n % PARTITIONS, b"second")
    producer.flush()
    producer.abort()
    assert both(quick_bootstrap, topic) == (20, 40)
    for n in range(20):
        producer.begin()
        producer.send(topic, n % PARTITIONS, b"third")
        producer.flush()
        if n % 2:
            producer.commit()
        else:
            producer.abort()
    assert read(quick_bootstrap, topic, "read_committed") == {b"first": 20, b"third": 10}


def test_a_producer_is_fenced_by_the_next_one_of_its_id(
    quick_bootstrap: str, new_producer: NewProducer
) -> None:
    topic = create_topic_named_by_chance(quick_bootstrap, PARTITIONS)
    zombie = new_producer(quick_bootstrap, f"id-{topic}")
    zombie.begin()
    zombie.send(topic, 0, b"zombie")
    zombie.flush()
    heir = new_producer(quick_bootstrap, f"id-{topic}")
    with pytest.raises(Fenced):
        zombie.commit()
    heir.begin()
    heir.send(topic, 0, b"heir")
    heir.commit()
    assert read(quick_bootstrap, topic, "read_committed") == {b"heir": 1}


def test_a_transaction_that_takes_too_long_is_aborted(
    quick_bootstrap: str, new_producer: NewProducer
) -> None:
    topic = create_topic_named_by_chance(quick_bootstrap, PARTITIONS)
    slow = new_producer(quick_bootstrap, f"id-{topic}", 1000)
    slow.begin()
    slow.send(topic, 0, b"slow")
    slow.flush()
    probe = confluent_kafka.Consumer(
        {
            "bootstrap.servers": quick_bootstrap,
            "group.id": "probe",
            "isolation.level": "read_committed",
        }
    )
    partition = confluent_kafka.TopicPartition(topic, 0)
    wait_until(
        lambda: probe.get_watermark_offsets(partition, 10)[1] == 2, "the marker is in the log"
    )
    probe.close()
    with pytest.raises(Fenced):
        slow.commit()
    assert both(quick_bootstrap, topic) == (0, 1)


def test_offsets_count_with_the_transaction_that_they_are_committed_in(
    quick_bootstrap: str, new_producer: NewProducer
) -> None:
    topic = create_topic_named_by_chance(quick_bootstrap, PARTITIONS)
    group = f"group-{uuid.uuid4().hex[:8]}"
    producer = new_producer(quick_bootstrap, f"id-{topic}")
    producer.begin()
    producer.send(topic, 1, b"one")
    producer.send_offsets({(topic, 0): 17}, group)
    producer.abort()
    assert committed(quick_bootstrap, group, topic) == confluent_kafka.OFFSET_INVALID
    producer.begin()
    producer.send(topic, 1, b"two")
    producer.send_offsets({(topic, 0): 18}, group)
    producer.commit()
    assert committed(quick_bootstrap, group, topic) == 18
    assert read(quick_bootstrap, topic, "read_committed") == {b"two": 1}


def test_a_transaction_over_many_partitions_is_one(
    quick_bootstrap: str, new_producer: NewProducer
) -> None:
    partitions = 50
    topic = create_topic_named_by_chance(quick_bootstrap, partitions)
    producer = new_producer(quick_bootstrap, f"id-{topic}")
    for value in (b"committed", b"aborted"):
        producer.begin()
        for n in range(2000):
            producer.send(topic, n % partitions, value)
        producer.flush()
        if value == b"committed":
            producer.commit()
        else:
            producer.abort()
    assert read(quick_bootstrap, topic, "read_committed", partitions) == {b"committed": 2000}
    assert read(quick_bootstrap, topic, "read_uncommitted", partitions).total() == 4000


@pytest.mark.parametrize("commit", [True, False], ids=["commit", "abort"])
def test_an_open_transaction_outlives_kill_9_of_the_broker(
    commit: bool, tmp_path: Path, new_producer: NewProducer
) -> None:
    with BrokerProcess(tmp_path / "data", settings=QUICK) as broker:
        topic = create_topic_named_by_chance(broker.bootstrap, PARTITIONS)
        group = f"group-{uuid.uuid4().hex[:8]}"
        producer = new_producer(broker.bootstrap, f"id-{topic}")
        producer.begin()
        for n in range(8):
            producer.send(topic, n % PARTITIONS, b"v")
        producer.send_offsets({(topic, 0): 5}, group)
        producer.flush()
        broker.kill9()
        broker.start()
        assert both(broker.bootstrap, topic) == (0, 8)
        if commit:
            producer.commit()
        else:
            producer.abort()
        broker.kill9()
        broker.start()
        wait_until(lambda: both(broker.bootstrap, topic) == (8 if commit else 0, 8), "it has ended")
        expected = 5 if commit else confluent_kafka.OFFSET_INVALID
        wait_until(
            lambda: committed(broker.bootstrap, group, topic) == expected, "the offsets have ended"
        )
    close_forgotten_sockets()
