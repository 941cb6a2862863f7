"""The two things that need a task: the timer queue, and work that blocks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio
import anyio.abc
import anyio.to_thread

from kafkalite.clock import Clock
from kafkalite.deferred import Deferred
from kafkalite.timer import TimerQueue

_log = logging.getLogger(__name__)

T = TypeVar("T")


class TimerRunner:
    """Sleeps until the queue's first deadline, runs what is due, and again."""

    def __init__(self, timers: TimerQueue, clock: Clock) -> None:
        self._timers = timers
        self._clock = clock
        self._earlier = anyio.Event()
        timers.on_earlier = self._on_earlier

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._timers.run_due()
            deadline_ms = self._timers.next_deadline_ms()
            self._earlier = anyio.Event()
            if deadline_ms is None:
                await self._earlier.wait()
                continue
            # One millisecond more: deadlines are whole milliseconds, and waking early would spin.
            delay_s = (deadline_ms - self._clock.monotonic_ms() + 1) / 1000
            with anyio.move_on_after(delay_s):
                await self._earlier.wait()

    def _on_earlier(self) -> None:
        self._earlier.set()


class TaskBlocking:
    """Runs functions in worker threads; their results come back on the loop."""

    def __init__(self) -> None:
        self._tasks: anyio.abc.TaskGroup | None = None

    def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """From now on work may be submitted; it runs under `tasks`."""
        self._tasks = tasks

    def submit(self, function: Callable[[], T]) -> Deferred[T]:
        """Start `function` in a worker thread. Call from the loop; the Deferred resolves on the loop."""
        assert self._tasks is not None, "started before anything is submitted"
        out: Deferred[T] = Deferred()
        self._tasks.start_soon(self._run, function, out)
        return out

    async def _run(self, function: Callable[[], T], out: Deferred[T]) -> None:
        try:
            value = await anyio.to_thread.run_sync(function)
        except Exception as error:
            settle: Callable[[], None] = partial(out.fail, error)
        else:
            settle = partial(out.resolve, value)
        try:
            settle()
        except Exception:
            # A mistake of whoever waited for it. Let out of here it would end the broker for everybody.
            _log.exception("what follows %r failed", function)
