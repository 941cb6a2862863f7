"""The two brokers side by side: each with its defaults, one node, alone on the machine while it is measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.broker_process import BrokerProcess, answers, free_port
from tests.java_kafka import KAFKA_VERSION, start_kafka

ANSWER_INTERVAL_S = 0.005


@dataclass(frozen=True)
class RunningBroker:
    """A broker that answers.

    Attributes:
        start_s: From making the process to the first answer to ApiVersions.
    """

    port: int
    pid: int
    start_s: float

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def kafkalite(directory: Path) -> Iterator[RunningBroker]:
    """kafkalite in a process of its own, on a data directory that was shut down cleanly once."""
    broker = BrokerProcess(directory / "data")
    try:
        broker.start()
        broker.terminate()
        began = time.perf_counter()
        broker.start()
        yield RunningBroker(broker.port, broker.pid, time.perf_counter() - began)
    finally:
        broker.close()


@contextmanager
def apache_kafka(directory: Path) -> Iterator[RunningBroker]:
    """Apache Kafka with a heap of 1 GB, formatted and shut down cleanly once before."""
    port = free_port()
    start_kafka(port, directory / "data").stop()
    began = time.perf_counter()
    with start_kafka(port, directory / "data") as broker:
        while not answers(port):
            time.sleep(ANSWER_INTERVAL_S)
        yield RunningBroker(port, broker.process.pid, time.perf_counter() - began)
        broker.kill()


BROKERS: dict[str, Callable[[Path], AbstractContextManager[RunningBroker]]] = {
    "kafkalite": kafkalite,
    f"Apache Kafka {KAFKA_VERSION}": apache_kafka,
}
