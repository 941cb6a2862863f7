"""Brokers for the tests of requests and answers.

With KAFKALITE_TEST_BOOTSTRAP set, the same expectations are put to that broker instead: to Apache Kafka, to see that they are its own.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.metadata import MetadataRequest


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory) -> Iterator[str]:
    given = os.environ.get("KAFKALITE_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    from tests.broker_in_thread import running_broker

    with running_broker(tmp_path_factory.mktemp("shared") / "data") as server:
        yield server.bootstrap_servers


@pytest.fixture
def client(bootstrap) -> Iterator[RawClient]:
    with RawClient(bootstrap) as client:
        yield client


@pytest.fixture
def new_topic(client) -> Callable[..., str]:
    """Makes a topic of its own for the test: `new_topic(partitions=2, retention_ms="1000")` -> its name."""

    def create(partitions: int = 1, **configs: str) -> str:
        name = f"topic-{uuid.uuid4().hex[:12]}"
        topic = CreateTopicsRequest.CreatableTopic(
            name=name,
            num_partitions=partitions,
            replication_factor=1,
            configs=[
                CreateTopicsRequest.CreatableTopicConfig(name=key.replace("_", "."), value=value)
                for key, value in configs.items()
            ],
        )
        response = client.ask(CreateTopicsRequest(topics=[topic], timeout_ms=10_000), 7)
        assert response.topics[0].error_code == 0, response
        wait_until_usable(client, name)
        return name

    return create


def wait_until_usable(client: RawClient, name: str) -> None:
    """Apache Kafka answers CreateTopics before its brokers know the topic; kafkalite needs no waiting."""
    for _ in range(200):
        request = MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=name)])
        if client.ask(request, 9).topics[0].error_code == 0:
            if "KAFKALITE_TEST_BOOTSTRAP" in os.environ:
                time.sleep(0.5)  # its replicas come after its metadata
            return
        time.sleep(0.05)
