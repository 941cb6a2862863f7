"""What stands before every request and response.

    request   | api key int16 | api version int16 | correlation id int32 | client id | tag section |
    response  | correlation id int32 | tag section |

The client id is an int16 length (-1 is null) and bytes, in flexible versions too, so that a broker
can read the header of an ApiVersions request from any future client. The tag section is there in
flexible versions only, and never in the header of an ApiVersions response, which a client must
understand before it knows which versions the broker speaks (KIP-511).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages import APIS
from kafkalite_protocol.primitives import skip_tags

if TYPE_CHECKING:
    from kafkalite_protocol.buffers import Buffer

_unpack_fixed_part: Final = struct.Struct(">hhih").unpack_from
_pack_correlation_id: Final = struct.Struct(">i").pack
_pack_correlation_id_and_no_tags: Final = struct.Struct(">ix").pack
_pack_fixed_part: Final = struct.Struct(">hhih").pack

_FIXED_PART_BYTES: Final = 10


class RequestHeader(NamedTuple):
    """Who asks what. `client_id` is whatever the client calls itself, or None."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None


class UnknownRequestError(ProtocolError):
    """A well-formed header of an API or version that the protocol does not have."""

    def __init__(self, header: RequestHeader) -> None:
        super().__init__(f"there is no version {header.api_version} of API key {header.api_key}")
        self.header = header


def read_request_header(buffer: Buffer, position: int = 0) -> tuple[RequestHeader, int]:
    """The header of the request at `position`, and where its body begins.

    Raises UnknownRequestError, which carries the header, for an API key or version that Kafka's
    protocol does not have, and ProtocolError when the bytes are no header at all.
    """
    try:
        api_key, version, correlation_id, length = _unpack_fixed_part(buffer, position)
    except struct.error as error:
        raise ProtocolError("the request header is cut off") from error
    position += _FIXED_PART_BYTES
    client_id = None
    if length >= 0:
        client_id = str(buffer[position : (position := position + length)], "utf-8", "replace")
    if position > len(buffer):
        raise ProtocolError("the request header is cut off within the client id")
    header = RequestHeader(api_key, version, correlation_id, client_id)
    api = APIS.get(api_key)
    if api is None or not api.min_version <= version <= api.max_version:
        raise UnknownRequestError(header)
    if api.flexible_from is not None and version >= api.flexible_from:
        position = _skip_tag_section(buffer, position)
    return header, position


def _skip_tag_section(buffer: Buffer, position: int) -> int:
    try:
        end = position + 1 if buffer[position] == 0 else skip_tags(buffer, position)
    except IndexError as error:
        raise ProtocolError("the request header is cut off within its tags") from error
    if end > len(buffer):
        raise ProtocolError("the request header is cut off within its tags")
    return end


def write_request_header(out: bytearray, header: RequestHeader) -> None:
    """Append a request header, as a client does. The API and version must be known ones."""
    client_id = None if header.client_id is None else header.client_id.encode()
    length = -1 if client_id is None else len(client_id)
    out += _pack_fixed_part(header.api_key, header.api_version, header.correlation_id, length)
    out += client_id or b""
    if request_header_is_flexible(header.api_key, header.api_version):
        out.append(0)


def request_header_is_flexible(api_key: int, version: int) -> bool:
    """Whether the request header has a tag section. Raises KeyError for an unknown API key."""
    flexible_from = APIS[api_key].flexible_from
    return flexible_from is not None and version >= flexible_from


def response_header_is_flexible(api_key: int, version: int) -> bool:
    """Whether the response header has a tag section. Raises KeyError for an unknown API key."""
    return api_key != ApiKey.API_VERSIONS and request_header_is_flexible(api_key, version)


def write_response_header(out: bytearray, correlation_id: int, flexible: bool) -> None:
    """Append a response header, with an empty tag section if `flexible`."""
    pack = _pack_correlation_id_and_no_tags if flexible else _pack_correlation_id
    out += pack(correlation_id)


def read_response_header(buffer: Buffer, position: int, flexible: bool) -> tuple[int, int]:
    """The correlation id at `position`, and where the body begins. Raises ProtocolError."""
    if position + 4 > len(buffer):
        raise ProtocolError("the response header is cut off")
    correlation_id = int.from_bytes(buffer[position : position + 4], "big", signed=True)
    position += 4
    return correlation_id, _skip_tag_section(buffer, position) if flexible else position
