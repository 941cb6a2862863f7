"""The brokers a run is about: one that is given by its address, or one that the suite starts, and may stop and start again."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

START_WITHIN_S: Final = 90.0
STOP_WITHIN_S: Final = 60.0
_TAIL_CHARACTERS: Final = 3000

SETTINGS: Final = {
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "5000",
    "group.consumer.min.heartbeat.interval.ms": "500",
    "group.consumer.heartbeat.interval.ms": "500",
    "group.share.min.heartbeat.interval.ms": "500",
    "group.share.heartbeat.interval.ms": "500",
    "group.share.min.record.lock.duration.ms": "1000",
    "log.retention.check.interval.ms": "500",
    "log.initial.task.delay.ms": "500",
    "log.cleaner.backoff.ms": "500",
    "log.segment.delete.delay.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
}
"""What every broker that the suite starts is given, so that what takes a broker minutes can be seen in seconds."""


class BrokerFailed(Exception):
    """A broker did not come up or did not go down; the text ends with its log."""


class CannotRestart(Exception):
    """The broker is not the suite's to stop."""


class RunningBroker(Protocol):
    """A broker that clients can reach."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str | None: ...

    @property
    def bootstrap(self) -> str: ...

    def restart(self, *, kill: bool) -> None:
        """Stop it, by kill -9 or in order, and start it again. Raises CannotRestart or BrokerFailed."""

    def close(self) -> None:
        """Stop it, if the suite started it."""


class GivenBroker:
    """A broker that somebody else runs."""

    def __init__(self, bootstrap: str, name: str | None = None) -> None:
        self.name = name or bootstrap
        self.version: str | None = None
        self.bootstrap = bootstrap

    def restart(self, *, kill: bool) -> None:
        raise CannotRestart("the suite was given this broker's address and cannot restart it")

    def close(self) -> None:
        """It goes on."""


class BrokerProcess:
    """A broker as a process of ours, which answers on `port` once it is up. Its output goes to `log`."""

    def __init__(self, argv: Sequence[str], port: int, log: Path) -> None:
        self._argv = tuple(argv)
        self._port = port
        self._log = log
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as output:
            process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline and process.poll() is None:
            if listens(self._port):
                return process
            time.sleep(0.02)
        process.kill()
        process.wait()
        tail = self._log.read_text(errors="replace")[-_TAIL_CHARACTERS:]
        raise BrokerFailed(f"{self._argv[0]} did not come up on port {self._port}:\n{tail}")

    def restart(self, *, kill: bool) -> None:
        self.stop(kill=kill)
        self._process = self._started()

    def stop(self, *, kill: bool = False) -> None:
        """End the process; one that does not go by itself in time is killed."""
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def two_free_ports() -> int:
    """A port whose neighbour is free too: a broker and its controller."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
