"""Producers that go on producing numbered records while the broker comes and goes."""

from __future__ import annotations

import time
import warnings
from typing import ClassVar, NamedTuple, Protocol

import confluent_kafka

from tests.background_work import BackgroundWork

with warnings.catch_warnings():  # it reads its own package data in a way that Python gives up
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaProducer

PARTITIONS = 3
MOST_UNACKNOWLEDGED = 2000
RECONNECT_MAX_MS = 500
PAUSE_S = 0.005


class Acknowledged(NamedTuple):
    number: int
    offset: int


class NumberedProducer(Protocol):
    """Sends record `number` to partition `number % PARTITIONS` with acks=all.

    Attributes:
        acknowledged: In the order of the acknowledgements.
        failures: Of records given up by the library.
    """

    acknowledged: list[Acknowledged]
    failures: list[Exception]

    def send(self, number: int) -> None: ...

    def wait(self) -> None:
        """Let a few milliseconds pass in which acknowledgements may come."""

    def close(self) -> None:
        """Wait until every record is acknowledged or given up."""


class ConfluentProducer:
    name = "confluent-kafka"

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.acknowledged: list[Acknowledged] = []
        self.failures: list[Exception] = []
        self._topic = topic
        self._producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 2,
                "reconnect.backoff.max.ms": RECONNECT_MAX_MS,
            }
        )

    def send(self, number: int) -> None:
        def delivered(error: confluent_kafka.KafkaError | None, message: object) -> None:
            if error is not None:
                self.failures.append(confluent_kafka.KafkaException(error))
            else:
                self.acknowledged.append(Acknowledged(number, message.offset()))  # type: ignore[attr-defined]

        self._producer.produce(
            self._topic, value(number), partition=number % PARTITIONS, on_delivery=delivered
        )
        self._producer.poll(0)

    def wait(self) -> None:
        self._producer.poll(PAUSE_S)

    def close(self) -> None:
        assert self._producer.flush(120) == 0, "records were neither acknowledged nor given up"


class KafkaPythonProducer:
    name = "kafka-python"

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.acknowledged: list[Acknowledged] = []
        self.failures: list[Exception] = []
        self._topic = topic
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            reconnect_backoff_max_ms=RECONNECT_MAX_MS,
        )

    def send(self, number: int) -> None:
        future = self._producer.send(
            self._topic, value=value(number), partition=number % PARTITIONS
        )
        future.add_callback(
            lambda metadata: self.acknowledged.append(Acknowledged(number, metadata.offset))
        )
        future.add_errback(self.failures.append)

    def wait(self) -> None:
        time.sleep(PAUSE_S)

    def close(self) -> None:
        self._producer.flush()
        self._producer.close()


def value(number: int) -> bytes:
    return b"%d %s" % (number, b"." * (number % 300))


def number_in(value: bytes) -> int:
    """The inverse of `value`; fails if anything but the number's own padding follows it."""
    number = int(value.split(b" ")[0])
    assert value == b"%d %s" % (number, b"." * (number % 300))
    return number


class Producing(BackgroundWork):
    """Sends 0, 1, 2... in a thread until the context ends, then waits for the last answers."""

    PATIENCE_S: ClassVar[float] = 180

    def __init__(self, producer: NumberedProducer) -> None:
        super().__init__()
        self.producer = producer
        self.sent = 0

    def work(self) -> None:
        while not self._stopping.is_set():
            if self.sent - len(self.producer.acknowledged) < MOST_UNACKNOWLEDGED:
                self.producer.send(self.sent)
                self.sent += 1
            else:
                self.producer.wait()
        self.producer.close()
