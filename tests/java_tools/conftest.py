"""The broker that Apache Kafka's tools are pointed at."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from kafkalite_compat.brokers.ports import free_port

from tests.broker_process import BrokerProcess
from tests.java_kafka import start_kafka
from tests.java_tools import side_by_side


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    given = os.environ.get("KAFKALITE_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    with BrokerProcess(tmp_path_factory.mktemp("tools") / "data") as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Apache Kafka itself, to compare with. KAFKALITE_DIFFERENTIAL_KAFKA names a fresh one that runs already."""
    given = os.environ.get("KAFKALITE_DIFFERENTIAL_KAFKA")
    if given:
        yield given
        return
    with start_kafka(free_port(), tmp_path_factory.mktemp("compared") / "kafka") as kafka:
        yield kafka.bootstrap


@pytest.fixture(scope="session")
def compared_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A kafkalite on which nothing is done that is not done on Apache Kafka too: the tools list all that is there."""
    with BrokerProcess(tmp_path_factory.mktemp("compared") / "data") as broker:
        yield broker.bootstrap


@pytest.fixture
def compare(
    compared_bootstrap: str, kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> side_by_side.Compare:
    """Does the same on both brokers at once, and expects the same in print."""

    def compared(scenario: side_by_side.Scenario) -> None:
        theirs, ours = (
            side_by_side.Broker(address, tmp_path_factory.mktemp("tool"))
            for address in (kafka_bootstrap, compared_bootstrap)
        )
        side_by_side.compare(scenario, theirs, ours)

    return compared
