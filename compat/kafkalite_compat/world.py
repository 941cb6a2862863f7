"""What a scenario may use: the client under test, the suite's own wire client, fresh names and topics, the broker's restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kafkalite_compat.driver import Driver


@dataclass
class World:
    """One scenario's surroundings.

    Attributes:
        client: The driver under test, started.
        bootstrap: The broker's address.
        another: A second process of the same client, ended with the scenario; for members that crash.
        restart_broker: Waits until every client of this run has come here, then stops and starts the broker (`kill`: as kill -9).
    """

    client: Driver
    bootstrap: str
    prefix: str
    another: Callable[[], Driver]
    restart_broker: Callable[[bool], None]

    def name(self, hint: str) -> str:
        """A name for a topic, group or transactional id that nobody else uses."""
        return f"{self.prefix}-{hint}"

    def topic(self, partitions: int = 1, configs: Mapping[str, str] | None = None) -> str:
        """A new topic, made by the suite itself, ready to be written to."""
        raise NotImplementedError
