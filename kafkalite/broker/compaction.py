"""Compaction of logs in the background: one at a time, the filthiest first.

    look         which log is due? none: again after log.cleaner.backoff.ms
    prepare      in a worker thread
    next_group   in a worker thread; swapped in here, on the loop; and again until there is none
    finished     the checkpoint is written in a worker thread; then look again

What goes on in a log meanwhile ends its cleaning at most; see `kafkalite.storage.cleaner`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from kafkalite.broker.maintenance import cleaner_backoff_ms
from kafkalite.storage.cleaner.cleaning import CleanedGroup, Cleaning, MapLimits
from kafkalite.storage.cleaner.log_cleaner import Candidate, LogCleaner
from kafkalite.storage.cleaner.pace import ThreadPace

if TYPE_CHECKING:
    from kafkalite.broker.parts import PartsOnDemand
    from kafkalite.deferred import Deferred

T = TypeVar("T")


class Compaction:
    """The log cleaner of one broker."""

    def __init__(self, broker: PartsOnDemand) -> None:
        self._broker = broker
        self._cleaner = LogCleaner(broker.logs)
        self._pace: ThreadPace | None = None
        self._is_stopped = False

    def start(self) -> None:
        self._broker.timer.schedule(0, self._look)

    def stop(self) -> None:
        """Nothing new is begun, and what is under way ends soon; a restart cleans again what was not swapped in."""
        self._is_stopped = True
        if self._pace is not None:
            self._pace.stop()

    def _look(self) -> None:
        if self._is_stopped:
            return
        config = self._broker.config
        self._pace = ThreadPace(
            config.log_cleaner_io_max_bytes_per_second,
            now_s=time.monotonic,
            sleep_s=time.sleep,
        )
        limits = MapLimits(
            config.log_cleaner_dedupe_buffer_size, config.log_cleaner_io_buffer_load_factor
        )
        now_ms = self._broker.clock.now_ms()
        cleaning = self._cleaner.next_cleaning(self._candidates(), now_ms, self._pace, limits)
        if cleaning is None:
            self._look_later()
        else:
            self._run(cleaning, cleaning.prepare, lambda _: self._copy(cleaning))

    def _look_later(self) -> None:
        self._broker.timer.schedule(cleaner_backoff_ms(self._broker.config), self._look)

    def _candidates(self) -> Iterator[Candidate]:
        for replica in self._broker.replicas:
            if replica.log.config.compact:
                yield Candidate(replica.log, replica.last_stable_offset)

    def _copy(self, cleaning: Cleaning) -> None:
        self._run(cleaning, cleaning.next_group, lambda group: self._swap_in(cleaning, group))

    def _swap_in(self, cleaning: Cleaning, group: CleanedGroup | None) -> None:
        if group is not None:
            self._cleaner.swap_in(cleaning, group)
            self._copy(cleaning)
        else:
            self._run(cleaning, self._cleaner.finished(cleaning), lambda _: self._look_soon())

    def _look_soon(self) -> None:
        self._broker.timer.schedule(0, self._look)

    def _run(self, cleaning: Cleaning, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """`work` in a worker thread, `then` on the loop with what it gave; whatever either raises ends the cleaning."""

        def done(result: Deferred[T]) -> None:
            try:
                then(result.result())
            except Exception as error:
                self._give_up(cleaning, error)

        self._broker.blocking.submit(work).on_done(done)

    def _give_up(self, cleaning: Cleaning, error: Exception) -> None:
        self._cleaner.failed(cleaning, error)
        self._broker.blocking.submit(cleaning.abandon).on_done(lambda _: self._look_later())
