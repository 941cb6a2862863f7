"""What a scenario may use: the client under test, the suite's own wire client, fresh names and topics, the broker's restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any

from kafkalite_protocol.records import Record

from kafkalite_compat.driver import Driver, NotSupported
from kafkalite_compat.scenario import Skip
from kafkalite_compat.steps import Steps
from kafkalite_compat.wire import logs, topics
from kafkalite_compat.wire.cluster import Cluster
from kafkalite_compat.wire.logs import Batch


@dataclass
class World:
    """One scenario's surroundings; a context, which in the end closes what the scenario has opened.

    Attributes:
        client: The driver under test, started.
        bootstrap: The broker's address.
        another: A second process of the same client, ended with the scenario; for members that crash.
        restart_broker: Waits until every client of this run has come here, then stops and starts the broker (`kill`: as kill -9).
        wire: The suite's own client: what it prepares, and its eyes.
    """

    client: Driver
    bootstrap: str
    prefix: str
    another: Callable[[], Driver]
    restart_broker: Callable[[bool], None]
    _topics: list[str] = field(default_factory=list)

    def __enter__(self) -> World:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None or issubclass(kind, NotSupported | Skip):  # else the driver is ended
                self.steps.close()
        finally:
            self.wire.close()

    @cached_property
    def steps(self) -> Steps:
        """The client under test."""
        return Steps(self.client)

    @cached_property
    def wire(self) -> Cluster:
        return Cluster(self.bootstrap)

    def second_client(self) -> Steps:
        """The same client in a process of its own."""
        return Steps(self.another())

    def name(self, hint: str) -> str:
        """A name for a topic, group or transactional id that nobody else uses."""
        return f"{self.prefix}-{hint}"

    def topic(
        self,
        partitions: int = 1,
        configs: Mapping[str, str] | None = None,
        hint: str = "topic",
    ) -> str:
        """A new topic, made by the suite itself, ready to be written to."""
        self._topics.append(hint)
        count = self._topics.count(hint)
        topic = self.name(hint if count == 1 else f"{hint}-{count}")
        topics.create_topic(self.wire, topic, partitions, configs)
        return topic

    def write(self, topic: str, values: Sequence[bytes], partition: int = 0, **fields: Any) -> int:
        """The suite itself appends one batch of records without keys; its base offset. `fields` as in `logs.batch_of`."""
        records = [Record(0, -1, None, value) for value in values]
        return self.write_records(topic, records, partition, **fields)

    def write_records(
        self, topic: str, records: Sequence[Record], partition: int = 0, **fields: Any
    ) -> int:
        """As `write`, with keys, headers and timestamps; a timestamp below 0 is now."""
        batch = logs.batch_of(records, timestamp_ms=now_ms(), **fields)
        return logs.append(self.wire, topic, partition, batch)

    def log(self, topic: str, partition: int = 0) -> list[Batch]:
        """The batches that the broker has of a partition."""
        return logs.read(self.wire, topic, partition)

    def values(self, topic: str, partition: int = 0) -> list[bytes | None]:
        """The values that the broker has of a partition, control records left out."""
        records = logs.read_values(self.wire, topic, partition)
        return [None if one.value is None else bytes(one.value) for one in records]


def now_ms() -> int:
    return time.time_ns() // 1_000_000
