"""Retention: one pass over all logs that removes what `retention.ms`, `retention.bytes` and the log start leave behind.

Runs on the loop, a few logs at a time, and lets others have their turn in between. Files are only renamed to `.deleted` here: a
worker thread removes them when `file.delete.delay.ms` has passed. (Renaming in a worker thread could hit the directory of a
topic that was deleted and made again meanwhile.)
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable

from kafkalite.broker.replica import Replica
from kafkalite.clock import Clock
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer

_log = logging.getLogger(__name__)

_LOGS_PER_TURN = 32
"""Looking at a log takes microseconds; after a start, when its index must be opened for it, a tenth of a millisecond."""

_SEGMENTS_PER_TURN = 32
"""Removed from one log; each takes some 50 us."""

_PAUSE_MS = 1
"""The loop's turn for everybody else."""


class RetentionPass:
    """One look at each of `replicas`."""

    def __init__(self, replicas: Iterable[Replica], clock: Clock, timer: Timer) -> None:
        self._waiting = deque(replicas)
        self._clock = clock
        self._timer = timer
        self._done: Deferred[None] = Deferred()

    def run(self) -> Deferred[None]:
        """Take the first turn now and the others from the timer; resolves after the last."""
        self._take_turn()
        return self._done

    def _take_turn(self) -> None:
        for _ in range(min(_LOGS_PER_TURN, len(self._waiting))):
            replica = self._waiting.popleft()
            if self._delete_old_segments(replica) == _SEGMENTS_PER_TURN:
                self._waiting.appendleft(replica)
                break
        if self._waiting:
            self._timer.schedule(_PAUSE_MS, self._take_turn)
        else:
            self._done.resolve(None)

    def _delete_old_segments(self, replica: Replica) -> int:
        if replica.is_removed:
            return 0
        try:
            count = replica.delete_old_segments(self._clock.now_ms(), _SEGMENTS_PER_TURN)
        except KafkaError:
            return (
                0  # the log has said what is wrong with it; the others are looked at all the same
            )
        if count:
            _log.info(
                "%s: %d old segment(s) removed, its log starts at offset %d",
                replica.topic_partition,
                count,
                replica.log.log_start_offset,
            )
        return count
