"""A group member that consumes in a thread of its own until it is told to stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.clients.stock_clients import Received, StockConsumer


class GroupMember:
    """Use as a context: the consumer is opened, polled and closed in the member's thread.

    Attributes:
        received: All records it was given, in the order it got them.
        owned: The partitions it owned after the latest poll.
    """

    def __init__(self, open_consumer: Callable[[], StockConsumer]) -> None:
        self.received: list[Received] = []
        self.owned: set[int] = set()
        self._open_consumer = open_consumer
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the consumer did not close"
        self.check()

    def check(self) -> None:
        """Raise what ended the member, if anything did."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            consumer = self._open_consumer()
            try:
                while not self._stopping.is_set():
                    self.received += consumer.poll()
                    self.owned = consumer.assignment()
            finally:
                consumer.close()
        except Exception as failure:
            self._failure = failure


def wait_for_members(
    members: list[GroupMember], condition: Callable[[], bool], what: str, timeout_s: float = 60
) -> None:
    """Wait until the condition holds, failing at once if a member has failed."""

    def holds() -> bool:
        for member in members:
            member.check()
        return condition()

    wait_until(holds, what, timeout_s)
