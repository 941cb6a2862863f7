"""Every API in every version that the reference broker advertises, asked by rule: good requests, and bytes that are none.

Per version: the emptiest request; one with a name that does not exist in every field; each null that the version knows; the
body cut off by a byte, in the middle and before its beginning; bytes behind it; tags that nobody knows, in the header and in
the body (flexible versions); no client id; correlation ids at the ends of their range. Per API: a version below the range
and one above.

Left out, since it would stop the broker, never be answered, or leave what later answers show:

* ids of the broker itself in what unregisters brokers and removes voters: broker 999 is named instead;
* acks=0 in Produce, null for its records, and no transactions in AddPartitionsToTxn from version 4: Apache Kafka never answers;
* a name that could be made into a topic in Metadata before version 4, which always creates.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages import APIS, ApiInfo, request_class
from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest
from kafkalite_protocol.primitives import Message, uvarint

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.catalogue import SWEEP, Script
from kafkalite_compat.differential.filling import UNKNOWN_ID, empty, filled, with_a_null
from kafkalite_compat.differential.requests import groups, shares
from kafkalite_compat.differential.side import Side

PRODUCE, METADATA, ADD_PARTITIONS_TO_TXN = 0, 3, 24
FIRST_OF_SEVERAL_TRANSACTIONS: Final = 4
FIRST_METADATA_THAT_NEED_NOT_CREATE: Final = 4
UNKNOWN_TAG: Final = 9_999
CLIENT_ID: Final = b"sweep"

_NEVER_ANSWERED: Final = {(PRODUCE, "topic_data.partition_data.records")}


class Header(NamedTuple):
    """What stands before the body. `tags` is the tag section, of flexible versions only."""

    correlation_id: int = 7
    client_id: bytes | None = CLIENT_ID
    tags: bytes = b"\0"


def sweep_scripts(versions: Mapping[int, tuple[int, int]], run: str) -> list[Script]:
    """One script per API that is advertised and that our codec knows. Names begin with `run`, which no earlier run had."""
    return [
        Script(f"sweep_{APIS[key].module}", SWEEP, partial(_sweep, run=run, api=APIS[key]))
        for key in sorted(versions)
        if key in APIS
    ]


def _sweep(side: Side, run: str, api: ApiInfo) -> None:
    _wait_for_coordinators(side)
    lowest, highest = side.versions[api.key]
    for version in range(max(lowest, api.min_version), min(highest, api.max_version) + 1):
        for label, request in good_requests(api, version, f"{run}-{api.module}"):
            side.ask(label, request, version)
        body = _usual(api, version, f"{run}-{api.module}").encode(version)
        for label, header, data in odd_bytes(_is_flexible(api, version), body):
            side.send_bytes(f"{label} v{version}", frame(api, version, header, data))
    for version in (lowest - 1, highest + 1):
        body = empty(request_class(api.key)).encode(api.max_version)
        side.send_bytes(f"unknown v{version}", frame(api, version, Header(), body))


def good_requests(api: ApiInfo, version: int, prefix: str) -> Iterator[tuple[str, Message]]:
    """Well-formed requests by what is special about them."""
    if api.key != ADD_PARTITIONS_TO_TXN or version < FIRST_OF_SEVERAL_TRANSACTIONS:
        yield "empty", empty(request_class(api.key))
    usual = _usual(api, version, prefix)
    yield "unknown names", usual
    seen = {usual.encode(version)}
    for path, request in with_a_null(usual):
        data = _encoded(request, version)
        if data is not None and data not in seen and (api.key, path) not in _NEVER_ANSWERED:
            seen.add(data)
            yield f"null {path}", request


def odd_bytes(flexible: bool, body: bytes) -> Iterator[tuple[str, Header, bytes]]:
    """What is made of a good body, by what was done to it."""
    usual = Header()
    for label, end in {"a byte": len(body) - 1, "in the middle": len(body) // 2, "all": 0}.items():
        if end >= 0 and (end < len(body)):
            yield f"cut off: {label}", usual, body[:end]
    yield "bytes behind", usual, body + b"\x01\x02\x03"
    yield "no client id", Header(client_id=None), body
    for correlation_id in (-1, 2**31 - 1, -(2**31)):
        yield f"correlation id {correlation_id}", Header(correlation_id), body
    if flexible:
        tag = bytes(uvarint(UNKNOWN_TAG)) + b"\x03tag"
        yield "unknown tag in the header", Header(tags=b"\x01" + tag), body
        if body[-1:] == b"\0":  # no tags of its own
            yield "unknown tag in the body", usual, body[:-1] + b"\x01" + tag
            yield "tag cut off in the body", usual, body[:-1] + b"\x01" + tag[:-1]
        yield "tags of the header cut off", Header(tags=b"\x7f"), b""


def frame(api: ApiInfo, version: int, header: Header, body: bytes) -> bytes:
    """A request with its size. Versions that do not exist have the header of the nearest one that does."""
    length = -1 if header.client_id is None else len(header.client_id)
    out = struct.pack(">hhih", api.key, version, header.correlation_id, length)
    out += header.client_id or b""
    if _is_flexible(api, version):
        out += header.tags
    return struct.pack(">i", len(out) + len(body)) + out + body


def _usual(api: ApiInfo, version: int, prefix: str) -> Message:
    bad = api.key == METADATA and version < FIRST_METADATA_THAT_NEED_NOT_CREATE
    request: Any = filled(
        request_class(api.key), lambda field: f"no/{field}" if bad else f"{prefix}-{field}"
    )
    if api.key == METADATA:
        request.allow_auto_topic_creation = False
    return request  # type: ignore[no-any-return]


def _encoded(request: Message, version: int) -> bytes | None:
    """The bytes, or None where the version knows no such null."""
    try:
        return request.encode(version)
    except (AssertionError, AttributeError, TypeError, struct.error, ProtocolError):
        return None


def _is_flexible(api: ApiInfo, version: int) -> bool:
    return api.flexible_from is not None and version >= api.flexible_from


def _wait_for_coordinators(side: Side) -> None:
    """Kafka makes the topics of its coordinators when it is first asked for one, and answers differently until then."""
    for kind in (0, 1):
        request = FindCoordinatorRequest(key=SWEEP, key_type=kind)
        eventually("a coordinator", partial(_is_found, side, request))
    groups.coordinator_is_there(side)
    request = shares.find_coordinator(SWEEP, UNKNOWN_ID)
    eventually("a share coordinator", partial(_is_found, side, request))


def _is_found(side: Side, request: FindCoordinatorRequest) -> bool:
    if request.coordinator_keys:
        return bool(side.client.ask(request, 6).coordinators[0].error_code == 0)
    return bool(side.client.ask(request, 3).error_code == 0)
