"""The receive buffer: frames come out as they went in, and it stays as small as what really arrived allows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.framing import (
    BURST_BUFFER_BYTES,
    BUSY_BUFFER_BYTES,
    IDLE_BUFFER_BYTES,
    FrameReader,
)

MAX_FRAME_BYTES = 1024 * 1024


def framed(*bodies: bytes) -> bytes:
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def feed(reader: FrameReader, data: bytes, step: int | None = None) -> list[bytes]:
    """Put `data` in, at most `step` bytes at a time, and take the frames it completes."""
    frames = []
    while data:
        space = reader.writable()
        count = min(len(space), len(data), step or len(data))
        space[:count] = data[:count]
        data = data[count:]
        reader.received(count)
        while (frame := reader.next_frame()) is not None:
            frames.append(bytes(frame))
    return frames


def test_nothing_received_is_no_frame():
    assert FrameReader(MAX_FRAME_BYTES).next_frame() is None


def test_frames_received_at_once_come_one_by_one():
    assert feed(FrameReader(MAX_FRAME_BYTES), framed(b"a", b"bc", b"def")) == [b"a", b"bc", b"def"]


def test_frames_received_byte_by_byte_come_whole():
    bodies = [b"a", b"bc" * 3000, b"d"]
    assert feed(FrameReader(MAX_FRAME_BYTES), framed(*bodies), step=1) == bodies


def test_bytes_after_a_frame_are_the_beginning_of_the_next():
    reader = FrameReader(MAX_FRAME_BYTES)
    whole = framed(b"first", b"second")
    assert feed(reader, whole[:12]) == [b"first"]
    assert reader.held_bytes == 3
    assert feed(reader, whole[12:]) == [b"second"]
    assert reader.held_bytes == 0


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    sizes=st.lists(
        st.one_of(
            st.integers(1, 200),
            st.sampled_from([4091, 4092, 4093, 4096, 8192, 131_067, 131_068, 131_069, 300_000]),
        ),
        max_size=8,
    ),
    step=st.sampled_from([3, 100, 4095, 4096, 65_536, 1_000_000]),
)
def test_any_frames_in_any_pieces_come_out_as_they_went_in(sizes: list[int], step: int):
    if step < 100:
        sizes = [min(size, 5000) for size in sizes]
    bodies = [bytes([index % 251]) * size for index, size in enumerate(sizes)]
    assert feed(FrameReader(MAX_FRAME_BYTES), framed(*bodies), step) == bodies


def test_a_frame_is_a_writable_view_of_the_buffer():
    reader = FrameReader(MAX_FRAME_BYTES)
    data = framed(b"stamp me")
    reader.writable()[: len(data)] = data
    reader.received(len(data))
    frame = reader.next_frame()
    assert frame is not None
    frame[:5] = b"STAMP"
    assert bytes(frame) == b"STAMP me"


@pytest.mark.parametrize("size", [0, -1, -(2**31), MAX_FRAME_BYTES + 1, 2**31 - 1])
def test_a_size_that_is_not_allowed_is_a_protocol_error(size: int):
    with pytest.raises(ProtocolError, match=str(size)):
        feed(FrameReader(MAX_FRAME_BYTES), size.to_bytes(4, "big", signed=True))


def test_a_frame_of_the_largest_size_is_allowed():
    body = bytes(MAX_FRAME_BYTES)
    assert feed(FrameReader(MAX_FRAME_BYTES), framed(body)) == [body]


def test_an_announced_frame_allocates_nothing_before_it_arrives():
    reader = FrameReader(100 * 1024 * 1024)
    feed(reader, (100 * 1024 * 1024).to_bytes(4, "big"))
    reader.writable()
    assert reader.buffer_bytes == IDLE_BUFFER_BYTES


def test_a_large_frame_grows_the_buffer_to_at_most_twice_what_arrived():
    reader = FrameReader(100 * 1024 * 1024)
    feed(reader, (50 * 1024 * 1024).to_bytes(4, "big"))
    arrived = 4
    for _ in range(200):
        space = reader.writable()
        assert reader.buffer_bytes <= max(BUSY_BUFFER_BYTES, 2 * arrived)
        count = min(len(space), 50_000)
        reader.received(count)
        arrived += count
        assert reader.next_frame() is None


def test_a_large_frame_is_copied_a_bounded_number_of_times():
    reader = FrameReader(100 * 1024 * 1024)
    size = 32 * 1024 * 1024
    reader.writable()[:4] = size.to_bytes(4, "big")
    reader.received(4)
    copied = 0
    capacity = reader.buffer_bytes
    received = 4
    while reader.next_frame() is None:
        space = reader.writable()
        if reader.buffer_bytes != capacity:
            copied += reader.held_bytes
            capacity = reader.buffer_bytes
        count = min(len(space), 65_536)
        reader.received(count)
        received += count
    assert received == size + 4
    assert copied <= 2 * size


def test_a_large_buffer_goes_with_its_frame():
    reader = FrameReader(MAX_FRAME_BYTES)
    feed(reader, framed(bytes(900_000)))
    assert reader.buffer_bytes == IDLE_BUFFER_BYTES


def test_a_large_frame_stays_readable_while_more_is_received():
    reader = FrameReader(MAX_FRAME_BYTES)
    body = b"x" * 900_000
    data = framed(body)
    frame = None
    while frame is None:
        space = reader.writable()
        count = min(len(space), len(data))
        space[:count] = data[:count]
        data = data[count:]
        reader.received(count)
        frame = reader.next_frame()
    assert feed(reader, framed(b"y" * 200_000)) == [b"y" * 200_000]
    assert frame == body


def test_large_frames_back_to_back_get_a_larger_buffer_and_trim_gives_it_back():
    reader = FrameReader(MAX_FRAME_BYTES)
    data = framed(*[bytes([n]) * 65_000 for n in range(50)])
    assert feed(reader, data) == [bytes([n]) * 65_000 for n in range(50)]
    assert BUSY_BUFFER_BYTES < reader.buffer_bytes <= BURST_BUFFER_BYTES
    reader.trim()
    assert reader.buffer_bytes == IDLE_BUFFER_BYTES


def test_a_buffer_that_was_filled_grows_and_trim_gives_it_back():
    reader = FrameReader(MAX_FRAME_BYTES)
    feed(reader, framed(*[b"request"] * 1000))
    reader.writable()
    assert reader.buffer_bytes == BUSY_BUFFER_BYTES
    reader.trim()
    assert reader.buffer_bytes == IDLE_BUFFER_BYTES
    assert feed(reader, framed(b"again")) == [b"again"]


def test_trim_keeps_what_has_arrived():
    reader = FrameReader(MAX_FRAME_BYTES)
    feed(reader, framed(*[b"request"] * 1000))
    feed(reader, framed(b"half")[:6])
    reader.trim()
    assert feed(reader, framed(b"half")[6:]) == [b"half"]


def test_writable_is_never_empty():
    reader = FrameReader(MAX_FRAME_BYTES)
    data = framed(*[bytes(1000 + index) for index in range(300)])
    while data:
        space = reader.writable()
        assert space
        count = min(len(space), 777, len(data))
        space[:count] = data[:count]
        data = data[count:]
        reader.received(count)
        while reader.next_frame() is not None:
            pass
