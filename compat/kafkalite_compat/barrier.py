"""Where scenarios meet that need the broker restarted: once for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable


class RestartBarrier:
    """Several parties at once, each of which may ask for a restart; it happens when every party still inside has asked.

    `restart` is called with whether to kill: yes if any party asked for that. What it raises, every waiting party raises.
    """

    def __init__(self, parties: int, restart: Callable[[bool], None]) -> None:
        self._inside = parties
        self._restart = restart
        self._changed = threading.Condition()
        self._waiting = 0
        self._kill = False
        self._round = 0
        self._failure: Exception | None = None

    def arrive(self, kill: bool) -> None:
        """Ask for the restart, and wait until it is done."""
        with self._changed:
            asked_in = self._round
            self._waiting += 1
            self._kill |= kill
            self._restart_if_all_are_here()
            while self._round == asked_in:
                self._changed.wait()
            if self._failure is not None:
                raise self._failure

    def leave(self) -> None:
        """The party asks for nothing more."""
        with self._changed:
            self._inside -= 1
            self._restart_if_all_are_here()

    def _restart_if_all_are_here(self) -> None:
        if self._waiting == 0 or self._waiting < self._inside:
            return
        try:
            self._restart(self._kill)
        except Exception as failure:
            self._failure = failure
        self._waiting, self._kill = 0, False
        self._round += 1
        self._changed.notify_all()
