"""A broker as a process of ours: started and waited for, stopped or killed, started again."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kafkalite_compat.brokers import BrokerFailed
from kafkalite_compat.brokers.ports import HOST, listens

START_WITHIN_S: Final = 90.0
STOP_WITHIN_S: Final = 60.0
_ASK_AGAIN_S: Final = 0.02
_TAIL_CHARACTERS: Final = 3000


class BrokerProcess:
    """A process that listens on `port` once it is up, with its output in `log`. Raises BrokerFailed if it does not come up."""

    def __init__(
        self, argv: Sequence[str], port: int, log: Path, start_within_s: float = START_WITHIN_S
    ) -> None:
        self._argv = tuple(argv)
        self._port = port
        self._log = log
        self._start_within_s = start_within_s
        self._process = self._started()

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def restart(self, *, kill: bool) -> None:
        """Stop it, by kill -9 or in order, and start it again."""
        self.kill() if kill else self.stop()
        self._process = self._started()

    def close(self) -> None:
        """The run is over."""
        self.stop()

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """End it in order; what does not go in time is killed."""
        self._process.terminate()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """As `kill -9`."""
        self._process.kill()
        self._process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as output:
            process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + self._start_within_s
        try:
            while time.monotonic() < deadline and process.poll() is None:
                if listens(self._port):
                    return process
                time.sleep(_ASK_AGAIN_S)
        except BaseException:
            process.kill()
            raise
        process.kill()
        process.wait()
        tail = self._log.read_text(errors="replace")[-_TAIL_CHARACTERS:]
        raise BrokerFailed(f"{self._argv[0]} did not come up on port {self._port}:\n{tail}")
