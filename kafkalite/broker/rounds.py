"""Work of which one round serves everybody who asked before it began.

    join()   nothing under way: a round begins          join()   it may have begun too early for me: I share the next one
    end      those of the round are told; if anybody waits, the next begins

A flush covers what was appended before it, a checkpoint what had changed: however many wait, two rounds are enough.
"""

from __future__ import annotations

from collections.abc import Callable

from kafkalite.deferred import Deferred


class Rounds:
    """See the module. `begin` starts a round; it may fail, then those of the round are told so."""

    def __init__(self, begin: Callable[[], Deferred[None]]) -> None:
        self._begin = begin
        self._under_way: Deferred[None] | None = None
        self._next: Deferred[None] | None = None

    def join(self) -> Deferred[None]:
        """Resolves when a round that begins now or later is over; fails as that does."""
        if self._under_way is None:
            return self._run(Deferred())
        if self._next is None:
            self._next = Deferred()
        return self._next

    def _run(self, out: Deferred[None]) -> Deferred[None]:
        self._under_way = out
        self._begin().on_done(lambda done: self._ended(out, done))
        return out

    def _ended(self, out: Deferred[None], done: Deferred[None]) -> None:
        following, self._under_way, self._next = self._next, None, None
        if following is not None:
            self._run(following)
        done.pass_on(out)
