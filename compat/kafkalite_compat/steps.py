"""The driver's steps as typed calls: bytes for base64, small values for JSON, handles for names."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kafkalite_compat.driver import Driver, NotSupported, StepFailed

TopicPartition = tuple[str, int]
Headers = Sequence[tuple[str, bytes | None]]

POLL_MS: Final = 500


@dataclass(frozen=True)
class NewRecord:
    """A record to be produced. `partition` None: the library chooses; `timestamp_ms` None: now."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    partition: int | None = None
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class Sent:
    """What the client tells of a record it has sent. With `error` it was not written."""

    partition: int | None
    offset: int | None
    timestamp_ms: int | None
    error: StepFailed | None


@dataclass(frozen=True)
class Polled:
    """A record as the client gives it to its user. `timestamp_type`: "create", "append" or None (not told)."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    timestamp_type: str | None
    key: bytes | None
    value: bytes | None
    headers: Headers
    delivery_count: int | None


@dataclass(frozen=True)
class Rebalance:
    """`kind`: "assigned", "revoked" or "lost"."""

    kind: str
    partitions: frozenset[TopicPartition]


@dataclass(frozen=True)
class Assignment:
    partitions: frozenset[TopicPartition]
    member_id: str | None
    generation: int | None


@dataclass(frozen=True)
class CommittedOffset:
    """`offset` None: the group has committed none for the partition."""

    topic: str
    partition: int
    offset: int | None
    metadata: str | None


@dataclass
class Steps:
    """The steps of one driver process. Producers and consumers are closed with `close`, in the end, if the scenario has not."""

    driver: Driver
    _open: list[Producer | Consumer] = field(default_factory=list)
    _names: int = 0

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        """A step without typed clothes: the administration. Fields that are None are the defaults."""
        return self.driver.call(op, **fields)

    def producer(self, **options: Any) -> Producer:
        """Open a producer; options as in DRIVERS.md's `open_producer`."""
        opened = Producer(self, self._name("producer"))
        self.call("open_producer", producer=opened.name, **options)
        self._open.append(opened)
        return opened

    def consumer(self, **options: Any) -> Consumer:
        """Open a consumer; options as in DRIVERS.md's `open_consumer`."""
        return self._consumer("open_consumer", options)

    def share_consumer(self, group: str, acknowledgement: str = "implicit") -> Consumer:
        options = {"group": group, "acknowledgement": acknowledgement}
        return self._consumer("open_share_consumer", options)

    def produce(self, topic: str, records: Iterable[NewRecord], **options: Any) -> list[Sent]:
        """Send records with a producer of their own; raises the first record's error."""
        producer = self.producer(**options)
        sent = producer.send_all(topic, records)
        producer.close()
        return sent

    def close(self) -> None:
        """Close what is open. What a client says against closing is not the scenario's concern."""
        for one in list(self._open):
            try:
                one.close()
            except (StepFailed, NotSupported):
                continue

    def _consumer(self, op: str, options: Mapping[str, Any]) -> Consumer:
        opened = Consumer(self, self._name("consumer"))
        self.call(op, consumer=opened.name, **options)
        self._open.append(opened)
        return opened

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}-{self._names}"

    def forget(self, closed: Producer | Consumer) -> None:
        if closed in self._open:
            self._open.remove(closed)


@dataclass(eq=False)
class Producer:
    steps: Steps
    name: str

    def send(self, topic: str, records: Iterable[NewRecord]) -> list[Sent]:
        """Send all, then wait for all; each tells its own fate."""
        answer = self.steps.call(
            "produce", producer=self.name, topic=topic, records=[_to_json(one) for one in records]
        )
        return [_sent(one) for one in answer["results"]]

    def send_all(self, topic: str, records: Iterable[NewRecord]) -> list[Sent]:
        """As `send`, but the first record that failed raises its StepFailed."""
        sent = self.send(topic, records)
        for one in sent:
            if one.error is not None:
                raise one.error
        return sent

    def begin(self) -> None:
        self.steps.call("begin", producer=self.name)

    def commit(self) -> None:
        self.steps.call("commit", producer=self.name)

    def abort(self) -> None:
        self.steps.call("abort", producer=self.name)

    def send_offsets(
        self, group: str, offsets: Mapping[TopicPartition, int], consumer: Consumer | None = None
    ) -> None:
        """Add a group's offsets to the transaction."""
        self.steps.call(
            "send_offsets",
            producer=self.name,
            group=group,
            consumer=None if consumer is None else consumer.name,
            offsets=_offsets(offsets),
        )

    def close(self) -> None:
        self.steps.forget(self)
        self.steps.call("close_producer", producer=self.name)


@dataclass(eq=False)
class Consumer:
    steps: Steps
    name: str

    def assign(self, positions: Mapping[TopicPartition, int | str]) -> None:
        """Read these partitions, each from an offset, "earliest", "latest" or "committed"."""
        self.call(
            "assign",
            partitions=[
                {"topic": topic, "partition": partition, "offset": offset}
                for (topic, partition), offset in positions.items()
            ],
        )

    def subscribe(self, *topics: str, pattern: str | None = None) -> None:
        if pattern is None:
            self.call("subscribe", topics=list(topics))
        else:
            self.call("subscribe", pattern=pattern)

    def poll(self, timeout_ms: int = POLL_MS, max_records: int = 500) -> list[Polled]:
        answer = self.call("poll", timeout_ms=timeout_ms, max_records=max_records)
        return [_polled(one) for one in answer["records"]]

    def assignment(self) -> Assignment:
        answer = self.call("assignment")
        return Assignment(
            _partitions(answer["partitions"]), answer.get("member_id"), answer.get("generation")
        )

    def rebalances(self) -> list[Rebalance]:
        """What the library has told its user of rebalances since the last call."""
        events = self.call("rebalances")["events"]
        return [Rebalance(one["kind"], _partitions(one["partitions"])) for one in events]

    def seek(self, topic: str, partition: int, offset: int | str) -> None:
        self.call("seek", topic=topic, partition=partition, offset=offset)

    def position(self, topic: str, partition: int) -> int:
        return int(self.call("position", topic=topic, partition=partition)["offset"])

    def commit(
        self, offsets: Mapping[TopicPartition, int] | None = None, metadata: str | None = None
    ) -> None:
        """Commit these offsets, or those after what `poll` has given."""
        told = None if offsets is None else _offsets(offsets, metadata)
        self.call("commit_offsets", offsets=told)

    def committed(self, *partitions: TopicPartition) -> list[CommittedOffset]:
        answer = self.call("committed", partitions=_named(partitions))
        return [committed_offset(one) for one in answer["offsets"]]

    def pause(self, *partitions: TopicPartition) -> None:
        self.call("pause", partitions=_named(partitions))

    def resume(self, *partitions: TopicPartition) -> None:
        self.call("resume", partitions=_named(partitions))

    def acknowledge(self, record: Polled, kind: str) -> None:
        """`kind`: "accept", "release" or "reject"."""
        self.call(
            "acknowledge",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            type=kind,
        )

    def commit_share(self) -> None:
        self.call("commit_share")

    def close(self) -> None:
        self.steps.forget(self)
        self.call("close_consumer")

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        return self.steps.call(op, consumer=self.name, **fields)


def records_of(values: Iterable[bytes], **fields: Any) -> list[NewRecord]:
    """One record per value."""
    return [NewRecord(value, **fields) for value in values]


def committed_offset(told: Mapping[str, Any]) -> CommittedOffset:
    return CommittedOffset(
        told["topic"], told["partition"], told.get("offset"), told.get("metadata")
    )


def encoded(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _to_json(record: NewRecord) -> dict[str, Any]:
    return {
        "key": encoded(record.key),
        "value": encoded(record.value),
        "headers": [[name, encoded(value)] for name, value in record.headers],
        "partition": record.partition,
        "timestamp_ms": record.timestamp_ms,
    }


def _sent(told: Mapping[str, Any]) -> Sent:
    error = told.get("error")
    failure = None
    if error is not None:
        failure = StepFailed(
            "produce", error.get("code"), error.get("name"), str(error.get("text", ""))
        )
    return Sent(told.get("partition"), told.get("offset"), told.get("timestamp_ms"), failure)


def _polled(told: Mapping[str, Any]) -> Polled:
    return Polled(
        topic=told["topic"],
        partition=told["partition"],
        offset=told["offset"],
        timestamp_ms=told.get("timestamp_ms", -1),
        timestamp_type=told.get("timestamp_type"),
        key=decoded(told.get("key")),
        value=decoded(told.get("value")),
        headers=tuple((name, decoded(value)) for name, value in told.get("headers") or ()),
        delivery_count=told.get("delivery_count"),
    )


def _offsets(
    offsets: Mapping[TopicPartition, int], metadata: str | None = None
) -> list[dict[str, Any]]:
    return [
        {"topic": topic, "partition": partition, "offset": offset, "metadata": metadata}
        for (topic, partition), offset in offsets.items()
    ]


def _named(partitions: Iterable[TopicPartition]) -> list[dict[str, Any]]:
    return [{"topic": topic, "partition": partition} for topic, partition in partitions]


def _partitions(told: Iterable[Mapping[str, Any]]) -> frozenset[TopicPartition]:
    return frozenset((one["topic"], one["partition"]) for one in told)
