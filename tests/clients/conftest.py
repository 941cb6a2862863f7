"""The broker that the client tests share, and topics on it."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.broker_process import BrokerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the broker under test, started once for all tests."""
    given = os.environ.get("KAFKALITE_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    with BrokerProcess(tmp_path_factory.mktemp("clients") / "data") as broker:
        yield broker.bootstrap


@pytest.fixture
def create_topic() -> Callable[[str, int], str]:
    """`create_topic(bootstrap, partitions)` gives the name of a new topic."""
    return create_topic_named_by_chance


def create_topic_named_by_chance(bootstrap: str, partitions: int) -> str:
    name = f"topic-{uuid.uuid4().hex[:12]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = NewTopic(name, partitions, 1)
    admin.create_topics([new])[name].result(30)
    return name
