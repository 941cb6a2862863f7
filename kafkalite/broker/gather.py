"""Several Deferreds as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from kafkalite.deferred import Deferred

T = TypeVar("T")


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
