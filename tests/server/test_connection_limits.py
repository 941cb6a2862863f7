"""max.connections, max.connections.per.ip and its overrides: as they are read, and as they change while a broker runs."""

from __future__ import annotations

from pathlib import Path

from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.api_versions import ApiVersionsRequest
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest

from kafkalite.config import BrokerConfig
from kafkalite.server.connection_table import ConnectionLimits
from tests.broker_in_thread import running_broker


def test_limits_are_those_of_the_config() -> None:
    config = BrokerConfig(
        {
            "max.connections": "9",
            "max.connections.per.ip": "3",
            "max.connections.per.ip.overrides": "10.0.0.7:100, ::1:5",
        }
    )
    assert ConnectionLimits.of(config) == (9, 3, {"10.0.0.7": 100, "::1": 5})


def test_limit_per_address_changes_while_the_broker_runs(tmp_path: Path) -> None:
    with running_broker(tmp_path / "data") as server, RawClient(server.bootstrap_servers) as first:
        set_broker_config(first, "max.connections.per.ip", "1")
        with RawClient(server.bootstrap_servers) as second:
            assert second.is_closed_by_peer()
        set_broker_config(first, "max.connections.per.ip.overrides", "127.0.0.1:2")
        with RawClient(server.bootstrap_servers) as second:
            assert second.ask(ApiVersionsRequest(), 2).error_code == 0


def set_broker_config(client: RawClient, name: str, value: str) -> None:
    change = IncrementalAlterConfigsRequest.AlterableConfig(
        name=name, config_operation=0, value=value
    )
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
        resource_type=4, resource_name="", configs=[change]
    )
    answer = client.ask(IncrementalAlterConfigsRequest(resources=[resource]), 1)
    assert answer.responses[0].error_code == 0
