"""Frames: on a connection every request and every response is an int32 size, then that many bytes.

    | size int32 | body ......... | size int32 | body ... |
                 ^ what next_frame() gives

`FrameReader` is the receive buffer of one connection. It never sees a socket:

    reader.received(sock.recv_into(reader.writable()))
    while (frame := reader.next_frame()) is not None:
        handle(frame)

The bytes lie in one bytearray of fixed size:

    | taken | held: frames not taken yet, the last one perhaps not whole | free |
            ^ _start                                                     ^ _end

Frames are views of it, and a bytearray with views on it can't be resized: to grow is to copy what is held into
another bytearray. The old one lives as long as views of it do.

How much memory: 4 KiB for a connection that says little, 128 KiB once it filled those, then up to 512 KiB as long as it
fills what it has. A frame longer than that grows its buffer by doubling, each time when the buffer is full, up to the size
of the frame. So an announced size allocates nothing, a byte is copied about once on average, and after a large frame the
buffer is let go with it.
"""

from __future__ import annotations

from struct import Struct

from kafkalite_protocol.errors import ProtocolError

_SIZE = Struct(">i")
_SIZE_BYTES = _SIZE.size

FRAME_BYTES_MAX = 100 * 1024 * 1024
"""Kafka's default of `socket.request.max.bytes`."""
IDLE_BUFFER_BYTES = 4 * 1024
"""Thousands of connections may be idle; most requests fit."""
BUSY_BUFFER_BYTES = 128 * 1024
"""Two batches of the usual largest size; small enough to stay in the processor's cache."""
BURST_BUFFER_BYTES = 512 * 1024
"""For a connection that fills that as well: five batches of 64 KiB in one receive, and one send for their answers."""
_GROWTH = 2
_FREE_BYTES_MIN = 512
"""With less room than that for what comes next, what is held is moved to the front."""


class FrameReader:
    """A receive buffer that gives whole frames. Raises ProtocolError for sizes that are not in 1..max_frame_bytes."""

    __slots__ = ("_buffer", "_end", "_max_frame_bytes", "_start", "_view", "_was_filled")

    def __init__(self, max_frame_bytes: int) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._buffer = bytearray(IDLE_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._was_filled = False

    @property
    def held_bytes(self) -> int:
        """Received and not yet taken."""
        return self._end - self._start

    @property
    def buffer_bytes(self) -> int:
        """What this reader costs."""
        return len(self._buffer)

    def writable(self) -> memoryview:
        """Where recv_into may put bytes; never empty. Ends the life of frames taken before.

        All whole frames must have been taken: what is held then is at most the beginning of one.
        """
        if self._was_filled and len(self._buffer) < BURST_BUFFER_BYTES:
            self._replace_buffer(max(BUSY_BUFFER_BYTES, len(self._buffer) * _GROWTH))
        elif self._start == self._end:
            self._start = self._end = 0
        else:
            self._make_room()
        return self._view[self._end :]

    def received(self, count: int) -> None:
        """`count` bytes were put into what `writable` gave last."""
        self._end += count
        assert self._end <= len(self._buffer), "more bytes than there was room for"
        self._was_filled = self._end == len(self._buffer)

    def next_frame(self) -> memoryview | None:
        """The body of the next whole frame, without its size: writable, not copied, valid until `writable` is called.

        None: more bytes are needed.
        """
        start = self._start
        if self._end - start < _SIZE_BYTES:
            return None
        (size,) = _SIZE.unpack_from(self._buffer, start)
        if not 0 < size <= self._max_frame_bytes:
            raise ProtocolError(f"a frame of {size} bytes, of {self._max_frame_bytes} allowed")
        start += _SIZE_BYTES
        end: int = start + size
        if end > self._end:
            return None
        frame = self._view[start:end]
        self._start = end
        if end == self._end and len(self._buffer) > BURST_BUFFER_BYTES:
            self._replace_buffer(IDLE_BUFFER_BYTES)
        return frame

    def trim(self) -> None:
        """Go back to the smallest buffer, for a connection that has been idle. Does nothing while bytes are held."""
        if self._start == self._end and len(self._buffer) > IDLE_BUFFER_BYTES:
            self._replace_buffer(IDLE_BUFFER_BYTES)

    def _make_room(self) -> None:
        """For the rest of the frame that has begun, or of as much of it as the buffer may hold by now."""
        capacity = len(self._buffer)
        frame_bytes = self._begun_frame_bytes()
        if self._start + frame_bytes <= capacity and capacity - self._end >= _FREE_BYTES_MIN:
            return
        held = self._end - self._start
        assert held < frame_bytes, "whole frames are taken before more is received"
        if self._start > 0:
            self._view[:held] = self._view[self._start : self._end]
            self._start, self._end = 0, held
        elif held == capacity:
            self._replace_buffer(min(frame_bytes, capacity * _GROWTH))

    def _begun_frame_bytes(self) -> int:
        """Size field and body; of a size field that is not whole yet, only that."""
        if self._end - self._start < _SIZE_BYTES:
            return _SIZE_BYTES
        return _SIZE_BYTES + int(_SIZE.unpack_from(self._buffer, self._start)[0])

    def _replace_buffer(self, size_bytes: int) -> None:
        held = self._view[self._start : self._end]
        self._buffer = bytearray(size_bytes)
        self._view = memoryview(self._buffer)
        self._view[: len(held)] = held
        self._start, self._end = 0, len(held)
