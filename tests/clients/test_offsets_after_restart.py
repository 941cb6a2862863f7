"""Committed offsets outlive the broker's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.broker_process import BrokerProcess
from tests.clients.conftest import create_topic_named_by_chance
from tests.clients.stock_clients import (
    CLIENTS,
    Received,
    Record,
    StockClient,
    consume,
    consuming,
)
from tests.forgotten_sockets import IGNORE_FORGOTTEN_SOCKETS, close_forgotten_sockets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(240),
    IGNORE_FORGOTTEN_SOCKETS,
]

PARTITIONS = 3
RECORDS = 3000
CLEAN_EXITS = (0, 143)
"""143 = 128 + SIGTERM is how a JVM reports an orderly end, when the tests run on Apache Kafka."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    with BrokerProcess(tmp_path / "data") as broker:
        yield broker
    close_forgotten_sockets()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_new_consumer_goes_on_exactly_where_the_group_had_committed_before_the_restart(
    client: StockClient, broker: BrokerProcess
) -> None:
    topic = create_topic_named_by_chance(broker.bootstrap, PARTITIONS)
    records = [Record(n % PARTITIONS, b"key-%d" % n, b"value-%d" % n) for n in range(RECORDS)]
    client.produce(broker.bootstrap, topic, records[: RECORDS // 2], "none")

    with consuming(client, broker.bootstrap, topic, "resumed", auto_commit=False) as consumer:
        before = consume(consumer, RECORDS // 2)
        consumer.commit()
        client.produce(broker.bootstrap, topic, records[RECORDS // 2 :], "none")
        read_but_not_committed = consume(consumer, 1)
    assert read_but_not_committed

    assert broker.terminate() in CLEAN_EXITS
    broker.start()

    with consuming(client, broker.bootstrap, topic, "resumed", auto_commit=False) as consumer:
        after = consume(consumer, RECORDS - RECORDS // 2)
    assert sorted(before + after) == sorted(
        Received(record.partition, n // PARTITIONS, record.key, record.value)
        for n, record in enumerate(records)
    )


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_consumer_that_stays_finds_the_broker_again_after_the_restart(
    client: StockClient, broker: BrokerProcess
) -> None:
    topic = create_topic_named_by_chance(broker.bootstrap, PARTITIONS)
    records = [Record(n % PARTITIONS, b"key-%d" % n, b"value-%d" % n) for n in range(RECORDS)]
    client.produce(broker.bootstrap, topic, records[: RECORDS // 2], "none")

    with consuming(client, broker.bootstrap, topic, "staying") as consumer:
        received = consume(consumer, RECORDS // 2)
        assert broker.terminate() in CLEAN_EXITS
        broker.start()
        client.produce(broker.bootstrap, topic, records[RECORDS // 2 :], "none")
        received += consume(consumer, RECORDS - RECORDS // 2)
    assert set(received) == {
        Received(record.partition, n // PARTITIONS, record.key, record.value)
        for n, record in enumerate(records)
    }
