"""kcat's processes: those that are run to their end, and those that read in the background."""

from __future__ import annotations

import ctypes
import json
import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from .serving import Failed, Unsupported, known_settings

WITHIN_S: Final = 45.0
LEAVES_WITHIN_S: Final = 10.0
PR_SET_PDEATHSIG: Final = 1

ERRORS: Final = {
    "Offset out of range": (1, "OFFSET_OUT_OF_RANGE"),
    "Unknown topic or partition": (3, "UNKNOWN_TOPIC_OR_PARTITION"),
    "Leader not available": (5, "LEADER_NOT_AVAILABLE"),
    "Message size too large": (10, "MESSAGE_TOO_LARGE"),
    "Invalid topic": (17, "INVALID_TOPIC_EXCEPTION"),
    "Broker failed to validate record": (87, "INVALID_RECORD"),
}
"""kcat tells an error of the broker in librdkafka's words, of which each stands for one code."""

VERSION: Final = re.compile(r"Version (\S+)")
LIBRARY: Final = re.compile(r"librdkafka (\S+)")
NO_COMMON_VERSION: Final = "Required feature not supported by broker"
REFUSED: Final = re.compile(
    r"No such configuration property|Invalid value .* for config|Failed to create (consumer|producer)"
)


class Kcat:
    """The program, and the broker's address.

    Args:
        command: What it is started with.

    Attributes:
        version: Its own, e.g. "1.7.1".
        library: That of its librdkafka.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self.bootstrap = ""
        done = subprocess.run([*self._command, "-V"], capture_output=True, text=True, check=True)
        own, library = VERSION.search(done.stdout), LIBRARY.search(done.stdout)
        assert own is not None
        assert library is not None
        self.version, self.library = own[1], library[1]

    @property
    def takes_words(self) -> bool:
        """Whether a delimiter may be of several bytes: since 1.7."""
        return not self.version.startswith("1.6")

    def argv(self, arguments: Sequence[str], settings: dict[str, Any]) -> list[str]:
        return [*self._command, "-b", self.bootstrap, *arguments, *_as_options(settings)]

    def check(self, settings: dict[str, Any]) -> None:
        """Raises Unsupported if librdkafka does not know one of the settings."""
        dump = subprocess.run(
            self.argv(["-X", "dump"], settings), capture_output=True, text=True, check=False
        )
        if dump.returncode:
            raise Unsupported(f"librdkafka refuses a setting: {_last_line(dump.stderr)}")

    def run(self, arguments: Sequence[str], settings: dict[str, Any], given: bytes = b"") -> bytes:
        """Run it to its end with `given` on its stdin; its output. Raises Failed with what it complains of."""
        done = subprocess.run(
            self.argv(arguments, settings),
            input=given,
            capture_output=True,
            timeout=WITHIN_S,
            check=False,
            preexec_fn=_die_with_driver,
        )
        complaint = done.stderr.decode(errors="replace")
        if done.returncode:
            raise self.failed(complaint)
        return done.stdout

    def reader(
        self,
        arguments: Sequence[str],
        settings: dict[str, Any],
        told: Callable[[str], None],
    ) -> Reader:
        """Start one that reads until it is stopped. `told` gets each line of its stderr, in another thread."""
        argv = self.argv(["-J", "-u", *arguments], settings)
        return Reader(argv, told, self.failed)

    def failed(self, complaint: str) -> Failed:
        """What it complained of, with Kafka's code if the words are those of an error that is known here.

        Raises Unsupported if it is the library that cannot.
        """
        text = _last_line(complaint)
        if REFUSED.search(text):
            raise Unsupported(f"librdkafka refuses its settings: {text}")
        if NO_COMMON_VERSION in text and self.library.startswith("1."):
            raise Unsupported(f"librdkafka {self.library} is too old for this broker: {text}")
        for words, (code, name) in ERRORS.items():
            if f"Broker: {words}" in text:
                return Failed(text, code, name)
        return Failed(text)


class Reader:
    """A kcat that writes one JSON object per record, gathered here until they are asked for."""

    def __init__(
        self,
        argv: Sequence[str],
        told: Callable[[str], None],
        failed: Callable[[str], Failed],
    ) -> None:
        self._records: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._complaints: list[str] = []
        self._told = told
        self._failed = failed
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_die_with_driver,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        threading.Thread(target=self._gather, daemon=True).start()

    def _gather(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # Keys and values are any bytes within the JSON: what is not UTF-8 becomes surrogates, and bytes again.
            self._records.put(json.loads(line.decode(errors="surrogateescape")))
        self._listener.join()
        self._records.put(None)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._complaints.append(text)
            self._told(text)

    def take(self, timeout_s: float) -> dict[str, Any] | None:
        """The next record, or None if there is none in time. Raises Failed if kcat has ended."""
        try:
            record = self._records.get(timeout=timeout_s) if timeout_s > 0 else self._now()
        except queue.Empty:
            return None
        if record is None:
            self._records.put(None)
            raise self._failed("\n".join(self._complaints))
        return record

    def _now(self) -> dict[str, Any] | None:
        return self._records.get_nowait()

    def stop(self) -> None:
        """As by Ctrl-C: it leaves its group."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(LEAVES_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise Failed(f"kcat did not end within {LEAVES_WITHIN_S:.0f} s") from None


def _last_line(text: str) -> str:
    """Of the lines that are complaints the last one, else the last of all."""
    lines = [line.removeprefix("% ") for line in text.strip().splitlines()]
    complaints = [line for line in lines if re.search("error|fail", line, re.IGNORECASE)]
    return (complaints or lines or ["kcat ended without a word"])[-1]


def _as_options(settings: dict[str, Any]) -> list[str]:
    known = known_settings(settings).items()
    return [part for name, value in known for part in ("-X", f"{name}={_as_text(value)}")]


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _die_with_driver() -> None:
    """Linux kills the process when the driver ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def command_of(environment: str) -> list[str]:
    """The command that the runtime has put in KCAT_COMMAND, as JSON."""
    command = json.loads(os.environ[environment])
    return [str(part) for part in command]
