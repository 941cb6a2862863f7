"""Deadlines: one queue of them for the whole broker, run by one task or, in tests, by hand.

    timer.schedule(500, fetch.on_deadline) -> handle        handle.cancel()

A cancelled entry stays in the heap until its time comes or more than half of the heap is cancelled; either way the
heap's size stays within twice the number of live entries.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Protocol

from kafkalite.clock import Clock

_SWEEP_MIN_ENTRIES = 64
"""Below this many entries a sweep costs more than the memory it gives back."""


class TimerHandle:
    """One scheduled call. `cancel` is idempotent and harmless after the call has run."""

    __slots__ = ("_queue", "callback", "deadline_ms")

    def __init__(self, queue: TimerQueue, deadline_ms: int, callback: Callable[[], None]) -> None:
        self._queue = queue
        self.deadline_ms = deadline_ms
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            self._queue.note_cancelled()


class Timer(Protocol):
    """The port that the coordinators and the purgatory see."""

    def schedule(self, delay_ms: int, callback: Callable[[], None]) -> TimerHandle: ...


class TimerQueue:
    """A heap of deadlines on the monotonic clock.

    `run_due` calls what is due; `next_deadline_ms` says when to come back; `on_earlier` is called when a new entry
    becomes the first, so that a sleeping runner can be woken.
    """

    def __init__(self, clock: Clock, on_earlier: Callable[[], None] | None = None) -> None:
        self._clock = clock
        self._heap: list[tuple[int, int, TimerHandle]] = []
        self._order = count()
        self._cancelled = 0
        self.on_earlier = on_earlier

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def schedule(self, delay_ms: int, callback: Callable[[], None]) -> TimerHandle:
        """Call `callback` in `delay_ms` milliseconds, never before `run_due` is called again."""
        handle = TimerHandle(self, self._clock.monotonic_ms() + max(0, delay_ms), callback)
        first = not self._heap or handle.deadline_ms < self._heap[0][0]
        heapq.heappush(self._heap, (handle.deadline_ms, next(self._order), handle))
        if first and self.on_earlier is not None:
            self.on_earlier()
        return handle

    def next_deadline_ms(self) -> int | None:
        """Monotonic time of the next live entry, None when there is none."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def run_due(self) -> int:
        """Run every call whose deadline has passed, in order; returns how many."""
        now_ms = self._clock.monotonic_ms()
        ran = 0
        while (deadline_ms := self.next_deadline_ms()) is not None and deadline_ms <= now_ms:
            handle = heapq.heappop(self._heap)[2]
            callback, handle.callback = handle.callback, None
            assert callback is not None, "next_deadline_ms leaves a live entry first"
            callback()
            ran += 1
        return ran

    def note_cancelled(self) -> None:
        """A handle tells that it was cancelled."""
        self._cancelled += 1
        if len(self._heap) > _SWEEP_MIN_ENTRIES and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0
