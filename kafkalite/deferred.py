"""A value that is known later: what a handler returns when it has to wait.

Handlers are plain functions. One that can answer at once returns the answer; one that must wait for bytes, members or a
deadline returns a `Deferred` and somebody else resolves it. So the common case costs no coroutine, and whoever
resolves (an append, a timer, another request) does not know about tasks or event loops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
U = TypeVar("U")


class Deferred(Generic[T]):
    """Resolved or failed exactly once; callbacks run synchronously, in the order they were added."""

    __slots__ = ("_callbacks", "_done", "_error", "_value")

    def __init__(self) -> None:
        self._done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Deferred[T]], Any]] = []

    @property
    def done(self) -> bool:
        return self._done

    def resolve(self, value: T) -> None:
        assert not self._done, "a Deferred is resolved once"
        self._value = value
        self._finish()

    def fail(self, error: BaseException) -> None:
        """Make `result()` raise `error`."""
        assert not self._done, "a Deferred is resolved once"
        self._error = error
        self._finish()

    def result(self) -> T:
        """The value; raises what `fail` was given. Only once `done`."""
        assert self._done, "the value is not known yet"
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    def on_done(self, callback: Callable[[Deferred[T]], Any]) -> None:
        """Call `callback(self)` when done; at once if that has happened."""
        if self._done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def then(self, function: Callable[[T], U]) -> Deferred[U]:
        """A Deferred of `function(value)`; a failure, here or in `function`, is passed on."""
        out: Deferred[U] = Deferred()

        def run(source: Deferred[T]) -> None:
            try:
                value = function(source.result())
            except Exception as error:
                out.fail(error)
            else:
                out.resolve(value)

        self.on_done(run)
        return out

    def pass_on(self, out: Deferred[T]) -> None:
        """Make `out` end as this one does."""

        def run(source: Deferred[T]) -> None:
            try:
                value = source.result()
            except Exception as error:
                out.fail(error)
            else:
                out.resolve(value)

        self.on_done(run)

    def _finish(self) -> None:
        self._done = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)


def resolved(value: T) -> Deferred[T]:
    """A Deferred whose value is known already."""
    out: Deferred[T] = Deferred()
    out.resolve(value)
    return out


def failed(error: BaseException) -> Deferred[Any]:
    """A Deferred that has failed already."""
    out: Deferred[Any] = Deferred()
    out.fail(error)
    return out


def chain(first: Deferred[T], then: Callable[[T], Deferred[U]]) -> Deferred[U]:
    """What the Deferred that `then` makes of the value of `first` comes to; a failure of either is passed on."""
    out: Deferred[U] = Deferred()

    def run(source: Deferred[T]) -> None:
        try:
            following = then(source.result())
        except Exception as error:
            out.fail(error)
        else:
            following.pass_on(out)

    first.on_done(run)
    return out


def gather(parts: Sequence[Deferred[T]]) -> Deferred[list[T]]:
    """The values of `parts`, in their order, once all are known. Fails with the first failure in that order."""
    out: Deferred[list[T]] = Deferred()
    missing = sum(1 for part in parts if not part.done)

    def finish() -> None:
        try:
            values = [part.result() for part in parts]
        except Exception as error:
            out.fail(error)
        else:
            out.resolve(values)

    def one_more(_: Deferred[T]) -> None:
        nonlocal missing
        missing -= 1
        if missing == 0:
            finish()

    if missing == 0:
        finish()
    else:
        for part in [part for part in parts if not part.done]:
            part.on_done(one_more)
    return out
