"""The two brokers side by side: each with its defaults, one node, alone on the machine while it is measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafkalite_compat.brokers.ports import free_port

from tests.broker_process import BrokerProcess, answers
from tests.java_kafka import KAFKA_VERSION, start_kafka

ANSWER_INTERVAL_S = 0.005
STOP_WITHIN_S = START_WITHIN_S = 300


@dataclass
class RunningBroker:
    """A broker that answers.

    Attributes:
        start_s: From making the process to the first answer to ApiVersions.
        restart: Shuts it down cleanly and starts it again; `pid` and `start_s` are then the new ones.
    """

    port: int
    pid: int
    start_s: float
    restart: Callable[[RunningBroker], None]

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def kafkalite(directory: Path) -> Iterator[RunningBroker]:
    """kafkalite in a process of its own, on a data directory that was shut down cleanly once."""
    broker = BrokerProcess(directory / "data")

    def restart(running: RunningBroker) -> None:
        broker.terminate(STOP_WITHIN_S)
        began = time.perf_counter()
        broker.start(START_WITHIN_S)
        running.pid, running.start_s = broker.pid, time.perf_counter() - began

    try:
        broker.start()
        running = RunningBroker(broker.port, broker.pid, 0, restart)
        restart(running)
        yield running
    finally:
        broker.close()


@contextmanager
def apache_kafka(directory: Path) -> Iterator[RunningBroker]:
    """Apache Kafka with a heap of 1 GB, formatted and shut down cleanly once before."""
    port = free_port()
    broker = start_kafka(port, directory / "data")

    def restart(running: RunningBroker) -> None:
        nonlocal broker
        broker.stop(STOP_WITHIN_S)
        began = time.perf_counter()
        broker = start_kafka(port, directory / "data", start_within_s=START_WITHIN_S)
        while not answers(port):
            time.sleep(ANSWER_INTERVAL_S)
        running.pid, running.start_s = broker.pid, time.perf_counter() - began

    try:
        running = RunningBroker(port, broker.pid, 0, restart)
        restart(running)
        yield running
    finally:
        broker.kill()


BROKERS: dict[str, Callable[[Path], AbstractContextManager[RunningBroker]]] = {
    "kafkalite": kafkalite,
    f"Apache Kafka {KAFKA_VERSION}": apache_kafka,
}
