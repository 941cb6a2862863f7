"""Request and response headers, which come before every body.

request v1   api key int16 | api version int16 | correlation id int32 | client id nullable string (int16 length)
request v2   the same, then a tag section; the client id keeps its int16 length (flexible versions)
response v0  correlation id int32
response v1  correlation id int32 | tag section (flexible versions, but never ApiVersions: a client that asks for a
             version the broker does not know must be able to read the answer)
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages import APIS
from kafkalite_protocol.primitives import skip_tags

if TYPE_CHECKING:
    from kafkalite_protocol.primitives import Buffer

_FIXED = Struct(">hhih")
_FIXED_BYTES = _FIXED.size
_CORRELATION_ID = Struct(">i")
_API_VERSIONS_KEY = 18
_TAG_SECTION_EMPTY = 0


class RequestHeader(NamedTuple):
    """Who asks what. `client_id` is None when the client has none."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None


class HeaderError(ProtocolError):
    """A header that cannot be read to its end. `header`: the part that all versions share, when it could be read."""

    def __init__(self, message: str, header: RequestHeader | None = None) -> None:
        super().__init__(message)
        self.header = header


def read_request_header(buffer: Buffer, position: int = 0) -> tuple[RequestHeader, int]:
    """The header at `position` and where the body begins.

    Raises HeaderError: truncated, or an API key or version that Kafka does not have (then with `.header`).
    """
    end = len(buffer)
    start = position + _FIXED_BYTES
    if start > end:
        raise HeaderError(f"{end - position} bytes are too few for a request header")
    api_key, version, correlation_id, size = _FIXED.unpack_from(buffer, position)
    api = APIS.get(api_key)
    if api is None or not api.min_version <= version <= api.max_version:
        raise HeaderError(
            f"API key {api_key} version {version} is unknown",
            RequestHeader(api_key, version, correlation_id, None),
        )
    client_id: str | None = None
    if size >= 0:
        body = start + size
        if body > end:
            raise HeaderError(f"a client id of {size} bytes is longer than the request")
        client_id = str(buffer[start:body], "utf-8", "replace")
        start = body
    elif size < -1:
        raise HeaderError(f"a client id of {size} bytes")
    if api.flexible_from is not None and version >= api.flexible_from:
        if start >= end:
            raise HeaderError("the header ends before its tag section")
        start = start + 1 if buffer[start] == _TAG_SECTION_EMPTY else _skip_tags(buffer, start)
    return RequestHeader(api_key, version, correlation_id, client_id), start


def response_header_is_flexible(api_key: int, version: int) -> bool:
    """Whether the response header has a tag section."""
    flexible_from = APIS[api_key].flexible_from
    return flexible_from is not None and version >= flexible_from and api_key != _API_VERSIONS_KEY


def write_response_header(out: bytearray, correlation_id: int, *, flexible: bool) -> None:
    """Append a response header."""
    out += _CORRELATION_ID.pack(correlation_id)
    if flexible:
        out.append(_TAG_SECTION_EMPTY)


def _skip_tags(buffer: Buffer, position: int) -> int:
    try:
        after = skip_tags(bytes(buffer[position:]), 0) + position
    except IndexError as error:
        raise HeaderError("the tag section of the header is cut off") from error
    if after > len(buffer):
        raise HeaderError("a tag of the header is longer than the request")
    return after
