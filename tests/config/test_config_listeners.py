"""Listeners: parsing, what is refused, what is advertised."""

from __future__ import annotations

import pytest

from kafkalite.config import BrokerConfig, InvalidConfigurationError


def listeners(**settings: str) -> list[tuple[str, str, int]]:
    config = BrokerConfig({key.replace("_", "."): value for key, value in settings.items()})
    return [(one.name, one.host, one.port) for one in config.listeners]


def problems(**settings: str) -> list[str]:
    with pytest.raises(InvalidConfigurationError) as caught:
        BrokerConfig({key.replace("_", "."): value for key, value in settings.items()})
    return [str(problem) for problem in caught.value.problems]


MAP = "A:PLAINTEXT,B:PLAINTEXT"


def test_default_is_this_machine_only() -> None:
    assert listeners() == [("PLAINTEXT", "127.0.0.1", 9092)]
    assert listeners(num_partitions="2") == [("PLAINTEXT", "127.0.0.1", 9092)]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("PLAINTEXT://:9092", "", 9092),
        ("plaintext://localhost:0", "localhost", 0),
        ("PLAINTEXT://[::1]:9092", "::1", 9092),
        ("PLAINTEXT://[fe80::1%eth0]:9092", "fe80::1%eth0", 9092),
        ("PLAINTEXT://0.0.0.0:65535", "0.0.0.0", 65535),
        ("PLAINTEXT://my-host.example_1:9092", "my-host.example_1", 9092),
    ],
)
def test_listener_is_name_host_port(text: str, host: str, port: int) -> None:
    assert listeners(listeners=text) == [("PLAINTEXT", host, port)]


def test_several_listeners_have_names_of_their_own() -> None:
    found = listeners(listeners="A://:1, B://:2", listener_security_protocol_map=MAP)
    assert found == [("A", "", 1), ("B", "", 2)]


def test_controllers_listener_is_left_out_even_without_a_protocol() -> None:
    assert listeners(
        listeners="PLAINTEXT://:9092,CONTROLLER://:9093",
        controller_listener_names="CONTROLLER",
        advertised_listeners="PLAINTEXT://a:9092,CONTROLLER://a:9093",
    ) == [("PLAINTEXT", "", 9092)]


@pytest.mark.parametrize("host", ["", "0.0.0.0", "[::]"])
def test_every_address_is_none_to_advertise(host: str) -> None:
    assert BrokerConfig({"listeners": f"PLAINTEXT://{host}:9092"}).listeners[0].on_every_address


def test_advertised_listener_is_found_by_name() -> None:
    config = BrokerConfig(
        {
            "listeners": "A://:1,B://:2",
            "advertised.listeners": "B://example:3",
            "listener.security.protocol.map": MAP,
        }
    )
    advertised = config.advertised_listener("B")
    assert advertised is not None
    assert (advertised.host, advertised.port) == ("example", 3)
    assert config.advertised_listener("A") is None


def test_listener_is_written_as_it_was_read() -> None:
    assert (
        str(BrokerConfig({"listeners": "PLAINTEXT://[::1]:9092"}).listeners[0])
        == "PLAINTEXT://[::1]:9092"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9092", "listeners=9092: must be NAME://host:port, such as PLAINTEXT://127.0.0.1:9092"),
        ("PLAINTEXT://::1:9092", "listeners=PLAINTEXT://::1:9092: must be NAME://host:port, such as PLAINTEXT://127.0.0.1:9092"),
        ("PLAINTEXT://a:70000", "listeners=PLAINTEXT://a:70000: a port is at most 65535"),
        ("SSL://:9093", "listeners=SSL://:9093: SSL is not available yet; kafkalite serves PLAINTEXT"),
        ("SASL_SSL://:9093", "listeners=SASL_SSL://:9093: SASL_SSL is not available yet; kafkalite serves PLAINTEXT"),
        ("X://:9093", "listeners=X://:9093: listener.security.protocol.map has no protocol for X"),
        ("PLAINTEXT://:1,PLAINTEXT://:2", "listeners=PLAINTEXT://:2: there are two listeners named PLAINTEXT"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_listener_is_told(text: str, message: str) -> None:
    assert problems(listeners=text) == [message]


def test_port_serves_one_listener() -> None:
    found = problems(listeners="A://:1,B://:1", listener_security_protocol_map=MAP)
    assert found == ["listeners=B://:1: A has port 1 already"]


def test_two_listeners_may_take_any_free_port() -> None:
    assert len(listeners(listeners="A://:0,B://:0", listener_security_protocol_map=MAP)) == 2


def test_every_address_cannot_be_advertised() -> None:
    (found,) = problems(
        listeners="PLAINTEXT://:9092", advertised_listeners="PLAINTEXT://0.0.0.0:9092"
    )
    assert found.endswith(
        ": clients cannot dial this host; name one, or leave advertised.listeners out"
    )


def test_advertised_listener_needs_one_that_listens() -> None:
    found = problems(
        listener_security_protocol_map="A:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        advertised_listeners="A://a:1",
    )
    assert found == [
        "advertised.listeners=A://a:1: there is no such listener; listeners has PLAINTEXT"
    ]


def test_protocol_map_is_pairs() -> None:
    found = problems(listener_security_protocol_map="A:PLAINTEXT,B", listeners="A://:1")
    assert found == [
        "listener.security.protocol.map=B: must be NAME:PROTOCOL with one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"
    ]
