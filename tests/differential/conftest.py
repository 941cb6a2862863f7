"""Apache Kafka and kafkalite side by side, each with a fresh data directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.broker_process import BrokerProcess
from tests.differential.transcript import (
    Difference,
    Side,
    differences,
    two_free_ports,
)
from tests.java_kafka import start_kafka

Scenario = Callable[[Side], None]


class Pair:
    """Both brokers; counts what they were asked."""

    def __init__(self, kafka: str, kafkalite: str) -> None:
        self._kafka = kafka
        self._kafkalite = kafkalite
        self.count = 0
        self.scenarios_run = 0
        self.found: list[Difference] = []

    def run(self, scenario: Scenario) -> list[Difference]:
        """Put one scenario to both brokers and print where they differ."""
        with closing(Side(self._kafka)) as theirs, closing(Side(self._kafkalite)) as ours:
            scenario(theirs)
            scenario(ours)
            self.count += ours.count
            found = differences(scenario.__name__, theirs.transcript, ours.transcript)
        self.scenarios_run += 1
        self.found += found
        for difference in found:
            print(difference)
        return found


NO_RETENTION = {"log.initial.task.delay.ms": "3600000"}
"""Records of the scenarios are as old as they like: neither broker may delete them, at its own moment."""

AUTHORIZER = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Started once. KAFKALITE_DIFFERENTIAL_KAFKA names a fresh Kafka that runs already."""
    with _started(tmp_path_factory.mktemp("differential"), {}) as pair:
        yield pair


@pytest.fixture(scope="session")
def pair_with_authorizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both with Kafka's own authorizer, and everybody allowed to do everything."""
    directory = tmp_path_factory.mktemp("authorizer")
    with _started(directory, {"authorizer.class.name": AUTHORIZER}) as pair:
        yield pair


@contextmanager
def _started(directory: Path, settings: dict[str, str]) -> Iterator[Pair]:
    with ExitStack() as stack:
        kafka = os.environ.get("KAFKALITE_DIFFERENTIAL_KAFKA")
        if kafka is None or settings:
            users = {"super.users": "User:ANONYMOUS"} if settings else {}
            extra = {**NO_RETENTION, **settings, **users}
            started = start_kafka(two_free_ports(), directory / "kafka", extra)
            kafka = stack.enter_context(started).bootstrap
        broker = BrokerProcess(directory / "kafkalite", settings=NO_RETENTION | settings)
        kafkalite = stack.enter_context(broker)
        pair = Pair(kafka, kafkalite.bootstrap)
        yield pair
        print(f"\n{pair.count} requests put to both brokers")
