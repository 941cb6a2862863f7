"""Work that would hold up the event loop: a port, so that the broker knows no threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from kafkalite.deferred import Deferred

T = TypeVar("T")


class Blocking(Protocol):
    """Runs functions elsewhere."""

    def submit(self, function: Callable[[], T]) -> Deferred[T]:
        """Start `function` in a worker thread; the Deferred resolves, or fails with what it raised, on the loop."""
        ...


class RunInline:
    """Runs everything at once on the calling thread: while starting, when there is no loop yet, and in tests."""

    def submit(self, function: Callable[[], T]) -> Deferred[T]:
        out: Deferred[T] = Deferred()
        try:
            value = function()
        except Exception as error:
            out.fail(error)
        else:
            out.resolve(value)
        return out
