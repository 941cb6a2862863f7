"""The open connections of one server: counted, limited, and closed when idle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kafkalite.config import BrokerConfig
    from kafkalite.server.connection import Connection


class ConnectionLimits(NamedTuple):
    """How many connections may be open."""

    total: int
    per_ip: int
    """From one address."""
    overrides: Mapping[str, int]
    """`per_ip` for certain addresses."""

    @classmethod
    def of(cls, config: BrokerConfig) -> ConnectionLimits:
        """`max.connections`, `max.connections.per.ip` and `max.connections.per.ip.overrides`."""
        overrides = _overrides(config.max_connections_per_ip_overrides)
        return cls(config.max_connections, config.max_connections_per_ip, overrides)


def _overrides(text: str) -> dict[str, int]:
    """From `10.0.0.7:100,::1:5`; other forms are refused as configs (`contradictions`)."""
    pairs = (entry.strip().rpartition(":") for entry in text.split(",") if entry)
    return {host: int(count) for host, _, count in pairs}


class ConnectionTable:
    """See the module. `limits` is asked at each new connection: they can change while the server runs."""

    def __init__(self, limits: Callable[[], ConnectionLimits], max_idle_ms: int) -> None:
        self._limits = limits
        self._max_idle_ms = max_idle_ms
        self._connections: set[Connection] = set()
        self._per_host: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._connections)

    def why_not(self, host: str) -> str | None:
        """The config that forbids another connection from `host`; None: it is welcome."""
        limits = self._limits()
        if len(self._connections) >= limits.total:
            return "max.connections"
        if self._per_host[host] >= limits.overrides.get(host, limits.per_ip):
            return "max.connections.per.ip"
        return None

    def add(self, connection: Connection, now_ms: int) -> None:
        connection.idle_since_ms = now_ms
        self._connections.add(connection)
        self._per_host[connection.info.client_host] += 1

    def remove(self, connection: Connection) -> None:
        self._connections.discard(connection)
        host = connection.info.client_host
        self._per_host[host] -= 1
        if not self._per_host[host]:
            del self._per_host[host]

    def close_idle(self, now_ms: int) -> int:
        """Close what has not sent a request for `connections.max.idle.ms`; returns how many.

        A connection whose answer is pending is not idle. Called now and then, so the time is kept to within that.
        """
        closed = 0
        for connection in tuple(self._connections):
            if connection.take_activity() or connection.pending is not None:
                connection.idle_since_ms = now_ms
            elif now_ms - connection.idle_since_ms >= self._max_idle_ms:
                connection.shut()
                closed += 1
        return closed

    def has_outgoing(self) -> bool:
        """Whether some connection has an answer that is not with the kernel yet."""
        return any(connection.transport.has_outgoing for connection in self._connections)
