"""Which log is cleaned next, and what becomes of a cleaning: the part of the cleaner that belongs to the logs' thread.

    cleaning = cleaner.next_cleaning(candidates, now_ms, pace, limits)     the filthiest log that is due; None: none is
    cleaning.prepare()                                                     in a worker thread
    while (group := cleaning.next_group()) is not None:                    in a worker thread
        cleaner.swap_in(cleaning, group)
    checkpoint = cleaner.finished(cleaning); checkpoint()                  the latter in a worker thread

One cleaning at a time. Kafka: LogCleanerManager.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from kafkalite.errors import KafkaError
from kafkalite.storage.cleaner.cleaning import CleanedGroup, Cleaning, MapLimits
from kafkalite.storage.cleaner.errors import CleaningAbortedError, UncleanableLogError
from kafkalite.storage.cleaner.plan import (
    CleanableRange,
    are_there,
    cleanable_range,
    make_plan,
    still_holds,
)

if TYPE_CHECKING:
    from kafkalite.storage.cleaner.pace import Pace
    from kafkalite.storage.log import Log
    from kafkalite.storage.log_manager import LogManager
    from kafkalite.types import Offset

_log = logging.getLogger(__name__)


class Candidate(NamedTuple):
    """A compacted log and up to where everything in it is decided: its last stable offset."""

    log: Log
    stable_offset: Offset


class LogCleaner:
    """See the module."""

    def __init__(self, logs: LogManager) -> None:
        self._logs = logs
        self._uncleanable: set[Log] = set()

    def next_cleaning(
        self, candidates: Iterable[Candidate], now_ms: int, pace: Pace, limits: MapLimits
    ) -> Cleaning | None:
        """Of the logs that are due, the one with the greatest dirty ratio."""
        self._uncleanable = {log for log in self._uncleanable if self._is_current(log)}
        filthiest: tuple[Log, CleanableRange] | None = None
        for log, stable_offset in candidates:
            what = self._cleanable(log, stable_offset, now_ms)
            if (
                what is not None
                and what.is_due(log.config)
                and (filthiest is None or what.dirty_ratio > filthiest[1].dirty_ratio)
            ):
                filthiest = log, what
        if filthiest is None:
            return None
        log, what = filthiest
        return Cleaning(make_plan(log, what, now_ms), log.filesystem, limits, pace)

    def swap_in(self, cleaning: Cleaning, group: CleanedGroup) -> None:
        """Let the cleaned segment take the place of those it was made from.

        Raises CleaningAbortedError when the log is not what it was, KafkaError(KAFKA_STORAGE_ERROR).
        """
        if not self._holds(cleaning) or not are_there(cleaning.plan, group.segments):
            raise CleaningAbortedError("the log was changed")
        cleaning.plan.log.replace_segments([each.segment for each in group.segments])

    def finished(self, cleaning: Cleaning) -> Callable[[], None]:
        """All groups are in: returns what writes that down, for a worker thread."""
        log = cleaning.plan.log
        if self._holds(cleaning):
            log.cleaned_offset = cleaning.end_offset
            _log.info(
                "%s: compacted up to offset %d, %d bytes to %d",
                log.topic_partition,
                cleaning.end_offset,
                cleaning.read_bytes,
                cleaning.written_bytes,
            )
        return self._logs.cleaner_checkpoint_task()

    def failed(self, cleaning: Cleaning, error: Exception) -> None:
        """The cleaning ended early. A log that cannot be cleaned is left alone from now on; that is said once."""
        log = cleaning.plan.log
        if isinstance(error, CleaningAbortedError) or not self._holds(cleaning):
            _log.info("%s: the cleaning was given up: %s", log.topic_partition, error)
        elif isinstance(error, (OSError, KafkaError)):
            _log.error("%s could not be compacted: %s", log.topic_partition, error)
        else:
            self._set_aside(log, error)

    def _set_aside(self, log: Log, error: Exception) -> None:
        self._uncleanable.add(log)
        _log.error(
            "%s is not compacted any more until the broker is started again: %s",
            log.topic_partition,
            error,
            exc_info=None if isinstance(error, (UncleanableLogError, OSError)) else error,
        )

    def _cleanable(self, log: Log, stable_offset: Offset, now_ms: int) -> CleanableRange | None:
        if log in self._uncleanable or log.offline_reason is not None:
            return None
        try:
            return cleanable_range(log, stable_offset, now_ms)
        except OSError as error:
            self._set_aside(log, error)
            return None

    def _holds(self, cleaning: Cleaning) -> bool:
        """Is the log still there, and all that the plan was made of?"""
        return self._is_current(cleaning.plan.log) and still_holds(cleaning.plan)

    def _is_current(self, log: Log) -> bool:
        """Or was it deleted, and another one of the same name made?"""
        return self._logs.log(log.topic_partition) is log
