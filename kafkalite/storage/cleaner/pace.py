"""How a long piece of work in a worker thread stays a good neighbour.

Python runs one thread at a time. A thread that computes gives way to another only after 5 ms, so each wake-up of the event
loop would wait that long. The cleaner therefore pauses by itself, every `_WORK_S`, and long enough for the loop to get in:
a thread that only offers to give way takes its turn back before the other one has woken up.

Measured, one-record produce requests on two busy cores, p99: 0.25 ms alone, 0.75 ms beside a large cleaning, 16 ms beside one that
never pauses. The cleaner does 80 000 records/s with the pauses and 150 000 without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from kafkalite.storage.cleaner.errors import CleaningAbortedError

T = TypeVar("T")

_WORK_S = 0.0002
"""Work between two pauses: what a request that arrives meanwhile may have to wait."""
_PAUSE_S = 0.0001
"""More than waking the other thread takes, 50 us or so."""
_ITEMS_PER_STEP = 16
"""Records take 1-3 us each."""
_LONGEST_SLEEP_S = 0.1
"""A stop is noticed within this time."""


class Pace(Protocol):
    """Told of the progress of the work, it may hold it up."""

    def step(self) -> None:
        """Called every few records. Raises CleaningAbortedError."""
        ...

    def moved(self, size_bytes: int) -> None:
        """So many bytes were read or written. Raises CleaningAbortedError."""
        ...


class Paced(Sequence[T]):
    """A sequence that takes a step of the pace every few items whenever somebody goes through it."""

    def __init__(self, items: Sequence[T], pace: Pace) -> None:
        self._items = items
        self._pace = pace

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> T:  # type: ignore[override]  # slices are not needed
        return self._items[index]

    def __iter__(self) -> Iterator[T]:
        return paced(self._items, self._pace)


def paced(items: Iterable[T], pace: Pace) -> Iterator[T]:
    """The same items, with a step of the pace every few of them."""
    for number, item in enumerate(items):
        if number % _ITEMS_PER_STEP == 0:
            pace.step()
        yield item


class ThreadPace:
    """Pauses for the event loop's sake, a limit of bytes per second, and a way to stop from another thread."""

    def __init__(
        self,
        max_bytes_per_second: float,
        *,
        now_s: Callable[[], float],
        sleep_s: Callable[[float], None],
    ) -> None:
        self._max_bytes_per_second = max(1.0, max_bytes_per_second)
        self._now_s = now_s
        self._sleep_s = sleep_s
        self._began_s = self._resumed_s = now_s()
        self._moved_bytes = 0
        self._stopped = False

    def stop(self) -> None:
        """The work is to end at its next step. May be called from any thread."""
        self._stopped = True

    def step(self) -> None:
        if self._now_s() - self._resumed_s > _WORK_S:
            self._pause(_PAUSE_S)

    def moved(self, size_bytes: int) -> None:
        self._moved_bytes += size_bytes
        while (ahead_s := self._ahead_s()) > _PAUSE_S:
            self._pause(ahead_s)

    def _ahead_s(self) -> float:
        """By how much the bytes moved so far are ahead of the limit."""
        due_s = self._moved_bytes / self._max_bytes_per_second
        return due_s - (self._now_s() - self._began_s)

    def _pause(self, seconds: float) -> None:
        if self._stopped:
            raise CleaningAbortedError("the broker stops")
        self._sleep_s(min(seconds, _LONGEST_SLEEP_S))
        self._resumed_s = self._now_s()
