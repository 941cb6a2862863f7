"""Work that goes on in a thread while a test does something else."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import ClassVar, Self


class BackgroundWork(ABC):
    """Use as a context: at its end the work is told to stop, waited for, and what ended it early is raised."""

    PATIENCE_S: ClassVar[float] = 60
    """How long the end may take. Only bounds a hang."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run)

    @abstractmethod
    def work(self) -> None:
        """Until `self._stopping` is set. Runs in the thread."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(self.PATIENCE_S)
        assert not self._thread.is_alive(), f"{type(self).__name__} did not come to an end"
        self.check()

    def check(self) -> None:
        """Raise what ended the work, if anything did."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self.work()
        except Exception as failure:
            self._failure = failure
