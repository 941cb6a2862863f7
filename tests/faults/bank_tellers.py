"""One teller for each partition, a process; who ends before the work is done is replaced."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.broker_process import REPOSITORY

LAST_WORDS = 500


class Tellers:
    """The processes, by partition.

    Attributes:
        exits: How often a teller has ended with which status.
    """

    def __init__(self, bootstrap: str, name: str, partitions: int, orders_each: int, folder: Path):
        self._words = bootstrap, name, orders_each
        self._folder = folder
        self._lock = folder / "transactions.lock"
        self._started = 0
        self._unfinished = set(range(partitions))
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._logs: dict[int, Path] = {}
        self.exits: Counter[int] = Counter()

    @property
    def are_done(self) -> bool:
        return not self._unfinished

    def replace_who_has_ended(self) -> None:
        for partition, process in list(self._running.items()):
            if process.poll() is not None:
                del self._running[partition]
                self.exits[process.returncode] += 1
                if process.returncode == 0:
                    self._unfinished.remove(partition)
        for partition in self._unfinished - self._running.keys():
            self._running[partition] = self._start(partition)

    def busy(self) -> list[int]:
        """The partitions whose tellers have begun and still are there."""
        return [
            partition
            for partition, process in self._running.items()
            if process.poll() is None and "began" in self._logs[partition].read_text()
        ]

    def kill(self, partition: int) -> None:
        self._running[partition].kill()

    def dismiss(self, partition: int) -> subprocess.Popen[bytes]:
        """Have another teller take over although this one still is there: it is the caller's now."""
        return self._running.pop(partition)

    @contextmanager
    def held_up(self) -> Iterator[IO[str]]:
        """No new transaction begins within the block; there is none at all once the file given is `is_locked`."""
        sign = self._lock.with_suffix(".audit")
        sign.touch()
        try:
            with self._lock.open("w") as file:
                yield file
        finally:
            sign.unlink()

    def said(self) -> Counter[str]:
        """The first words of all lines that tellers have printed."""
        logs = self._folder.glob("teller-*.log")
        return Counter(
            line.split(" ")[0] for log in logs for line in log.read_text().splitlines() if line
        )

    def last_words(self) -> str:
        logs = sorted(self._folder.glob("teller-*.log"), key=lambda log: log.stat().st_mtime)
        return "\n".join(f"{log.name}: ...{log.read_text()[-LAST_WORDS:]}" for log in logs[-10:])

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()

    def _start(self, partition: int) -> subprocess.Popen[bytes]:
        self._started += 1
        bootstrap, name, orders = self._words
        words = [bootstrap, name, partition, orders, self._lock, self._started]
        command = [sys.executable, "-m", "tests.faults.bank_teller", *map(str, words)]
        self._logs[partition] = self._folder / f"teller-{self._started}.log"
        with self._logs[partition].open("wb") as log:
            return subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)


def is_locked(file: IO[str]) -> bool:
    """Take the lock, if nobody has it: no teller is within a transaction."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
