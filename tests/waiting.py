"""Waiting for something another process does, where no clock can be advanced."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL_S = 0.02


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 30) -> None:
    """Return as soon as the condition holds.

    Raises:
        TimeoutError: `what` did not come about. The limit only bounds a hang: it is generous and
            says nothing about how long the thing should take.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        time.sleep(INTERVAL_S)
