"""A broker as a child process: start, wait until it answers, end it gently or not, start it again.

What tests a broker from outside (clients, Java tools, faults) goes through here and knows nothing
of it but its address. Two variables let the same tests run on another broker:

KAFKALITE_TEST_BOOTSTRAP
    Address of a running broker. Tests that must end the broker themselves do not use it.
KAFKALITE_TEST_COMMAND
    What to run in place of `python -m kafkalite`; it takes `serve --port N --data DIR --set k=v`.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kafkalite_compat.brokers.ports import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REPOSITORY = Path(__file__).resolve().parent.parent

DEFAULT_SETTINGS = {"group.initial.rebalance.delay.ms": "0"}
"""Kafka's default holds every first join for 3 s, which would be most of the time of a test."""

API_VERSIONS_V0 = struct.pack(">ihhih", 10, 18, 0, 7, -1)
"""size, api key, version, correlation id, null client id: what every broker answers."""


class BrokerProcess:
    """A kafkalite process with its data in the directory `data` and its output in `<data>.log`.

    The port is chosen once, so that clients find the broker again after a restart.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.log_path = data.parent / f"{data.name}.log"
        self._settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._arguments = list(arguments)
        self._environment = {**clean_environment(), **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the broker has not been started"
        return self._process.pid

    def start(self, timeout_s: float = 60) -> Self:
        """Start the process and return once ApiVersions is answered.

        Raises:
            RuntimeError: it ended or did not answer in time; the message has the end of its log.
        """
        assert self._process is None, "the broker is running"
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), cwd=REPOSITORY, env=self._environment, stdout=log, stderr=log
            )
        self._wait_until_it_answers(timeout_s)
        return self

    def kill9(self) -> None:
        """End it as a crash does: nothing is flushed, closed or said."""
        self._end(signal.SIGKILL)

    def terminate(self, timeout_s: float = 30) -> int:
        """End it as an operator does, and return the exit status."""
        return self._end(signal.SIGTERM, timeout_s)

    def close(self) -> None:
        """End it if it runs."""
        if self._process is not None:
            self.kill9()

    def log(self) -> str:
        """All that the broker has said since the first start."""
        return self.log_path.read_text(errors="replace")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _command(self) -> list[str]:
        program = shlex.split(os.environ.get("KAFKALITE_TEST_COMMAND", "")) or [
            sys.executable,
            "-m",
            "kafkalite",
        ]
        settings = [
            word for key, value in self._settings.items() for word in ("--set", f"{key}={value}")
        ]
        where = ["--port", str(self.port), "--data", str(self.data)]
        return [*program, "serve", *where, *settings, *self._arguments]

    def _wait_until_it_answers(self, timeout_s: float) -> None:
        assert self._process is not None
        deadline = time.monotonic() + timeout_s
        while not answers(self.port):
            status = self._process.poll()
            if status is not None:
                self._process = None
                raise RuntimeError(f"the broker ended with status {status}:\n{self.log()[-4000:]}")
            if time.monotonic() > deadline:
                self.kill9()
                raise RuntimeError(
                    f"the broker did not answer within {timeout_s} s:\n{self.log()[-4000:]}"
                )
            time.sleep(0.005)

    def _end(self, signal_number: signal.Signals, timeout_s: float = 30) -> int:
        assert self._process is not None, "the broker is not running"
        process, self._process = self._process, None
        process.send_signal(signal_number)
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def answers(port: int) -> bool:
    """Whether a broker at this port answers ApiVersions."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(API_VERSIONS_V0)
            return len(connection.recv(4)) == 4
    except OSError:
        return False


def clean_environment() -> dict[str, str]:
    """This process's environment without what would configure a broker."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KAFKALITE_", "KAFKA_"))
    }
