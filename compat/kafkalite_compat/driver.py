"""A driver process, and what it answers (DRIVERS.md has the protocol)."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from kafkalite_compat.runtimes import Command

ANSWER_WITHIN_S: Final = 60.0
LOG_TAIL_CHARACTERS: Final = 4000
READER_ENDS_WITHIN_S: Final = 2.0
"""A child of the driver's may hold its output open; then the reader is left to the process's end."""


class NotSupported(Exception):
    """The client library cannot do the step; the text says what it lacks."""


class StepFailed(Exception):
    """The client tried the step and failed.

    Attributes:
        code: Kafka's error code, or None where the client does not tell it.
        name: The error's name in Kafka's words or the client's own, or None.
        text: What the client says.
    """

    def __init__(self, op: str, code: int | None, name: str | None, text: str) -> None:
        super().__init__(f"{op}: {name or code}: {text}")
        self.op = op
        self.code = code
        self.name = name
        self.text = text


class DriverGone(Exception):
    """The driver ended, answered nothing in time, or something that is no answer."""


class Driver:
    """One driver process. Not for several threads at once.

    The process's stderr goes to `log`. `close` (or leaving the context) ends it; `kill` is kill -9.

    Attributes:
        deadline: When (time.monotonic) the scenario has to be over: no step is waited for longer.
    """

    def __init__(self, command: Command, log: Path) -> None:
        self._log = log
        self.deadline: float | None = None
        self._last_id = 0
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command.argv,
                cwd=command.cwd,
                env={**os.environ, **command.env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Driver:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def call(self, op: str, *, within_s: float = ANSWER_WITHIN_S, **fields: Any) -> dict[str, Any]:
        """Carry out one step; its result.

        Raises NotSupported, StepFailed, or DriverGone (after which the driver is of no more use).
        """
        self._last_id += 1
        request = {"id": self._last_id, "op": op, **fields}
        if self.deadline is not None:
            within_s = max(0.1, min(within_s, self.deadline - time.monotonic()))
        self._send(request)
        answer = self._receive(op, within_s)
        if (reason := answer.get("unsupported")) is not None:
            raise NotSupported(str(reason))
        if (error := answer.get("error")) is not None:
            raise StepFailed(op, error.get("code"), error.get("name"), str(error.get("text", "")))
        result = answer.get("ok")
        if not isinstance(result, dict):
            raise DriverGone(f"{op}: neither ok, error nor unsupported: {str(answer)[:500]}")
        return result

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as broken:
            raise DriverGone(self._how_it_ended(str(request["op"]))) from broken

    def _receive(self, op: str, within_s: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=within_s)
        except queue.Empty:
            self.kill()
            raise DriverGone(f"{op}: no answer within {within_s:.0f} s") from None
        if line is None:
            raise DriverGone(self._how_it_ended(op))
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or answer.get("id") != self._last_id:
            self.kill()
            raise DriverGone(f"{op}: the driver printed something else: {line[:500]!r}")
        return answer

    def _how_it_ended(self, op: str) -> str:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"{op}: the driver closed its output"
        return f"{op}: the driver ended with {code}\n{self.log_tail()}"

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                self._answers.put(line)
        self._answers.put(None)

    def log_tail(self) -> str:
        """The end of what the client library printed."""
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_CHARACTERS))
            return log.read().decode(errors="replace")

    def kill(self) -> None:
        """As `kill -9`, the driver's own children included."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, 9)
        self._process.wait()
        self._let_go()

    def close(self, within_s: float = 3) -> None:
        """Let it end by itself, or kill it after `within_s`."""
        self._close_stdin()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._let_go()

    def _let_go(self) -> None:
        self._close_stdin()
        self._reader.join(READER_ENDS_WITHIN_S)

    def _close_stdin(self) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            self._process.wait()  # it has ended already: nothing is lost
