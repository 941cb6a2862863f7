"""From a frame to its answer: header, version check, decode, handler, encode; and every failure translated once.

A handler module in `broker/handlers` has `API_KEY` and one of

    handle(context, request) -> response | Deferred[response] | None         with generated messages
    handle_raw(context, buffer, position) -> answer | Deferred[answer]       Produce and Fetch: no objects per partition

`None` means that nothing is sent. Bytes that are no request raise `CloseConnection`, as Kafka closes.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.headers import (
    RequestHeader,
    read_request_header,
    response_header_is_flexible,
)
from kafkalite_protocol.messages import request_class, response_class

from kafkalite.broker.apis import SERVED, ServedApi
from kafkalite.broker.request import CloseConnection, ConnectionInfo, Message, RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError

if TYPE_CHECKING:
    from kafkalite.broker.broker import Broker

_log = logging.getLogger(__name__)

_SIZE = struct.Struct(">i")
_SIZE_AND_CORRELATION_ID = struct.Struct(">ii")

CONTROL_REQUEST_MAX_BYTES = 4 * 1024 * 1024
"""Largest request other than Produce. Kafka allows 100 MiB for all; as a count of tiny elements that would be 100 million
objects here. A commit of 50 000 partitions is under 2 MiB."""


class Dispatcher:
    """Answers requests on behalf of one broker. Knows no sockets; keeps no state but the loaded handlers."""

    def __init__(self, broker: Broker, served: dict[int, ServedApi] | None = None) -> None:
        self._broker = broker
        self._served = SERVED if served is None else served
        self._handlers: dict[int, _Handler] = {}

    def handle(self, frame: memoryview, connection: ConnectionInfo) -> Any:
        """The answer to one request, or a Deferred of it.

        Returns a bytearray, a list of buffers and file slices, None (nothing to send), or a Deferred of one of
        these. Raises `CloseConnection` when Kafka would hang up.
        """
        try:
            header, position = read_request_header(frame)
        except ProtocolError as error:
            return self._answer_unknown_version(error, frame)
        handler = self._handlers.get(header.api_key)
        if handler is None:
            handler = self._load(header.api_key)
        if not handler.min_version <= header.api_version <= handler.max_version:
            return self._refuse_version(header)
        if len(frame) > CONTROL_REQUEST_MAX_BYTES and header.api_key != ApiKey.PRODUCE:
            raise CloseConnection(
                f"{ApiKey(header.api_key).name} of {len(frame)} bytes; requests other than Produce may have "
                f"{CONTROL_REQUEST_MAX_BYTES}"
            )
        context = RequestContext(
            header.api_key,
            header.api_version,
            header.correlation_id,
            header.client_id,
            connection,
            self._broker,
        )
        try:
            return handler.call(context, frame, position)
        except ProtocolError as error:
            raise CloseConnection(
                f"{ApiKey(header.api_key).name} v{header.api_version} could not be parsed: {error}"
            ) from error

    def _load(self, api_key: int) -> _Handler:
        served = self._served.get(api_key)
        if served is None:
            raise CloseConnection(f"API key {api_key} is not served here")
        module = import_module(f"kafkalite.broker.handlers.{served.handler}")
        raw = getattr(module, "handle_raw", None)
        call = _raw_call(raw) if raw is not None else _message_call(module.handle, api_key)
        if served.feature is not None:
            call = _call_with_feature(call, served.feature)
        handler = self._handlers[api_key] = _Handler(served.min_version, served.max_version, call)
        return handler

    def _answer_unknown_version(self, error: ProtocolError, frame: memoryview) -> Any:
        """A header we cannot read: only ApiVersions is answered, from the part that all versions share."""
        header = getattr(error, "header", None)
        if header is None:
            raise CloseConnection(f"the request header could not be parsed: {error}") from error
        return self._refuse_version(header)

    def _refuse_version(self, header: RequestHeader) -> Any:
        if header.api_key == ApiKey.API_VERSIONS:
            handlers = import_module("kafkalite.broker.handlers.api_versions")
            return encode_response(
                header.api_key, 0, header.correlation_id, handlers.unsupported_version()
            )
        raise CloseConnection(
            f"version {header.api_version} of API key {header.api_key} is not served here"
        )


class _Handler:
    """A loaded handler and its version range."""

    __slots__ = ("call", "max_version", "min_version")

    def __init__(
        self,
        min_version: int,
        max_version: int,
        call: Callable[[RequestContext, memoryview, int], Any],
    ) -> None:
        self.min_version = min_version
        self.max_version = max_version
        self.call = call


def _raw_call(function: Callable[[RequestContext, memoryview, int], Any]) -> Callable[..., Any]:
    def call(context: RequestContext, frame: memoryview, position: int) -> Any:
        try:
            return function(context, frame, position)
        except (ProtocolError, CloseConnection):
            raise
        except Exception as error:
            raise _our_mistake(context, error) from error

    return call


def _call_with_feature(call: Callable[..., Any], feature: str) -> Callable[..., Any]:
    """As if the API were not there while `feature` is switched off (UpdateFeatures to level 0)."""

    def checked_call(context: RequestContext, frame: memoryview, position: int) -> Any:
        if context.broker.control_plane.image.features.get(feature, 0) > 0:
            return call(context, frame, position)
        reason = f"{feature} is at level 0 in this cluster."
        return _encode(context, _failed(context, KafkaError(ErrorCode.UNSUPPORTED_VERSION, reason)))

    return checked_call


def _message_call(
    function: Callable[[RequestContext, Any], Any], api_key: int
) -> Callable[..., Any]:
    """Decode, handle, encode, for a handler that works on generated messages."""
    decode = request_class(api_key).decode

    def call(context: RequestContext, frame: memoryview, position: int) -> Any:
        request = decode(context.api_version, frame, position)
        try:
            response = function(context, request)
        except CloseConnection:
            raise
        except Exception as error:
            response = _failed(context, error)
        if isinstance(response, Deferred):
            return _later(context, response)
        return _encode(context, response)

    return call


def _later(context: RequestContext, response: Deferred[Any]) -> Deferred[Any]:
    """A Deferred of the encoded answer; a failed one is answered with its error."""
    out: Deferred[Any] = Deferred()

    def finish(source: Deferred[Any]) -> None:
        try:
            value = source.result()
        except Exception as error:
            try:
                value = _failed(context, error)
            except CloseConnection as close:
                out.fail(close)
                return
        out.resolve(_encode(context, value))

    response.on_done(finish)
    return out


def _encode(context: RequestContext, response: Message | None) -> bytearray | None:
    if response is None:
        return None
    return encode_response(context.api_key, context.api_version, context.correlation_id, response)


def encode_response(
    api_key: int, version: int, correlation_id: int, response: Message
) -> bytearray:
    """Size, header and body of one response in one buffer."""
    out = start_response(api_key, version, correlation_id)
    response.encode_into(version, out)
    _SIZE.pack_into(out, 0, len(out) - 4)
    return out


def start_response(api_key: int, version: int, correlation_id: int) -> bytearray:
    """Room for the size, then the response header; whoever appends the body fills in the size."""
    out = bytearray(_SIZE_AND_CORRELATION_ID.pack(0, correlation_id))
    if response_header_is_flexible(api_key, version):
        out.append(0)
    return out


def _failed(context: RequestContext, error: Exception) -> Message:
    """The response for a handler that raised: the error's code at the top, where the API has such a field."""
    if isinstance(error, KafkaError):
        code, message = error.code, error.message
    else:
        _log.error("%s failed", _name(context), exc_info=error)
        code, message = ErrorCode.UNKNOWN_SERVER_ERROR, None
    response = response_class(context.api_key)()
    if not hasattr(response, "error_code"):
        raise CloseConnection(f"{_name(context)} failed: {error}")
    response.error_code = code
    if message is not None and hasattr(response, "error_message"):
        response.error_message = message
    result: Message = response
    return result


def _our_mistake(context: RequestContext, error: Exception) -> CloseConnection:
    _log.error("%s failed", _name(context), exc_info=error)
    return CloseConnection(f"{_name(context)} failed inside the broker")


def _name(context: RequestContext) -> str:
    return f"{ApiKey(context.api_key).name} v{context.api_version}"
