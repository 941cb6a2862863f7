"""Both ends of a connection, as bytes and values: nothing here sees a socket.

    client                                      server
    send(request, version) -> bytes      ...    receive_data(bytes) -> [ReceivedRequest]
    receive_data(bytes) -> [ReceivedResponse]   respond(correlation id, response) -> bytes

Kafka answers a connection's requests in their order, and clients rely on it: the server end holds back an answer
until all before it are there, the client end takes any other order for a ProtocolError.

For tests, benchmarks and tools; the broker's own connections work on frames without the copies made here.
"""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.framing import FRAME_BYTES_MAX, FrameReader
from kafkalite_protocol.headers import (
    RequestHeader,
    read_request_header,
    read_response_header,
    response_header_is_flexible,
    write_request_header,
    write_response_header,
)
from kafkalite_protocol.messages import response_class

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafkalite_protocol.buffers import Buffer
    from kafkalite_protocol.primitives import Message

_SIZE = Struct(">i")
_CORRELATION_ID_MAX = 2**31 - 1


class Request(Protocol):
    """A generated message that has an API key."""

    API_KEY: ClassVar[int]

    def encode(self, version: int) -> bytes: ...


class ReceivedRequest(NamedTuple):
    """What a server gets. `body` is what follows the header."""

    header: RequestHeader
    body: bytes


class ReceivedResponse(NamedTuple):
    """What a client gets. `body` is what follows the header."""

    correlation_id: int
    api_key: int
    api_version: int
    body: bytes

    def decode(self) -> Message:
        """The response as a value. Raises ProtocolError."""
        return response_class(self.api_key).decode(self.api_version, self.body)


class ClientConnection:
    """Numbers requests and tells which of them a response answers."""

    def __init__(
        self, client_id: str | None = "kafkalite", max_frame_bytes: int = FRAME_BYTES_MAX
    ) -> None:
        self._client_id = client_id
        self._reader = FrameReader(max_frame_bytes)
        self._next_correlation_id = 0
        self._unanswered: deque[RequestHeader] = deque()

    @property
    def unanswered(self) -> int:
        """Requests sent whose responses have not come."""
        return len(self._unanswered)

    def send(self, request: Request, version: int, *, expects_response: bool = True) -> bytes:
        """The bytes of a request. A Produce with acks=0 gets no response."""
        body = request.encode(version)
        return self.send_body(request.API_KEY, version, body, expects_response=expects_response)

    def send_body(
        self, api_key: int, version: int, body: Buffer, *, expects_response: bool = True
    ) -> bytes:
        """The bytes of a request whose body is encoded already, or is meant to be wrong."""
        header = RequestHeader(api_key, version, self._next_correlation_id, self._client_id)
        self._next_correlation_id = (self._next_correlation_id + 1) & _CORRELATION_ID_MAX
        if expects_response:
            self._unanswered.append(header)
        out = bytearray()
        write_request_header(out, header)
        return _frame(out, body)

    def receive_data(self, data: Buffer) -> list[ReceivedResponse]:
        """The responses that `data` completes. Raises ProtocolError when one does not answer the oldest request."""
        return [self._response(frame) for frame in _frames(self._reader, data)]

    def _response(self, frame: bytes) -> ReceivedResponse:
        if not self._unanswered:
            raise ProtocolError("a response to nothing")
        asked = self._unanswered.popleft()
        flexible = response_header_is_flexible(asked.api_key, asked.api_version)
        correlation_id, position = read_response_header(frame, 0, flexible)
        if correlation_id != asked.correlation_id:
            raise ProtocolError(f"response {correlation_id} instead of {asked.correlation_id}")
        return ReceivedResponse(correlation_id, asked.api_key, asked.api_version, frame[position:])


class ServerConnection:
    """Takes requests apart and lets responses go in their order."""

    def __init__(self, max_frame_bytes: int = FRAME_BYTES_MAX) -> None:
        self._reader = FrameReader(max_frame_bytes)
        self._unanswered: deque[RequestHeader] = deque()
        self._held: dict[int, bytes] = {}

    def receive_data(self, data: Buffer) -> list[ReceivedRequest]:
        """The requests that `data` completes. Raises ProtocolError, after which a broker closes the connection."""
        return [self._request(frame) for frame in _frames(self._reader, data)]

    def respond(self, correlation_id: int, response: Message) -> bytes:
        """The bytes that may leave now: of this response and of those that waited for it, or none."""
        asked = self._asked(correlation_id)
        return self._release(asked, response.encode(asked.api_version))

    def respond_body(self, correlation_id: int, body: Buffer) -> bytes:
        """As `respond`, with a body that is encoded already."""
        return self._release(self._asked(correlation_id), body)

    def no_response(self, correlation_id: int) -> bytes:
        """This request gets no response (Produce with acks=0). Those that waited for it may leave."""
        self._held[self._asked(correlation_id).correlation_id] = b""
        return self._sendable()

    def _request(self, frame: bytes) -> ReceivedRequest:
        header, position = read_request_header(frame)
        self._unanswered.append(header)
        return ReceivedRequest(header, frame[position:])

    def _asked(self, correlation_id: int) -> RequestHeader:
        for header in self._unanswered:
            if header.correlation_id == correlation_id and correlation_id not in self._held:
                return header
        raise AssertionError(f"no request {correlation_id} is waiting for a response")

    def _release(self, asked: RequestHeader, body: Buffer) -> bytes:
        out = bytearray()
        flexible = response_header_is_flexible(asked.api_key, asked.api_version)
        write_response_header(out, asked.correlation_id, flexible)
        self._held[asked.correlation_id] = _frame(out, body)
        return self._sendable()

    def _sendable(self) -> bytes:
        out = bytearray()
        while self._unanswered and self._unanswered[0].correlation_id in self._held:
            out += self._held.pop(self._unanswered.popleft().correlation_id)
        return bytes(out)


def _frame(header: Buffer, body: Buffer) -> bytes:
    return b"".join((_SIZE.pack(len(header) + len(body)), header, body))


def _frames(reader: FrameReader, data: Buffer) -> Iterator[bytes]:
    rest = memoryview(data)
    while rest:
        space = reader.writable()
        count = min(len(space), len(rest))
        space[:count] = rest[:count]
        reader.received(count)
        rest = rest[count:]
        while (frame := reader.next_frame()) is not None:
            yield bytes(frame)
