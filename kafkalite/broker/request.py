"""What a handler knows about the request it answers."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kafkalite.storage.file_slice import FileSlice

if TYPE_CHECKING:
    from kafkalite.broker.broker import Broker


@dataclass(slots=True)
class ConnectionInfo:
    """One client's connection, as the handlers see it. Lives as long as the connection."""

    listener: str
    """Name of the listener that accepted it, e.g. PLAINTEXT."""
    client_host: str
    client_port: int
    local_host: str
    """The address that the client dialled, as this end of the socket sees it."""
    local_port: int
    client_software_name: str = ""
    """From ApiVersions v3+ (KIP-511); empty until the client told."""
    client_software_version: str = ""
    when_closed: dict[Hashable, Callable[[], None]] = field(default_factory=dict)
    """What is to be done when the connection ends, by what it is about."""

    def closed(self) -> None:
        """The connection has ended."""
        actions, self.when_closed = self.when_closed, {}
        for action in actions.values():
            action()

    def __str__(self) -> str:
        software = (
            f" ({self.client_software_name} {self.client_software_version})"
            if self.client_software_name
            else ""
        )
        return f"{self.client_host}:{self.client_port}{software}"


@dataclass(slots=True)
class RequestContext:
    """The header of one request, its connection, and the broker that answers."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    connection: ConnectionInfo
    broker: Broker


class CloseConnection(Exception):
    """The only honest answer is to hang up: unparsable bytes, or an error on acks=0. `reason` goes to the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Message(Protocol):
    """What dispatch needs of a generated response."""

    def encode_into(self, version: int, out: bytearray) -> None: ...


Part = bytes | bytearray | memoryview | FileSlice
"""A piece of a response: bytes in memory, or a slice of a segment file that `sendfile` sends."""

Answer = bytearray | list[Part]
"""A whole response with its size in front, in one buffer or cut where the file slices go."""
