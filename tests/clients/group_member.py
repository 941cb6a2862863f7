"""A group member that consumes in a thread of its own until it is told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.background_work import BackgroundWork
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.clients.stock_clients import Received, StockConsumer


class GroupMember(BackgroundWork):
    """Use as a context: the consumer is opened, polled and closed in the member's thread.

    Attributes:
        received: All records it was given, in the order it got them.
        owned: The partitions it owned after the latest poll.
    """

    def __init__(self, open_consumer: Callable[[], StockConsumer]) -> None:
        super().__init__()
        self.received: list[Received] = []
        self.owned: set[int] = set()
        self._open_consumer = open_consumer

    def work(self) -> None:
        consumer = self._open_consumer()
        try:
            while not self._stopping.is_set():
                self.received += consumer.poll()
                self.owned = consumer.assignment()
        finally:
            consumer.close()


def wait_for_members(
    members: list[GroupMember], condition: Callable[[], bool], what: str, timeout_s: float = 60
) -> None:
    """Wait until the condition holds, failing at once if a member has failed."""

    def holds() -> bool:
        for member in members:
            member.check()
        return condition()

    wait_until(holds, what, timeout_s)
