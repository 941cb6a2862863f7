"""Requests and responses over one plain connection, in the version that the caller says."""

from __future__ import annotations

import socket
import struct
from typing import Any

from kafkalite_protocol.headers import (
    RequestHeader,
    read_response_header,
    response_header_is_flexible,
    write_request_header,
)
from kafkalite_protocol.messages import response_class


class RawClient:
    """One blocking connection; `address` may be "host:port". Raises OSError when it breaks."""

    def __init__(
        self, address: str | tuple[str, int], client_id: str | None = "raw", timeout_s: float = 20
    ) -> None:
        if isinstance(address, str):
            host, port = address.rsplit(":", 1)
            address = (host, int(port))
        self.socket = socket.create_connection(address, timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client_id = client_id
        self._correlation_id = 0

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def ask(self, request: Any, version: int) -> Any:
        """Send one request and return its decoded response."""
        self.send(request, version)
        return self.receive(type(request).API_KEY, version)

    def send(self, request: Any, version: int) -> int:
        """Send one request without waiting; returns its correlation id."""
        self._correlation_id += 1
        self.socket.sendall(frame(request, version, self._correlation_id, self._client_id))
        return self._correlation_id

    def receive(self, api_key: int, version: int) -> Any:
        """The next response, which must belong to an API of this key."""
        body = memoryview(self.receive_frame())
        flexible = response_header_is_flexible(api_key, version)
        _, position = read_response_header(body, 0, flexible)
        return response_class(api_key).decode(version, body, position)

    def receive_frame(self) -> bytes:
        """The next response's bytes without the size. Raises ConnectionError at the end of the stream."""
        size = struct.unpack(">i", self._exactly(4))[0]
        return self._exactly(size)

    def is_closed_by_peer(self) -> bool:
        """Whether the next thing that comes is the end of the stream."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionError("the broker closed the connection")
            data += piece
        return bytes(data)


def frame(
    request: Any, version: int, correlation_id: int = 1, client_id: str | None = "raw"
) -> bytes:
    """A whole request: size, header, body."""
    header = RequestHeader(type(request).API_KEY, version, correlation_id, client_id)
    out = bytearray(4)
    write_request_header(out, header)
    request.encode_into(version, out)
    struct.pack_into(">i", out, 0, len(out) - 4)
    return bytes(out)
