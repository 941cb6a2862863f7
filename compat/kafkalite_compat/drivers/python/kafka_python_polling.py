"""Polling members of a group, which in kafka-python take part in a rebalance only while they are polled.

One thread per member: in version 2.0 `poll` returns only when the rebalance is over, which needs the
other members, perhaps of the same process, to be polled meanwhile; in version 3 short polls in turn
can miss each other for ever. A poll that is not over when the suite's time is goes on, and what it
gets is the next one's.

    idle --poll--> polling --it ends in time--> idle, records given
                   polling --it does not------> polling, none given; the next poll waits for it
                   polling --another step-----> idle, its records sought back to
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final

POLL_MS: Final = 1_000

Records = dict[Any, list[Any]]


class Member:
    """A consumer, and the thread that calls it."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._thread = ThreadPoolExecutor(1)
        self._polling: Future[Records] | None = None
        self.in_group = False

    def poll(self, timeout_ms: int, max_records: int) -> Records:
        """What has come, or nothing after `timeout_ms`. Raises what the library raised."""
        if not self.in_group:
            return self._consumer.poll(timeout_ms=timeout_ms, max_records=max_records)  # type: ignore[no-any-return]
        if self._polling is None:
            poll_ms = max(timeout_ms, POLL_MS)
            self._polling = self._thread.submit(self._consumer.poll, poll_ms, max_records)
        if not wait([self._polling], timeout_ms / 1000).done:
            return {}
        done, self._polling = self._polling, None
        return done.result()

    def call(self, step: Callable[[Any], Any]) -> Any:
        """Any other step with the consumer, in its thread, as if the last poll had ended in time."""
        self._give_back()
        return self._thread.submit(step, self._consumer).result()

    def look(self, step: Callable[[Any], Any]) -> Any:
        """A step that only reads what the consumer knows: done at once, while it may be polling."""
        return step(self._consumer)

    def _give_back(self) -> None:
        if self._polling is None:
            return
        done, self._polling = self._polling, None
        for where, records in done.result().items():
            if where in self._consumer.assignment():
                self._consumer.seek(where, records[0].offset)
