"""What a broker does now and then: flushes that are due, checkpoints, retention, removal of deleted files.

Everything that touches the disk runs in a worker thread; one round of each kind is under way at most.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from kafkalite.broker.retention import RetentionPass
from kafkalite.broker.share_state_pruning import ShareStatePruning
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError

if TYPE_CHECKING:
    from kafkalite.broker.broker import Broker
    from kafkalite.config import BrokerConfig
    from kafkalite.storage.flush import FlushTask
    from kafkalite.storage.log import Log

_log = logging.getLogger(__name__)

_FLUSH_CHECK_MS = 1000
"""How often logs are asked whether a flush is due by flush.ms, unless log.flush.scheduler.interval.ms is less. That is Kafka's
only check, and its default is never."""

_LOGS_PER_FLUSH = 64

_PURGE_MS = 15_000
"""How often deleted files are removed once file.delete.delay.ms has passed."""

_SHORTEST_BACKOFF_MS = 10
"""With log.cleaner.backoff.ms=0 the broker would do nothing else than look."""


def cleaner_backoff_ms(config: BrokerConfig) -> int:
    """After a look for logs to compact that found none."""
    return max(_SHORTEST_BACKOFF_MS, config.log_cleaner_backoff_ms)


class Maintenance:
    """Periodic work of one broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._is_stopped = False

    def stop(self) -> None:
        """What takes long comes to an end soon."""
        self._is_stopped = True
        if "compaction" in vars(self._broker):
            self._broker.compaction.stop()

    def start(self) -> None:
        config = self._broker.config
        if config.log_cleaner_enable:
            self._broker.timer.schedule(0, self._compact_once_needed)
        self._every(min(_FLUSH_CHECK_MS, config.log_flush_scheduler_interval_ms), self._flush_due)
        self._every(config.log_flush_offset_checkpoint_interval_ms, self._checkpoint)
        self._every(_PURGE_MS, self._purge)
        self._every(config.producer_id_expiration_check_interval_ms, self._expire_producers)
        self._every(config.offsets_retention_check_interval_ms, self._expire_offsets)
        self._every(config.share_coordinator_state_topic_prune_interval_ms, self._prune_share_state)
        self._every(
            config.transaction_abort_timed_out_transaction_cleanup_interval_ms,
            self._abort_timed_out_transactions,
        )
        self._every(
            config.transaction_remove_expired_transaction_cleanup_interval_ms,
            self._expire_transactional_ids,
        )
        self._every(
            config.log_retention_check_interval_ms,
            self._delete_old_segments,
            first_ms=config.log_initial_task_delay_ms,
        )

    def _every(
        self, period_ms: int, work: Callable[[], Deferred[None]], first_ms: int | None = None
    ) -> None:
        def again(done: Deferred[None]) -> None:
            try:
                done.result()
            except (OSError, KafkaError) as error:
                _log.error("%s failed: %s", work.__name__.strip("_"), error)
            self._broker.timer.schedule(period_ms, run)

        def run() -> None:
            try:
                done = work()
            except (OSError, KafkaError) as error:
                done = Deferred()
                done.fail(error)
            done.on_done(again)

        self._broker.timer.schedule(period_ms if first_ms is None else first_ms, run)

    def _compact_once_needed(self) -> None:
        """With the first compacted log the cleaner is loaded, and goes on by itself."""
        broker = self._broker
        if self._is_stopped:
            return
        if any(replica.log.config.compact for replica in broker.replicas):
            broker.compaction.start()
        else:
            broker.timer.schedule(cleaner_backoff_ms(broker.config), self._compact_once_needed)

    def _flush_due(self) -> Deferred[None]:
        return self._flush_next(deque(self._broker.logs.logs_to_flush(self._broker.clock.now_ms())))

    def _flush_next(self, due: deque[Log]) -> Deferred[None]:
        """A few logs at a time: a flush holds all files of its log open."""
        tasks: list[tuple[Log, FlushTask]] = []
        while due and len(tasks) < _LOGS_PER_FLUSH:
            log = due.popleft()
            if (task := log.flush_task()) is not None:
                tasks.append((log, task))
        if not tasks:
            return resolved(None)
        out: Deferred[None] = Deferred()

        def flushed(done: Deferred[None]) -> None:
            try:
                done.result()
                for log, task in tasks:
                    log.flushed(task)
            except OSError as error:
                out.fail(error)
            else:
                self._flush_next(due).pass_on(out)

        self._broker.blocking.submit(lambda: _run_all(tasks)).on_done(flushed)
        return out

    def _checkpoint(self) -> Deferred[None]:
        return self._broker.blocking.submit(self._broker.logs.checkpoint_task())

    def _purge(self) -> Deferred[None]:
        task = self._broker.logs.purge_task(self._broker.clock.now_ms())
        return resolved(None) if task is None else self._broker.blocking.submit(task)

    def _delete_old_segments(self) -> Deferred[None]:
        broker = self._broker
        return RetentionPass(broker.replicas, broker.clock, broker.timer).run()

    def _expire_producers(self) -> Deferred[None]:
        now_ms = self._broker.clock.now_ms()
        for log in self._broker.logs.logs():
            log.producer_state.expire(now_ms)
        return resolved(None)

    def _expire_offsets(self) -> Deferred[None]:
        self._broker.group_coordinator.expire_offsets()
        return resolved(None)

    def _prune_share_state(self) -> Deferred[None]:
        if "share_coordinator" in vars(self._broker):
            return ShareStatePruning(self._broker).run()
        return resolved(None)

    def _abort_timed_out_transactions(self) -> Deferred[None]:
        if "transaction_coordinator" in vars(self._broker):
            self._broker.transaction_coordinator.abort_timed_out()
        return resolved(None)

    def _expire_transactional_ids(self) -> Deferred[None]:
        if "transaction_coordinator" in vars(self._broker):
            self._broker.transaction_coordinator.remove_expired()
        return resolved(None)


def _run_all(tasks: list[tuple[Log, FlushTask]]) -> None:
    for _, task in tasks:
        task.run()
