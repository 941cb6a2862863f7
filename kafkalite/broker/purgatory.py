"""Requests that wait. Fetches wait for bytes: parked until enough has come, an answer is due for another reason, or the deadline.

    park     the fetch watches the replicas it reads and sets a timer
    wake     each append tells how many bytes it brought; when the missing ones are there, the fetch looks again
    end      enough bytes, an error, a changed replica, or the deadline: it stops watching and is answered, once

Looking again may find too little (read_committed readers see nothing of an open transaction): it goes on waiting.

Produce with acks=all waits for the high watermark: `wait_until_committed`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.replica import Replica, ReplicaWatcher
from kafkalite.broker.request import Answer
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer, TimerHandle
from kafkalite.types import Offset


class Look(NamedTuple):
    """What a look at the replicas gave: an answer, or how many bytes are still missing for one."""

    answer: Answer | None
    missing_bytes: int = 0


class WaitingFetch(Protocol):
    """The fetch itself: reads what is there now."""

    def look(self, *, final: bool) -> Look:
        """An answer when there is enough to give one; always an answer when `final`."""
        ...


class Watched(Protocol):
    """What can have news for a parked fetch: a replica, or a partition that a group shares."""

    def watch(self, watcher: ReplicaWatcher) -> None: ...
    def unwatch(self, watcher: ReplicaWatcher) -> None: ...


class DelayedFetch:
    """One parked fetch; made by `FetchPurgatory.park`."""

    __slots__ = ("_deferred", "_fetch", "_missing_bytes", "_purgatory", "_timer", "_watched")

    def __init__(
        self,
        purgatory: FetchPurgatory,
        fetch: WaitingFetch,
        missing_bytes: int,
        watched: Iterable[Watched],
    ) -> None:
        self._purgatory = purgatory
        self._fetch = fetch
        self._missing_bytes = missing_bytes
        self._watched = tuple(watched)
        self._deferred: Deferred[Answer] = Deferred()
        self._timer: TimerHandle | None = None

    def start(self, timer: Timer, max_wait_ms: int) -> Deferred[Answer]:
        for each in self._watched:
            each.watch(self)
        self._timer = timer.schedule(max_wait_ms, self.finish)
        return self._deferred

    def on_readable(self, size_bytes: int) -> None:
        self._missing_bytes -= size_bytes
        if self._missing_bytes <= 0:
            self._look(final=False)

    def on_replica_changed(self) -> None:
        self.finish()

    def finish(self) -> None:
        """Answer with what is there."""
        self._look(final=True)

    def _look(self, *, final: bool) -> None:
        """What goes wrong here ends this fetch alone, not the producer or the timer that woke it."""
        try:
            look = self._fetch.look(final=final)
        except Exception as error:
            self._end()
            self._deferred.fail(error)
            return
        if look.answer is not None:
            self._end()
            self._deferred.resolve(look.answer)
        else:
            assert not final, "a final look gives an answer"
            self._missing_bytes = max(1, look.missing_bytes)

    def _end(self) -> None:
        for each in self._watched:
            each.unwatch(self)
        if self._timer is not None:
            self._timer.cancel()
        self._purgatory.ended(self)


class FetchPurgatory:
    """All parked fetches of one broker, so that shutting down can answer them."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._parked: set[DelayedFetch] = set()

    def __len__(self) -> int:
        return len(self._parked)

    def park(
        self,
        fetch: WaitingFetch,
        missing_bytes: int,
        watched: Iterable[Watched],
        max_wait_ms: int,
    ) -> Deferred[Answer]:
        """Wait up to `max_wait_ms` for `missing_bytes` more in what is `watched`."""
        parked = DelayedFetch(self, fetch, missing_bytes, watched)
        self._parked.add(parked)
        return parked.start(self._timer, max_wait_ms)

    def ended(self, fetch: DelayedFetch) -> None:
        self._parked.discard(fetch)

    def finish_all(self) -> None:
        """Answer every parked fetch now."""
        for fetch in tuple(self._parked):
            fetch.finish()


def wait_until_committed(
    waits: list[tuple[Replica, Offset]], timer: Timer, timeout_ms: int
) -> Deferred[list[ErrorCode]]:
    """Wait until each replica's high watermark has reached its offset.

    Resolves to one code for each: NONE, REQUEST_TIMED_OUT, or what ended the wait (NOT_LEADER_OR_FOLLOWER).
    """
    codes = [ErrorCode.REQUEST_TIMED_OUT] * len(waits)
    out: Deferred[list[ErrorCode]] = Deferred()
    open_waits = set(range(len(waits)))

    def finish() -> None:
        if not out.done:
            handle.cancel()
            out.resolve(codes)

    def note(index: int, waiter: Deferred[None] | None) -> None:
        try:
            if waiter is not None:
                waiter.result()
            codes[index] = ErrorCode.NONE
        except KafkaError as error:
            codes[index] = error.code
        open_waits.discard(index)
        if not open_waits:
            finish()

    handle = timer.schedule(timeout_ms, finish)
    for index, (replica, offset) in enumerate(waits):
        waiter = replica.wait_for_high_watermark(offset)
        if waiter is None:
            note(index, None)
        else:
            waiter.on_done(lambda done, index=index: note(index, done))  # type: ignore[misc]
    return out
