"""Answers to requests whose entries fail one by one: also when the control plane refuses all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError

T = TypeVar("T")
R = TypeVar("R")


def answer_either(
    outcome: Deferred[T], answer: Callable[[T], R], refuse: Callable[[KafkaError], R]
) -> Deferred[R]:
    """A Deferred of `answer(value)`, or of `refuse(error)` when `outcome` fails with a `KafkaError`."""
    out: Deferred[R] = Deferred()

    def run(source: Deferred[T]) -> None:
        try:
            value = source.result()
        except KafkaError as error:
            out.resolve(refuse(error))
        except Exception as error:
            out.fail(error)
        else:
            out.resolve(answer(value))

    outcome.on_done(run)
    return out


def message_of(error: KafkaError | None) -> str | None:
    """The words for the client's user: the error's own, or else what its code says. None for no error."""
    return None if error is None else error.message or error.code.message
