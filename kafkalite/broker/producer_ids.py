"""Producer ids, given out one by one from blocks that the control plane grants."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from kafkalite.deferred import Deferred, resolved
from kafkalite.types import ProducerId


class ProducerIds:
    """The block of this broker and, while the next one is on its way, the requests that wait for it."""

    def __init__(self, allocate: Callable[[], Deferred[range]]) -> None:
        self._allocate = allocate
        self._block = range(0)
        self._waiting: deque[Deferred[ProducerId]] = deque()

    def next(self) -> Deferred[ProducerId]:
        """An id that nobody else gets, also after a restart: what is left of a block is not used again."""
        if self._block:
            return resolved(self._take())
        waiter: Deferred[ProducerId] = Deferred()
        self._waiting.append(waiter)
        if len(self._waiting) == 1:
            self._allocate().on_done(self._granted)
        return waiter

    def _take(self) -> ProducerId:
        first, self._block = ProducerId(self._block[0]), self._block[1:]
        return first

    def _granted(self, block: Deferred[range]) -> None:
        waiting, self._waiting = self._waiting, deque()
        try:
            self._block = block.result()
        except Exception as error:
            for waiter in waiting:
                waiter.fail(error)
            return
        served = min(len(waiting), len(self._block))
        granted = [(waiting.popleft(), self._take()) for _ in range(served)]
        if waiting:
            self._waiting = waiting
            self._allocate().on_done(self._granted)
        for waiter, producer_id in granted:
            waiter.resolve(producer_id)
