"""Topic configs changed while the broker runs, on the topic itself and through the broker's default, and what comes of it.

Others have tests of their own: retention (tests/storage/test_retention.py), compression (test_recompression_requests.py), flush
(test_flush_messages.py), the cleaner's (tests/storage/cleaner), rolling (tests/storage/test_segment.py).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest
from kafkalite_compat.differential.requests.records import batch_of, fetch, part, produce
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest

from kafkalite.config.definitions import documentation, topic_definitions
from tests.broker_in_thread import running_broker

TOPIC, BROKER = 2, 4

WITHOUT_EFFECT = {
    "follower.replication.throttled.replicas": "nothing is replicated",
    "leader.replication.throttled.replicas": "nothing is replicated",
    "unclean.leader.election.enable": "a partition's only replica is its only leader",
    "preallocate": "space is reserved ahead in steps in any case",
    "local.retention.bytes": "no tiered storage",
    "local.retention.ms": "no tiered storage",
    "remote.log.copy.disable": "no tiered storage",
    "remote.log.delete.on.disable": "no tiered storage",
    "remote.storage.enable": "no tiered storage; true is refused",
}


def test_each_topic_config_acts_or_is_known_not_to() -> None:
    known = {name for name, one in topic_definitions().items() if not one.internal}
    assert known - documentation().keys() == WITHOUT_EFFECT.keys()


def now_ms() -> int:
    return int(time.time() * 1000)


def outcome(client: RawClient, topic: str, batch: bytes) -> ErrorCode:
    answer = client.ask(produce((topic, 0, batch)), 9)
    return ErrorCode(answer.responses[0].partition_responses[0].error_code)


def is_stamped(client: RawClient, topic: str) -> bool:
    answer = client.ask(produce((topic, 0, batch_of(b"v"))), 9)
    return bool(answer.responses[0].partition_responses[0].log_append_time_ms > 0)


CASES: list[tuple[str, str, str, Callable[[RawClient, str], object], object, object]] = [
    (
        "max.message.bytes",
        "message.max.bytes",
        "500",
        lambda client, topic: outcome(client, topic, batch_of(b"x" * 1000)),
        ErrorCode.NONE,
        ErrorCode.MESSAGE_TOO_LARGE,
    ),
    (
        "message.timestamp.type",
        "log.message.timestamp.type",
        "LogAppendTime",
        is_stamped,
        False,
        True,
    ),
    (
        "message.timestamp.before.max.ms",
        "log.message.timestamp.before.max.ms",
        "1000",
        lambda client, topic: outcome(client, topic, batch_of(b"old")),
        ErrorCode.NONE,
        ErrorCode.INVALID_TIMESTAMP,
    ),
    (
        "message.timestamp.after.max.ms",
        "log.message.timestamp.after.max.ms",
        "1000",
        lambda client, topic: outcome(
            client, topic, batch_of(b"new", timestamp_ms=now_ms() + 600_000)
        ),
        ErrorCode.NONE,
        ErrorCode.INVALID_TIMESTAMP,
    ),
    (
        "cleanup.policy",
        "log.cleanup.policy",
        "compact",
        lambda client, topic: outcome(client, topic, batch_of(b"v", key=None)),
        ErrorCode.NONE,
        ErrorCode.INVALID_RECORD,
    ),
]


@pytest.fixture(scope="module")
def own_bootstrap(tmp_path_factory) -> Iterator[str]:
    """Its defaults are changed here."""
    with running_broker(tmp_path_factory.mktemp("configs") / "data") as server:
        yield server.bootstrap_servers


@pytest.fixture
def client(own_bootstrap: str) -> Iterator[RawClient]:
    with RawClient(own_bootstrap) as client:
        yield client


def alter(client: RawClient, kind: int, name: str, key: str, value: str | None) -> None:
    """None: back to the default."""
    change = IncrementalAlterConfigsRequest.AlterableConfig(
        name=key, config_operation=1 if value is None else 0, value=value
    )
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
        resource_type=kind, resource_name=name, configs=[change]
    )
    answer = client.ask(IncrementalAlterConfigsRequest(resources=[resource]), 1)
    assert answer.responses[0].error_code == 0, answer.responses[0].error_message


@pytest.mark.parametrize(
    ("key", "default_key", "value", "look", "before", "after"), CASES, ids=[c[0] for c in CASES]
)
def test_config_acts_from_the_next_request_on(
    client, new_topic, key, default_key, value, look, before, after
):
    topic = new_topic()
    assert look(client, topic) == before
    alter(client, TOPIC, topic, key, value)
    assert look(client, topic) == after
    alter(client, TOPIC, topic, key, None)
    assert look(client, topic) == before
    for broker in ("", "1"):
        alter(client, BROKER, broker, default_key, value)
        assert look(client, topic) == after
        alter(client, BROKER, broker, default_key, None)
        assert look(client, topic) == before


def test_topics_own_value_beats_the_brokers_default(client, new_topic):
    topic = new_topic(max_message_bytes="5000")
    alter(client, BROKER, "", "message.max.bytes", "100")
    assert outcome(client, topic, batch_of(b"x" * 1000)) == ErrorCode.NONE
    alter(client, BROKER, "", "message.max.bytes", None)


def test_min_insync_replicas_counts_no_more_replicas_than_there_are(client, new_topic):
    """As in Kafka 4: a partition of one replica cannot have two in sync (measured)."""
    topic = new_topic(min_insync_replicas="2")
    assert outcome(client, topic, batch_of(b"v")) == ErrorCode.NONE


@pytest.mark.skipif("KAFKALITE_TEST_BOOTSTRAP" in os.environ, reason="looks into the directory")
def test_segment_bytes_and_segment_ms_hold_from_the_next_append_on(tmp_path) -> None:
    with running_broker(tmp_path / "data") as server, RawClient(server.bootstrap_servers) as client:
        topic = CreateTopicsRequest.CreatableTopic(
            name="orders", num_partitions=1, replication_factor=1
        )
        client.ask(CreateTopicsRequest(topics=[topic], timeout_ms=10_000), 7)
        directory = tmp_path / "data" / "orders-0"

        def append(timestamp_ms: int) -> int:
            """How many segments there are then."""
            client.ask(produce(("orders", 0, batch_of(b"v" * 200, timestamp_ms=timestamp_ms))), 9)
            return len(list(directory.glob("*.log")))

        start_ms = now_ms()
        assert append(start_ms) == 1
        alter(client, TOPIC, "orders", "segment.ms", "1000")
        assert append(start_ms + 1000) == 1
        assert append(start_ms + 1001) == 2
        alter(client, TOPIC, "orders", "segment.ms", None)
        alter(client, TOPIC, "orders", "internal.segment.bytes", "300")
        assert append(start_ms) == 3
        assert append(start_ms) == 4
        read = client.ask(fetch(("orders", part(offset=4))), 11).responses[0].partitions[0]
        assert read.high_watermark == 5
