"""Sends frames over many connections at once and looks only at whether anything comes back."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator

PATIENCE_S = 0.2
"""How long to wait for an answer before the connection is given up: many frames deserve none."""


class Flood:
    """A number of connections that each send a frame when the one before was answered.

    Attributes:
        outcomes: How many frames were `answered`, got the connection `closed`, or found `silence`.
    """

    def __init__(self, address: tuple[str, int], connections: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._address = address
        self._selector = selectors.DefaultSelector()
        self._connections = connections

    def send(self, frames: Iterable[bytes]) -> None:
        """Return when all frames are sent and each was answered or given up."""
        left = iter(frames)
        for _ in range(self._connections):
            self._open(left)
        while self._selector.get_map():
            for key, _ in self._selector.select(PATIENCE_S / 4):
                self._receive(key.fileobj, left)  # type: ignore[arg-type]
            self._give_up_on_the_silent(left)

    def _open(self, left: Iterator[bytes]) -> None:
        frame = next(left, None)
        if frame is None:
            return
        connection = socket.create_connection(self._address, timeout=10)
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ)
        self._send(connection, frame)

    def _send(self, connection: socket.socket, frame: bytes) -> None:
        with contextlib.suppress(OSError):  # it was closed; reading will tell
            connection.send(frame)
        self._selector.modify(connection, selectors.EVENT_READ, time.monotonic() + PATIENCE_S)

    def _receive(self, connection: socket.socket, left: Iterator[bytes]) -> None:
        try:
            answered = bool(connection.recv(1 << 20))
        except OSError:
            answered = False
        self.outcomes["answered" if answered else "closed"] += 1
        frame = next(left, None) if answered else None
        if frame is None:
            self._close(connection)
            self._open(left)
        else:
            self._send(connection, frame)

    def _give_up_on_the_silent(self, left: Iterator[bytes]) -> None:
        now = time.monotonic()
        for key in list(self._selector.get_map().values()):
            if key.data < now:
                self.outcomes["silence"] += 1
                self._close(key.fileobj)  # type: ignore[arg-type]
                self._open(left)

    def _close(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()
