"""Produce to topics whose `compression.type` is not the producer's: a worker thread compresses anew, then the batch is appended.

    arrive       the batch joins its partition's queue, and the line for a worker if its codec is not the topic's
    recompress   at most a few at a time, in the order of arrival
    append       a partition's first batch once it is ready, and then those behind it that are: the order of arrival is kept

Sequence numbers, offsets and everything else are looked at when the batch is appended, as for any other. What waits here is
bounded: a connection's next request is read when this one is answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from kafkalite.deferred import Deferred
from kafkalite.storage.recompression import is_in_another_codec, recompressed

if TYPE_CHECKING:
    from kafkalite.broker.blocking import Blocking
    from kafkalite.broker.replica import Replica
    from kafkalite.clock import Clock
    from kafkalite.storage.log import AppendInfo

_WORKERS_MAX: Final = 4
"""Flushes and cold reads need worker threads too; and each of these may hold 128 MiB of decompressed records."""


class _Batch:
    """One batch on its way; `records` are ready to be appended once `ready`."""

    __slots__ = ("acks_all", "appended", "check", "error", "ready", "records", "replica")

    def __init__(
        self,
        replica: Replica,
        records: memoryview,
        *,
        acks_all: bool,
        check: Callable[[], None] | None,
    ) -> None:
        self.replica = replica
        self.records = bytearray(records)
        self.acks_all = acks_all
        self.check = check
        self.ready = not is_in_another_codec(records, replica.log.config)
        self.error: Exception | None = None
        self.appended: Deferred[AppendInfo] = Deferred()


class Recompressor:
    """See the module."""

    def __init__(self, blocking: Blocking, clock: Clock) -> None:
        self._blocking = blocking
        self._clock = clock
        self._working = 0
        self._line: deque[_Batch] = deque()
        self.queues: dict[Replica, deque[_Batch]] = {}
        """Partitions with batches on their way."""

    def concerns(self, replica: Replica, records: memoryview) -> bool:
        """Must this batch go through here? Because of its codec, or to stay behind those that came before it."""
        return replica in self.queues or is_in_another_codec(records, replica.log.config)

    def append(
        self,
        replica: Replica,
        records: memoryview,
        *,
        acks_all: bool,
        check: Callable[[], None] | None = None,
    ) -> Deferred[AppendInfo]:
        """As `Replica.append`, later. `records` are copied. Fails with KafkaError.

        `check` is called just before, for what may have changed in between; it raises KafkaError.
        """
        batch = _Batch(replica, records, acks_all=acks_all, check=check)
        self.queues.setdefault(replica, deque()).append(batch)
        if batch.ready:
            self._append_ready(replica)
        else:
            self._line.append(batch)
            self._work()
        return batch.appended

    def _work(self) -> None:
        while self._line and self._working < _WORKERS_MAX:
            batch = self._line.popleft()
            self._working += 1
            task = partial(recompressed, batch.records, batch.replica.log.config)
            self._blocking.submit(task).on_done(partial(self._recompressed, batch))

    def _recompressed(self, batch: _Batch, done: Deferred[bytearray]) -> None:
        self._working -= 1
        try:
            batch.records = done.result()
        except Exception as error:
            batch.error = error
        batch.ready = True
        self._work()
        self._append_ready(batch.replica)

    def _append_ready(self, replica: Replica) -> None:
        queue = self.queues.get(replica, deque())
        while queue and queue[0].ready:
            self._append(queue.popleft())
        if not queue:
            self.queues.pop(replica, None)

    def _append(self, batch: _Batch) -> None:
        try:
            if batch.error is not None:
                raise batch.error
            if batch.check is not None:
                batch.check()
            info = batch.replica.append(
                memoryview(batch.records), self._clock.now_ms(), acks_all=batch.acks_all
            )
        except Exception as error:
            batch.appended.fail(error)
        else:
            batch.appended.resolve(info)
