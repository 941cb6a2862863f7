"""Time as an argument: everything that asks for the time asks a `Clock`."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one that people read, one that only goes forward."""

    def now_ms(self) -> int:
        """Wall-clock milliseconds since 1970; goes into records and files."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds that never go back; measures timeouts and deadlines."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class ManualClock:
    """A clock that stands still until `advance` is called. For tests and simulations."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_ms = 0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    def advance(self, delta_ms: int) -> None:
        assert delta_ms >= 0, "time goes forward"
        self._now_ms += delta_ms
        self._monotonic_ms += delta_ms
