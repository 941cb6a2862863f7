"""kafka-python, confluent-kafka and aiokafka behind one face, so that one test drives them all.

Each keeps its library's own defaults, save what the test is about and batching, so that what
reaches the broker is what the library's users send.
"""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import confluent_kafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

with warnings.catch_warnings():  # it reads its own package data in a way that Python gives up
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaConsumer, KafkaProducer

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LINGER_MS = 20
POLL_MS = 200
KAFKA_PYTHON_POLL_MS = 3000
"""kafka-python 3.0.12 loses a rejoin that its poll ran out of time in: the SyncGroup answer comes, the assignment is never
taken over, and it spins. A poll that outlasts the join keeps it from that; records end it at once all the same."""
SESSION_TIMEOUT_MS = 10_000


class Record(NamedTuple):
    """What is asked to be produced."""

    partition: int
    key: bytes
    value: bytes


class Received(NamedTuple):
    """What a consumer was given."""

    partition: int
    offset: int
    key: bytes
    value: bytes


class StockConsumer(Protocol):
    """A member of a consumer group, used from one thread."""

    def poll(self) -> list[Received]:
        """What has arrived, after waiting for POLL_MS at most."""

    def assignment(self) -> set[int]:
        """The partitions this member owns now."""

    def commit(self) -> None:
        """Commit everything that poll has returned, and wait for the answer."""

    def close(self) -> None:
        """Leave the group, committing first if auto commit is on."""


class StockClient(Protocol):
    name: str

    def produce(self, bootstrap: str, topic: str, records: Iterable[Record], codec: str) -> None:
        """Produce with acks=all, in this order, and return when all are acknowledged.

        Raises whatever the library gives for the first record that was not.
        """

    def consumer(
        self, bootstrap: str, topic: str, group: str, *, auto_commit: bool = True
    ) -> StockConsumer:
        """Subscribe as a new member of the group, from the earliest offset if none is committed."""


class KafkaPython:
    name = "kafka-python"

    def produce(self, bootstrap: str, topic: str, records: Iterable[Record], codec: str) -> None:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            compression_type=None if codec == "none" else codec,
            linger_ms=LINGER_MS,
        )
        try:
            futures = [
                producer.send(topic, partition=partition, key=key, value=value)
                for partition, key, value in records
            ]
            producer.flush()
            for future in futures:
                future.get(0)
        finally:
            producer.close()

    def consumer(
        self, bootstrap: str, topic: str, group: str, *, auto_commit: bool = True
    ) -> StockConsumer:
        return KafkaPythonConsumer(
            KafkaConsumer(
                topic,
                bootstrap_servers=bootstrap,
                group_id=group,
                enable_auto_commit=auto_commit,
                auto_offset_reset="earliest",
                session_timeout_ms=SESSION_TIMEOUT_MS,
            )
        )


class KafkaPythonConsumer:
    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def poll(self) -> list[Received]:
        polled = self._consumer.poll(timeout_ms=KAFKA_PYTHON_POLL_MS, max_records=5000)
        return [
            Received(record.partition, record.offset, record.key, record.value)
            for records in polled.values()
            for record in records
        ]

    def assignment(self) -> set[int]:
        return {tp.partition for tp in self._consumer.assignment()}

    def commit(self) -> None:
        self._consumer.commit()

    def close(self) -> None:
        self._consumer.close()


class Confluent:
    name = "confluent-kafka"

    def produce(self, bootstrap: str, topic: str, records: Iterable[Record], codec: str) -> None:
        producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": bootstrap,
                "acks": "all",
                "compression.type": codec,
                "linger.ms": LINGER_MS,
            }
        )
        errors: list[confluent_kafka.KafkaError] = []

        def delivered(error: confluent_kafka.KafkaError | None, _: object) -> None:
            if error is not None:
                errors.append(error)

        for partition, key, value in records:
            while True:
                try:
                    producer.produce(topic, value, key, partition=partition, on_delivery=delivered)
                    break
                except BufferError:  # its queue holds 100 000 records
                    producer.poll(0.1)
        assert producer.flush(60) == 0, "records were neither acknowledged nor refused"
        if errors:
            raise confluent_kafka.KafkaException(errors[0])

    def consumer(
        self, bootstrap: str, topic: str, group: str, *, auto_commit: bool = True
    ) -> StockConsumer:
        consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "enable.auto.commit": auto_commit,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": SESSION_TIMEOUT_MS,
            }
        )
        consumer.subscribe([topic])
        return ConfluentConsumer(consumer)


class ConfluentConsumer:
    def __init__(self, consumer: confluent_kafka.Consumer) -> None:
        self._consumer = consumer

    def poll(self) -> list[Received]:
        received = []
        for message in self._consumer.consume(5000, POLL_MS / 1000):
            if message.error() is not None:
                raise confluent_kafka.KafkaException(message.error())
            received.append(self._received(message))
        return received

    @staticmethod
    def _received(message: Any) -> Received:
        return Received(message.partition(), message.offset(), message.key(), message.value())

    def assignment(self) -> set[int]:
        return {tp.partition for tp in self._consumer.assignment()}

    def commit(self) -> None:
        self._consumer.commit(asynchronous=False)

    def close(self) -> None:
        self._consumer.close()


class AioKafka:
    name = "aiokafka"

    def produce(self, bootstrap: str, topic: str, records: Iterable[Record], codec: str) -> None:
        asyncio.run(self._produce(bootstrap, topic, records, codec))

    async def _produce(
        self, bootstrap: str, topic: str, records: Iterable[Record], codec: str
    ) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            compression_type=None if codec == "none" else codec,
            linger_ms=LINGER_MS,
        )
        await producer.start()
        try:
            futures = [
                await producer.send(topic, value, key, partition)
                for partition, key, value in records
            ]
            await asyncio.gather(*futures)
        finally:
            await producer.stop()

    def consumer(
        self, bootstrap: str, topic: str, group: str, *, auto_commit: bool = True
    ) -> StockConsumer:
        return AioKafkaConsumer(bootstrap, topic, group, auto_commit=auto_commit)


class AioKafkaConsumer:
    """Runs the library's coroutines, heartbeats included, while it is polled."""

    def __init__(self, bootstrap: str, topic: str, group: str, *, auto_commit: bool) -> None:
        self._runner = asyncio.Runner()
        self._consumer = self._runner.run(self._open(bootstrap, topic, group, auto_commit))

    @staticmethod
    async def _open(bootstrap: str, topic: str, group: str, auto_commit: bool) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=group,
            enable_auto_commit=auto_commit,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_TIMEOUT_MS,
        )
        await consumer.start()
        return consumer

    def poll(self) -> list[Received]:
        polled = self._runner.run(self._consumer.getmany(timeout_ms=POLL_MS, max_records=5000))
        return [
            Received(record.partition, record.offset, record.key, record.value)
            for records in polled.values()
            for record in records
        ]

    def assignment(self) -> set[int]:
        return {tp.partition for tp in self._consumer.assignment()}

    def commit(self) -> None:
        self._runner.run(self._consumer.commit())

    def close(self) -> None:
        self._runner.run(self._consumer.stop())
        self._runner.close()


CLIENTS: tuple[StockClient, ...] = (KafkaPython(), Confluent(), AioKafka())
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


@contextlib.contextmanager
def consuming(
    client: StockClient, bootstrap: str, topic: str, group: str, *, auto_commit: bool = True
) -> Iterator[StockConsumer]:
    """A consumer that is closed at the end."""
    consumer = client.consumer(bootstrap, topic, group, auto_commit=auto_commit)
    try:
        yield consumer
    finally:
        consumer.close()


def consume(consumer: StockConsumer, count: int) -> list[Received]:
    """At least `count` different records."""
    received: list[Received] = []

    def enough() -> bool:
        received.extend(consumer.poll())
        return len(set(received)) >= count

    wait_until(enough, f"{count} records", timeout_s=120)
    return received
