"""One blocking connection to one broker: a request goes out, its response comes back, decoded."""

from __future__ import annotations

import socket
import struct
from types import TracebackType
from typing import Any, Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.headers import (
    RequestHeader,
    read_response_header,
    response_header_is_flexible,
    write_request_header,
)
from kafkalite_protocol.messages import APIS, response_class
from kafkalite_protocol.messages.api_versions import ApiVersionsRequest

CLIENT_ID: Final = "kafkalite-compat"
ANSWER_WITHIN_S: Final = 30.0


class WireError(Exception):
    """The broker did not do what the suite itself asked for, so a scenario cannot be prepared or checked."""


class Refused(WireError):
    """The broker answered with an error code."""

    def __init__(self, what: str, code: int, message: str | None = None) -> None:
        super().__init__(f"{what}: {error_name(code)}" + (f": {message}" if message else ""))
        self.code = code

    @property
    def is_retriable(self) -> bool:
        known = error_of(self.code)
        return known is not None and known.retriable


def error_name(code: int) -> str:
    """Kafka's name of an error code, e.g. "NOT_COORDINATOR (16)"."""
    known = error_of(code)
    return f"error {code}" if known is None else f"{known.name} ({code})"


def error_of(code: int) -> ErrorCode | None:
    """The error of this code, or None where Kafka has none."""
    return next((error for error in ErrorCode if error.value == code), None)


def check(what: str, code: int, message: str | None = None) -> None:
    """Raises Refused unless `code` is 0."""
    if code:
        raise Refused(what, code, message)


class Connection:
    """A connection that has asked for the broker's versions. Raises OSError when it breaks."""

    def __init__(self, host: str, port: int, within_s: float = ANSWER_WITHIN_S) -> None:
        self._socket = socket.create_connection((host, port), timeout=within_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._correlation_id = 0
        self.versions: dict[int, tuple[int, int]] = {ApiVersionsRequest.API_KEY: (0, 0)}
        self.versions = {
            api.api_key: (api.min_version, api.max_version)
            for api in self.ask(ApiVersionsRequest(), at_most=0).api_keys
        }

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def version_for(self, api_key: int, at_most: int | None = None) -> int:
        """The highest version both sides know, `at_most` at most. Raises WireError if there is none."""
        info = APIS[api_key]
        lowest, highest = self.versions.get(api_key, (0, -1))
        version = min(highest, info.max_version if at_most is None else at_most)
        if version < max(lowest, info.min_version):
            raise WireError(f"the broker offers {info.name} in versions {lowest} to {highest} only")
        return version

    def ask(self, request: Any, at_most: int | None = None) -> Any:
        """Send a request and wait for its response."""
        api_key = type(request).API_KEY
        version = self.version_for(api_key, at_most)
        self.send(request, version)
        flexible = response_header_is_flexible(api_key, version)
        frame = self._frame()
        _, position = read_response_header(frame, 0, flexible)
        return response_class(api_key).decode(version, frame, position)

    def send(self, request: Any, version: int) -> None:
        """Send a request without waiting: for those that are not answered (Produce with acks=0)."""
        api_key = type(request).API_KEY
        self._correlation_id += 1
        out = bytearray(4)
        write_request_header(
            out,
            RequestHeader(api_key, version, self._correlation_id, CLIENT_ID),
        )
        request.encode_into(version, out)
        struct.pack_into(">i", out, 0, len(out) - 4)
        self._socket.sendall(out)

    def _frame(self) -> bytes:
        (size,) = struct.unpack(">i", self._exactly(4))
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise ConnectionError("the broker closed the connection")
            data += piece
        return bytes(data)
