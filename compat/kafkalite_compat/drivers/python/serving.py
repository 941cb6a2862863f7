"""What every Python driver has in common: requests from stdin, answers to stdout, and what a step is.

    {"id": 7, "op": "begin", "producer": "p1"}   ->   {"id": 7, "ok": {}}

A driver is a list of *parts*, objects whose methods marked with `op` are its steps. A step's
keyword arguments are the fields it knows: a field that it does not know is refused as
unsupported, a field that is null is left out, so that the argument's default holds.
"""

from __future__ import annotations

import base64
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any, Final

Step = Callable[..., Any]
Answer = dict[str, Any]
Table = dict[str, Any]

NOT_OUR_STEPS: Final = dict.fromkeys(
    ("start_streams", "stop_streams", "start_connect", "stop_connect"),
    "this client is a plain client library: Kafka Streams and Kafka Connect are applications",
)


class Unsupported(Exception):
    """The library, in this version, cannot do the step or does not know an option."""


class Failed(Exception):
    """The step was tried and failed.

    Attributes:
        code: Kafka's error code, or None where the library does not tell it.
        name: The error's name in Kafka's words or the library's own, or None.
    """

    def __init__(self, text: str, code: int | None = None, name: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.name = name

    def as_json(self) -> Table:
        return {"code": self.code, "name": self.name, "text": str(self)}


Explain = Callable[[Exception], Failed | None]


def op(step: Step) -> Step:
    """Marks a method as the step of its name."""
    step.is_op = True  # type: ignore[attr-defined]
    return step


def serve(
    parts: Sequence[object],
    explain: Explain,
    missing: Mapping[str, str],
    finish: Callable[[Any], Any] = lambda result: result,
) -> None:
    """Answer every line of stdin, then end the process at once.

    Args:
        explain: Turns an exception of the library into what the suite is told, or None if it knows
            no more than the exception's name and text.
        missing: Steps that the library cannot do, each with what it lacks.
        finish: What makes a result of what a step gives, where that is a coroutine.
    """
    answers = _take_stdout()
    steps = {name: step for part in parts for name, step in _steps_of(part)}
    reasons = {**NOT_OUR_STEPS, **missing}
    for line in sys.stdin.buffer:
        given = json.loads(line)
        number, name = given.pop("id"), given.pop("op")
        try:
            result = finish(_call(steps, reasons, name, given))
            answer: Answer = {"ok": result or {}}
        except Unsupported as reason:
            answer = {"unsupported": str(reason)}
        except Exception as problem:
            traceback.print_exc()
            answer = {"error": told(problem, explain).as_json()}
        answers.write(json.dumps({"id": number, **answer}) + "\n")
        answers.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of the library and unclosed clients hold nothing up


def _take_stdout() -> IO[str]:
    """The real stdout; what anybody else prints goes to stderr from now on."""
    real = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return real


def _steps_of(part: object) -> Iterable[tuple[str, Step]]:
    for name, function in inspect.getmembers(type(part), inspect.isfunction):
        if hasattr(function, "is_op"):
            yield name, getattr(part, name)


def _call(steps: Mapping[str, Step], missing: Mapping[str, str], name: str, given: Table) -> Any:
    if name in missing:
        raise Unsupported(missing[name])
    if name not in steps:
        raise Unsupported(f"the driver knows no step {name}")
    return steps[name](**_arguments(name, steps[name], given))


def told(problem: Exception, explain: Explain) -> Failed:
    """What the suite is told about an exception."""
    if isinstance(problem, Failed):
        return problem
    return explain(problem) or Failed(str(problem), name=type(problem).__name__)


def _arguments(name: str, step: Step, given: Table) -> Table:
    present = {field: value for field, value in given.items() if value is not None}
    parameters = inspect.signature(step).parameters
    refuse_others(name, present, parameters)
    lacking = [
        field
        for field, parameter in parameters.items()
        if parameter.default is parameter.empty and field not in present
    ]
    if lacking:
        raise Failed(f"{name} needs {', '.join(lacking)}")
    return present


def refuse_others(name: str, given: Table, known: Iterable[str]) -> None:
    """Raises Unsupported if `given` has a field with a value that is not among the known ones."""
    others = {field for field, value in given.items() if value is not None} - set(known)
    if others:
        raise Unsupported(f"{name}: the driver knows no field {', '.join(sorted(others))}")


def to_bytes(text: str | None) -> bytes | None:
    """Bytes as the suite sends them: base64, or None."""
    return None if text is None else base64.b64decode(text)


def to_text(data: bytes | None) -> str | None:
    """Bytes as the suite wants them: base64, or None."""
    return None if data is None else base64.b64encode(bytes(data)).decode()


def or_none(number: int | None) -> int | None:
    """An offset, time or generation; None where the library says "none" by a negative number."""
    return number if number is not None and number >= 0 else None


def known_settings(settings: Mapping[str, Any]) -> Table:
    """The settings that were given: those that are not None."""
    return {name: value for name, value in settings.items() if value is not None}


class Handles:
    """The producers and consumers of this process, by the suite's names."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._open: dict[str, Any] = {}

    def add(self, name: str, one: Any) -> None:
        self._open[name] = one

    def get(self, name: str) -> Any:
        if name not in self._open:
            raise Failed(f"there is no open {self._kind} {name}")
        return self._open[name]

    def take(self, name: str) -> Any:
        """As `get`; it is no longer known afterwards."""
        one = self.get(name)
        del self._open[name]
        return one
