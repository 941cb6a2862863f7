"""What a scenario says of what it saw: expectations with messages for people, waiting with an end, error codes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite_compat.driver import NotSupported, StepFailed

T = TypeVar("T")

PAUSE_S: Final = 0.05
_SHOWN_CHARACTERS: Final = 200
_SAYS_NOTHING: Final = ("", "kafka")  # as "KafkaException" does


def expect(what: str, got: Any, wanted: Any) -> None:
    """Raises AssertionError "what: expected wanted, got got" unless they are equal."""
    assert got == wanted, f"{what}: expected {shown(wanted)}, got {shown(got)}"


def expect_told(what: str, got: Any, wanted: Any) -> None:
    """As `expect`, for what a library may leave out (None)."""
    if got is not None:
        expect(what, got, wanted)


def shown(value: Any) -> str:
    """A value for a message, cut where it gets long."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def eventually(what: str, until: Callable[[], T | None], within_s: float = 20) -> T:
    """Ask again until the answer is true; that answer. Raises AssertionError with the last one after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        answer = until()
        if answer:
            return answer
        assert time.monotonic() < deadline, (
            f"{what}: not within {within_s:.0f} s, last {shown(answer)}"
        )
        time.sleep(PAUSE_S)


def fails_with(
    step: Callable[[], object], *wanted: ErrorCode, also_named: str | None = None
) -> StepFailed:
    """Carry out a step that must fail with one of Kafka's errors. See `is_error`."""
    names = " or ".join(code.name for code in wanted)
    try:
        answer = step()
    except StepFailed as failure:
        is_error(failure, *wanted, also_named=also_named)
        return failure
    raise AssertionError(f"expected {names}, but the step went well: {shown(answer)}")


def is_error(failure: StepFailed, *wanted: ErrorCode, also_named: str | None = None) -> None:
    """The failure is one of Kafka's errors: by its code, or, where the client tells none, by its name, or by its text.

    `also_named` is a name that a client has of its own for the same thing.
    Raises NotSupported if the client tells none of them, AssertionError if it is another.
    """
    names = " or ".join(f"{code.name} ({code.value})" for code in wanted)
    if failure.code is not None:
        assert failure.code in wanted, f"expected {names}, got {_told(failure)}"
        return
    known = [_letters(name) for name in (*(code.name for code in wanted), also_named) if name]
    told = _letters(failure.name or "")
    if told in _SAYS_NOTHING:
        text = _letters(failure.text)
        if not any(name in text for name in known):
            raise NotSupported(f"the client does not tell which error it is: {failure.text}")
    else:
        same = any(name in told or told in name for name in known)
        assert same, f"expected {names}, got {_told(failure)}"


def _told(failure: StepFailed) -> str:
    return f"{failure.name or 'error'} ({failure.code}): {shown(failure.text)}"


def _letters(name: str) -> str:
    """ "TopicAlreadyExistsError" and "TOPIC_ALREADY_EXISTS" are the same name."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return re.sub(r"(error|exception)$", "", plain) or plain
