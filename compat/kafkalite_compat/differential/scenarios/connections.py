"""What a connection takes and what ends it, and ApiVersions."""

from __future__ import annotations

import struct
from typing import Any

from kafkalite_protocol.messages import APIS, request_class
from kafkalite_protocol.messages.api_versions import ApiVersionsRequest
from kafkalite_protocol.messages.metadata import MetadataRequest

from kafkalite_compat.differential.requests.records import (
    batch_of,
    end_of_epoch,
    fetch,
    list_offsets,
    part,
    produce,
)
from kafkalite_compat.differential.side import CLOSED, Side
from kafkalite_compat.wire.raw import RawClient, frame


def sized(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def header(
    api_key: int, version: int, client_id: bytes | None = b"raw", tags: bytes | None = None
) -> bytes:
    length = -1 if client_id is None else len(client_id)
    out = struct.pack(">hhih", api_key, version, 7, length) + (client_id or b"")
    flexible_from = APIS[api_key].flexible_from if api_key in APIS else None
    if flexible_from is not None and version >= flexible_from:
        out += b"\0" if tags is None else tags
    return out


def sizes(side: Side) -> None:
    for size in (0, -1, -(2**31), 104_857_601, 2**31 - 1):
        side.send_bytes(f"size {size}", struct.pack(">i", size))
    for size in (1, 5, 104_857_600):
        side.send_bytes(f"size {size} and no more", struct.pack(">i", size), expect_silence=True)
    side.send_bytes("half a size", b"\0\0", expect_silence=True)
    for count in range(1, 10):
        side.send_bytes(f"header of {count} bytes", sized(header(18, 0)[:count]))


def keys_and_versions(side: Side) -> None:
    for key in (-1, 4, 5, 6, 7, 52, 53, 62, 999, 32767):
        side.send_bytes(f"key {key}", sized(header(key, 0) + bytes(30)))
    for key, (lowest, highest) in side.versions.items():
        for version in (-1, lowest - 1, highest + 1, 32767):
            if key != 18:
                side.send_bytes(f"key {key} v{version}", sized(header(key, version) + bytes(30)))


def headers(side: Side) -> None:
    body = MetadataRequest(topics=[]).encode(12)
    old = MetadataRequest(topics=[]).encode(4)
    for label, client_id in {
        "null": None,
        "empty": b"",
        "bad UTF-8": b"\xff\xfe\xc3",
        "long": b"x" * 32767,
        "zeros": bytes(5),
    }.items():
        side.send_bytes(f"client id {label}", sized(header(3, 12, client_id) + body))
        side.send_bytes(f"client id {label}, old", sized(header(3, 4, client_id) + old))
    for length in (-2, -32768, 32767):
        data = struct.pack(">hhih", 3, 4, 7, length) + old
        side.send_bytes(f"client id length {length}", sized(data))
    for label, tags in {
        "one": b"\1\5\2ab",
        "two": b"\2\5\1a\6\1b",
        "same twice": b"\2\5\1a\5\1b",
        "backwards": b"\2\6\1a\5\1b",
        "known tag 0": b"\1\0\2ab",
        "size beyond the end": b"\1\5\x7fab",
        "count beyond the end": b"\x7f\5\2ab",
        "huge count": b"\xff\xff\xff\xff\x0f",
        "varint of 6 bytes": b"\x80\x80\x80\x80\x80\1",
        "varint of 10 bytes": b"\x80" * 9 + b"\1",
        "overlong zero": b"\x80\0",
        "negative size": b"\1\5\xff\xff\xff\xff\x0f",
    }.items():
        side.send_bytes(f"header tags {label}", sized(header(3, 12, tags=tags) + body))
        side.send_bytes(f"body tags {label}", sized(header(3, 12) + body[:-1] + tags))
    side.send_bytes("trailing garbage", sized(header(3, 12) + body + b"garbage"))
    side.send_bytes("trailing garbage, old", sized(header(3, 4) + old + b"garbage"))


def bodies(side: Side) -> None:
    topic = side.new_topic("bodies")
    uuid = side.topic_id(topic)
    good = batch_of(b"v")
    requests: list[tuple[Any, int]] = [
        (produce((topic, 0, good)), 3),
        (produce((topic, 0, good)), 9),
        (produce((uuid, 0, good)), 13),
        (fetch((topic, part())), 4),
        (fetch((topic, part())), 12),
        (fetch((uuid, part())), 18),
        (list_offsets(topic, (0, -1)), 1),
        (list_offsets(topic, (0, -1)), 11),
        (end_of_epoch(topic, 0), 2),
        (end_of_epoch(topic, 0), 4),
    ]
    for request, version in requests:
        api_key = type(request).API_KEY
        body = request.encode(version)
        name = f"{request_class(api_key).__name__} v{version}"
        for end in range(len(body)):
            if api_key != 0 or end % 3 == 0:
                side.send_bytes(
                    f"{name} cut at {end}", sized(header(api_key, version) + body[:end])
                )
        side.send_bytes(f"{name} with a tail", sized(header(api_key, version) + body + bytes(3)))


def counts_and_lengths(side: Side) -> None:
    for count in (-1, -2, 1, 100, 2_000_000_000, 2**31 - 1, -(2**31)):
        packed = struct.pack(">i", count)
        side.send_bytes(f"metadata topics {count}", sized(header(3, 1) + packed))
        side.send_bytes(
            f"metadata topics {count}, then bytes", sized(header(3, 1) + packed + bytes(60))
        )
        side.send_bytes(
            f"list offsets topics {count}", sized(header(2, 1) + struct.pack(">i", -1) + packed)
        )
        side.send_bytes(
            f"epochs topics {count}", sized(header(23, 3) + struct.pack(">i", -1) + packed)
        )
        fetch_head = struct.pack(">iiiib", -1, 0, 0, 100, 0)
        side.send_bytes(f"fetch topics {count}", sized(header(1, 4) + fetch_head + packed))
        produce_head = struct.pack(">hhi", -1, -1, 1000)
        side.send_bytes(f"produce topics {count}", sized(header(0, 3) + produce_head + packed))
    for length in (-1, -2, 5, 32767):
        packed = struct.pack(">h", length)
        side.send_bytes(
            f"metadata name of {length}", sized(header(3, 1) + b"\0\0\0\1" + packed + b"ab")
        )
        side.send_bytes(f"coordinator key of {length}", sized(header(10, 0) + packed + b"ab"))
    for label, varint in {
        "null": b"\0",
        "one": b"\1",
        "beyond": b"\x7f",
        "huge": b"\xff\xff\xff\xff\x07",
        "negative": b"\xff\xff\xff\xff\x0f",
        "six bytes": b"\x80\x80\x80\x80\x80\1",
        "never ends": b"\x80" * 4,
    }.items():
        side.send_bytes(
            f"compact array {label}",
            sized(header(2, 6) + struct.pack(">ib", -1, 0) + varint + b"\0"),
        )
        side.send_bytes(
            f"compact array of epochs {label}",
            sized(header(23, 4) + struct.pack(">i", -1) + varint + b"\0"),
        )
        side.send_bytes(f"compact string {label}", sized(header(10, 3) + varint + b"ab\0\0"))


def bad_strings(side: Side) -> None:
    name = b"\xff\xfe"
    side.send_bytes("metadata of bad UTF-8", sized(header(3, 1) + b"\0\0\0\1\0\2" + name))
    offsets = struct.pack(">iih", -1, 1, 2) + name + struct.pack(">iiq", 1, 0, -1)
    side.send_bytes("list offsets of bad UTF-8", sized(header(2, 1) + offsets))
    fetched = (
        struct.pack(">iiiibih", -1, 0, 0, 100, 0, 1, 2) + name + struct.pack(">iiqi", 1, 0, 0, 100)
    )
    side.send_bytes("fetch of bad UTF-8", sized(header(1, 4) + fetched))
    side.send_bytes("fetch of replica 1", sized(header(1, 4) + struct.pack(">i", 1) + fetched[4:]))


def pipelining(side: Side) -> None:
    topic = side.new_topic("pipelining")

    def correlation_ids(label: str, *frames: bytes) -> None:
        side.count += len(frames)
        with RawClient(side.bootstrap, timeout_s=5) as client:
            client.socket.sendall(b"".join(frames))
            client.socket.shutdown(1)
            found: list[int | str] = []
            try:
                while True:
                    found.append(struct.unpack(">i", client.receive_frame()[:4])[0])
            except ConnectionError:
                found.append(CLOSED)
        side.note(label, found)

    versions = ApiVersionsRequest()
    metadata = MetadataRequest(topics=[])
    park = fetch((topic, part()), max_wait_ms=300)
    write, quietly = (
        produce((topic, 0, batch_of(b"v"))),
        produce((topic, 0, batch_of(b"v")), acks=0),
    )
    wrong = produce(("nobody", 0, batch_of(b"v")), acks=0)
    cut = sized(header(3, 4) + b"\0\0")
    correlation_ids("three", frame(versions, 0, 1), frame(metadata, 9, 2), frame(versions, 3, 3))
    correlation_ids("a long poll", frame(park, 11, 1), frame(versions, 0, 2), frame(metadata, 9, 3))
    correlation_ids("produce", *(frame(write, 9, n) for n in range(10)))
    correlation_ids("acks 0 between", frame(write, 9, 1), frame(quietly, 9, 2), frame(write, 9, 3))
    correlation_ids(
        "acks 0 that fails between",
        frame(versions, 0, 1),
        frame(wrong, 9, 2),
        frame(versions, 0, 3),
    )
    correlation_ids(
        "bad after good", frame(versions, 0, 1), frame(write, 9, 2), cut, frame(versions, 0, 3)
    )
    correlation_ids("bad size after good", frame(versions, 0, 1), b"\xff\xff\xff\xff")
    correlation_ids("unknown key after good", frame(versions, 0, 1), sized(header(999, 0)))
    correlation_ids("unknown ApiVersions, then good", frame_of_version(99), frame(versions, 0, 3))
    correlation_ids("the same correlation id", *(frame(versions, 0, 5) for _ in range(3)))
    correlation_ids("negative correlation id", frame(versions, 0, -5))
    side.ask("in the end", list_offsets(topic, (0, -1)), 7)


def frame_of_version(version: int, body: bytes = b"") -> bytes:
    return sized(header(18, version) + body)


def api_versions(side: Side) -> None:
    for version in (-1, 5, 6, 99, 32767):
        side.send_bytes(f"unknown v{version}", frame_of_version(version, b"\0"))
    side.send_bytes("v3 with an empty body", sized(header(18, 3)))
    side.send_bytes("v0 with a body", frame_of_version(0, b"12345"))
    software = [
        "kafkalite-test",
        "a",
        "a.b-c",
        "A1",
        "",
        " ",
        "a b",
        "-a",
        "a-",
        ".a",
        "ä",
        "a_b",
        "a\n",
        "x" * 300,
    ]
    for version in range(5):
        for text in software if version >= 3 else software[:1]:
            request = ApiVersionsRequest(client_software_name=text, client_software_version="1.0")
            side.ask(f"software {text!r:.20}", request, version)
            request = ApiVersionsRequest(client_software_name="x", client_software_version=text)
            side.ask(f"software version {text!r:.20}", request, version)


SCENARIOS = [
    sizes,
    keys_and_versions,
    headers,
    bodies,
    counts_and_lengths,
    bad_strings,
    pipelining,
    api_versions,
]
