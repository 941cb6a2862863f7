"""The broker does the same on each event loop it can run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.broker_process import BrokerProcess
from tests.clients.conftest import create_topic_named_by_chance
from tests.clients.stock_clients import CLIENTS, Received, Record, StockClient, consume, consuming

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

RECORDS = 5000


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_records_and_offsets_outlive_a_restart_on_this_event_loop(
    client: StockClient, backend: str, tmp_path: Path
) -> None:
    records = [Record(0, b"key-%d" % n, b"value-%d" % n) for n in range(RECORDS)]
    expected = [Received(0, n, record.key, record.value) for n, record in enumerate(records)]
    received: list[Received] = []
    with BrokerProcess(tmp_path / "data", arguments=["--backend", backend]) as broker:
        topic = create_topic_named_by_chance(broker.bootstrap, 1)
        for half in (records[: RECORDS // 2], records[RECORDS // 2 :]):
            client.produce(broker.bootstrap, topic, half, "lz4")
            with consuming(client, broker.bootstrap, topic, "g", auto_commit=False) as consumer:
                received += consume(consumer, len(half))
                consumer.commit()
            assert broker.terminate() == 0
            broker.start()
        assert received == expected
        assert "Traceback" not in broker.log()
