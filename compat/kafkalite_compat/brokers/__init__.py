"""The brokers a run is about: one that is given by its address, or one that the suite starts, and may stop and start again."""

from __future__ import annotations

from typing import Final, Protocol

SETTINGS: Final = {
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "5000",
    "group.consumer.min.heartbeat.interval.ms": "500",
    "group.consumer.heartbeat.interval.ms": "500",
    "group.share.min.heartbeat.interval.ms": "500",
    "group.share.heartbeat.interval.ms": "500",
    "group.share.min.record.lock.duration.ms": "1000",
    "log.retention.check.interval.ms": "500",
    "log.initial.task.delay.ms": "500",
    "log.cleaner.backoff.ms": "500",
    "log.segment.delete.delay.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
}
"""What every broker that the suite starts is given, so that what takes a broker minutes can be seen in seconds."""


class BrokerFailed(Exception):
    """A broker did not come up or did not go down; the text ends with its log."""


class CannotRestart(Exception):
    """The broker is not the suite's to stop."""


class RunningBroker(Protocol):
    """A broker that clients can reach."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str | None: ...

    @property
    def bootstrap(self) -> str: ...

    def restart(self, *, kill: bool) -> None:
        """Stop it, by kill -9 or in order, and start it again. Raises CannotRestart or BrokerFailed."""

    def close(self) -> None:
        """Stop it, if the suite started it."""


class GivenBroker:
    """A broker that somebody else runs."""

    def __init__(self, bootstrap: str, name: str | None = None) -> None:
        self.name = name or bootstrap
        self.version: str | None = None
        self.bootstrap = bootstrap

    def restart(self, *, kill: bool) -> None:
        raise CannotRestart("the suite was given this broker's address and cannot restart it")

    def close(self) -> None:
        """It goes on."""
