"""One log line for each connection that the broker closes on its client, but no flood of them.

    10 lines in 10 seconds, then silence; the first line after that says how many were left out

A client that is broken, or hostile, can be closed thousands of times a second; its log must not fill the disk.
"""

from __future__ import annotations

import logging

from kafkalite.broker.request import ConnectionInfo
from kafkalite.clock import Clock

_log = logging.getLogger(__name__)

LINES_MAX = 10
WINDOW_MS = 10_000


class CloseLog:
    """Shared by all connections of one server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._window_start_ms = -WINDOW_MS
        self._lines = 0
        self._left_out = 0

    def closing(self, connection: ConnectionInfo, reason: object) -> None:
        """We hang up on this client, because of what it sent."""
        now_ms = self._clock.monotonic_ms()
        if now_ms - self._window_start_ms >= WINDOW_MS:
            self._window_start_ms = now_ms
            self._lines = 0
        if self._lines == LINES_MAX:
            self._left_out += 1
            return
        self._lines += 1
        if self._left_out:
            _log.warning("closed %d more connections in the meantime", self._left_out)
            self._left_out = 0
        _log.warning("closing the connection from %s: %s", connection, reason)
