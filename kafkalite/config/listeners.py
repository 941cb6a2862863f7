"""Listeners: where the broker binds, and which addresses clients are told.

    listeners                       PLAINTEXT://:9092, INTERNAL://[::1]:9093    name://host:port; no host: every address
    advertised.listeners            PLAINTEXT://broker.example:9092             what Metadata answers
    listener.security.protocol.map  INTERNAL:PLAINTEXT                          what is spoken there

A listener that is not advertised is reached at the address it binds. Where that is every address, only the connection
knows: the client is told the address of this machine that it has dialled itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kafkalite.config.problems import ConfigError

if TYPE_CHECKING:
    from kafkalite.config.values import Value


class Listener(NamedTuple):
    """A name, an address, and the security protocol spoken there. Port 0: any free one."""

    name: str
    host: str
    """As written, IPv6 without its brackets; empty for every address."""
    port: int
    protocol: str = "PLAINTEXT"

    @property
    def on_every_address(self) -> bool:
        """Bound to all of the machine's addresses, so that it has none of its own to advertise."""
        return self.host in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.name}://{host}:{self.port}"


DEFAULT_LISTENER = Listener("PLAINTEXT", "127.0.0.1", 9092)

_SERVED_PROTOCOLS = ("PLAINTEXT",)
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_PROTOCOL_MAP = "listener.security.protocol.map"
_PORT_MAX = 65_535


def resolve_listeners(
    values: Mapping[str, Value], problems: list[ConfigError]
) -> tuple[tuple[Listener, ...], tuple[Listener, ...]]:
    """The listeners to bind and the advertised ones, from broker configs by their Kafka names.

    Those named in `controller.listener.names` are left out: there is no controller listener here. What is wrong
    is added to `problems`.
    """
    controllers = {name.upper() for name in _words(values, "controller.listener.names")}
    protocols = _protocols(str(values.get(_PROTOCOL_MAP, "")), problems)
    for name in controllers:
        protocols.setdefault(name, "PLAINTEXT")
    bound: Sequence[Listener] = (DEFAULT_LISTENER,)
    if "listeners" in values:
        bound = [
            listener
            for listener in _parse("listeners", _words(values, "listeners"), protocols, problems)
            if listener.name not in controllers
        ]
        problems += _not_served(bound)
    advertised = [
        listener
        for listener in _parse(
            "advertised.listeners", _words(values, "advertised.listeners"), protocols, problems
        )
        if listener.name not in controllers
    ]
    problems += _not_reachable(advertised, bound)
    return tuple(bound), tuple(advertised)


def _words(values: Mapping[str, Value], key: str) -> tuple[str, ...]:
    words = values.get(key, ())
    assert isinstance(words, tuple)
    return words


def _protocols(text: str, problems: list[ConfigError]) -> dict[str, str]:
    """`NAME:PROTOCOL` pairs with commas between, by upper-case name; empty: each protocol under its own name."""
    if not text:
        return {protocol: protocol for protocol in _PROTOCOLS}
    protocols: dict[str, str] = {}
    for pair in text.split(","):
        name, colon, protocol = (part.strip().upper() for part in pair.partition(":"))
        if name and colon and protocol in _PROTOCOLS:
            protocols[name] = protocol
        else:
            reason = f"must be NAME:PROTOCOL with one of {', '.join(_PROTOCOLS)}"
            problems.append(ConfigError(_PROTOCOL_MAP, pair.strip(), reason))
    return protocols


def _parse(
    key: str, entries: Iterable[str], protocols: Mapping[str, str], problems: list[ConfigError]
) -> list[Listener]:
    listeners: list[Listener] = []
    for entry in entries:
        try:
            listener = _listener(key, entry, protocols)
            _check_distinct(key, entry, listener, listeners)
        except ConfigError as problem:
            problems.append(problem)
        else:
            listeners.append(listener)
    return listeners


def _not_served(listeners: Iterable[Listener]) -> Iterator[ConfigError]:
    """A problem for each listener that speaks what kafkalite cannot."""
    for listener in listeners:
        if listener.protocol not in _SERVED_PROTOCOLS:
            served = ", ".join(_SERVED_PROTOCOLS)
            reason = f"{listener.protocol} is not available yet; kafkalite serves {served}"
            yield ConfigError("listeners", str(listener), reason)


def _not_reachable(
    advertised: Iterable[Listener], bound: Sequence[Listener]
) -> Iterator[ConfigError]:
    """A problem for each advertised address that no client could use."""
    names = [listener.name for listener in bound]
    for listener in advertised:
        if listener.name not in names:
            reason = f"there is no such listener; listeners has {', '.join(names)}"
        elif listener.on_every_address:
            reason = "clients cannot dial this host; name one, or leave advertised.listeners out"
        else:
            continue
        yield ConfigError("advertised.listeners", str(listener), reason)


def _listener(key: str, entry: str, protocols: Mapping[str, str]) -> Listener:
    import re

    match = re.fullmatch(r"(\w[\w.-]*)://(?:\[([0-9a-fA-F:.%\w]+)\]|([\w.%-]*)):(\d{1,5})", entry)
    if match is None:
        raise ConfigError(
            key, entry, "must be NAME://host:port, such as PLAINTEXT://127.0.0.1:9092"
        )
    name, port = match[1].upper(), int(match[4])
    if port > _PORT_MAX:
        raise ConfigError(key, entry, f"a port is at most {_PORT_MAX}")
    protocol = protocols.get(name)
    if protocol is None:
        raise ConfigError(key, entry, f"listener.security.protocol.map has no protocol for {name}")
    return Listener(name, match[2] or match[3] or "", port, protocol)


def _check_distinct(key: str, entry: str, listener: Listener, others: Sequence[Listener]) -> None:
    for other in others:
        if other.name == listener.name:
            raise ConfigError(key, entry, f"there are two listeners named {listener.name}")
        if key == "listeners" and other.port == listener.port != 0:
            raise ConfigError(key, entry, f"{other.name} has port {other.port} already")
