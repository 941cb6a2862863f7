"""A non-blocking socket that sends buffers and file slices: `sendmsg` for the one, `os.sendfile` for the other.

Nothing here waits. `send` moves what the kernel takes and says what stands in the way of the rest.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Iterable
from enum import Enum

from kafkalite.broker.request import Part
from kafkalite.storage.file_slice import FileSlice, is_cached

_SENDMSG_BUFFERS_MAX = 64
"""Buffers handed to one sendmsg; the kernel's limit (IOV_MAX) is 1024."""

_SENDFILE_BYTES_MAX = 4 * 1024 * 1024
"""Most bytes of one sendfile call, so that a fast reader of a large slice does not hold the loop."""

_COLD_BYTES_MAX = 1024 * 1024
"""Most bytes that one call in a worker thread brings in from disk."""


class ConnectionLost(Exception):
    """The peer is gone: end of stream or a reset."""


class SendState(Enum):
    """What `Transport.send` came to."""

    DONE = "done"
    """Everything is with the kernel."""
    BLOCKED = "blocked"
    """The socket's buffer is full: go on when it is writable."""
    COLD = "cold"
    """The next slice is not in the page cache: a worker thread must send it (`send_cold`)."""


class Transport:
    """Owns one accepted socket and what is still to be sent on it."""

    __slots__ = ("_cold_checked", "_outgoing", "_socket", "fileno")

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self.fileno = sock.fileno()
        self._outgoing: deque[Part] = deque()
        self._cold_checked = False

    @property
    def socket(self) -> socket.socket:
        return self._socket

    def receive_into(self, buffer: memoryview) -> int:
        """Bytes received, 0 when there are none now. Raises ConnectionLost at the end of the stream."""
        try:
            count = self._socket.recv_into(buffer)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ConnectionLost(str(error)) from error
        if count == 0:
            raise ConnectionLost("end of stream")
        return count

    def queue(self, parts: Iterable[Part]) -> None:
        self._outgoing.extend(parts)

    @property
    def has_outgoing(self) -> bool:
        return bool(self._outgoing)

    def send_now(self, data: bytearray) -> None:
        """Send one buffer at once; what the kernel does not take is queued. Only with nothing queued before it."""
        assert not self._outgoing, "answers leave in order"
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise ConnectionLost(str(error)) from error
        if sent < len(data):
            self._outgoing.append(memoryview(data)[sent:])

    def send(self) -> SendState:
        """Send what is queued until it is gone, the socket is full, or a slice is cold. Raises ConnectionLost."""
        outgoing = self._outgoing
        try:
            while outgoing:
                if isinstance(outgoing[0], FileSlice):
                    if not self._cold_checked and not _is_hot(outgoing[0]):
                        return SendState.COLD
                    self._cold_checked = True
                    self._send_slice(outgoing[0], _SENDFILE_BYTES_MAX)
                else:
                    self._send_buffers()
        except BlockingIOError:
            return SendState.BLOCKED
        except OSError as error:
            raise ConnectionLost(str(error)) from error
        return SendState.DONE

    def send_cold(self) -> None:
        """Send a piece of the first slice, waiting for the disk. For a worker thread, while the loop leaves this transport alone."""
        first = self._outgoing[0]
        assert isinstance(first, FileSlice), "only file slices are cold"
        try:
            os.posix_fadvise(
                first.fileno(),
                first.position,
                min(len(first), _COLD_BYTES_MAX * 4),
                os.POSIX_FADV_WILLNEED,
            )
            self._send_slice(first, _COLD_BYTES_MAX)
        except BlockingIOError:
            # The socket is full: the pages are on their way in, and the loop waits for the peer.
            self._cold_checked = True
        except OSError as error:
            raise ConnectionLost(str(error)) from error

    def close(self) -> None:
        self._outgoing.clear()
        self._socket.close()

    def _send_buffers(self) -> None:
        buffers: list[bytes | bytearray | memoryview] = []
        for part in self._outgoing:
            if isinstance(part, FileSlice) or len(buffers) == _SENDMSG_BUFFERS_MAX:
                break
            buffers.append(part)
        more_follows = len(buffers) < len(self._outgoing)
        flags = socket.MSG_MORE if more_follows and hasattr(socket, "MSG_MORE") else 0
        self._drop_sent(self._socket.sendmsg(buffers, (), flags))

    def _drop_sent(self, sent: int) -> None:
        outgoing = self._outgoing
        while sent:
            first = outgoing[0]
            assert not isinstance(first, FileSlice), "sendmsg was given buffers"
            size = len(first)
            if sent < size:
                outgoing[0] = memoryview(first)[sent:]
                return
            outgoing.popleft()
            sent -= size
        while outgoing and not isinstance(outgoing[0], FileSlice) and len(outgoing[0]) == 0:
            outgoing.popleft()

    def _send_slice(self, piece: FileSlice, max_bytes: int) -> None:
        sent = os.sendfile(self.fileno, piece.fileno(), piece.position, min(len(piece), max_bytes))
        if sent == 0:
            raise ConnectionLost("the file ends before the slice does")
        if sent < len(piece):
            self._outgoing[0] = piece.slice(sent, len(piece) - sent)
        else:
            self._outgoing.popleft()
            self._cold_checked = False


def _is_hot(piece: FileSlice) -> bool:
    """Whether a slice is in the page cache, judged by its two ends: data is read in and written in runs."""
    descriptor = piece.fileno()
    return is_cached(descriptor, piece.position) and is_cached(
        descriptor, piece.position + len(piece) - 1
    )
