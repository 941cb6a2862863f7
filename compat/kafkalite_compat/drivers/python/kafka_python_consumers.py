"""Consumers of kafka-python."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, Final

from kafka import KafkaConsumer
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.structs import TopicPartition

from .kafka_python_common import (
    VERSION,
    Connection,
    if_known,
    offset_json,
    partition_json,
    record_json,
    to_offsets,
    to_partition,
)
from .serving import Handles, Unsupported, op, or_none

ASSIGNORS: Final = {
    "range": ("kafka.coordinator.assignors.range", "RangePartitionAssignor"),
    "roundrobin": ("kafka.coordinator.assignors.roundrobin", "RoundRobinPartitionAssignor"),
    "sticky": (
        "kafka.coordinator.assignors.sticky.sticky_assignor",
        "StickyPartitionAssignor",
    ),
    "cooperative-sticky": (
        "kafka.coordinator.assignors.cooperative_sticky",
        "CooperativeStickyAssignor",
    ),
}
HEARTBEAT_INTERVAL_MS: Final = 3_000


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes what the library tells; the old versions tell an empty revocation before the first assignment."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        if revoked:
            self._note("revoked", revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._note("assigned", assigned)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._note("lost", lost)

    def _note(self, kind: str, partitions: Iterable[TopicPartition]) -> None:
        self._events.append({"kind": kind, "partitions": list(map(partition_json, partitions))})

    def take(self) -> list[dict[str, Any]]:
        """Those since the last call."""
        events, self._events = self._events, []
        return events


class Consumers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._consumers = Handles("consumer")
        self._rebalances: dict[str, Rebalances] = {}

    @op
    def open_consumer(
        self,
        consumer: str,
        group: str | None = None,
        reset: str = "earliest",
        isolation: str = "read_uncommitted",
        auto_commit: bool = False,
        auto_commit_interval_ms: int | None = None,
        protocol: str = "classic",
        assignor: str | None = None,
        instance_id: str | None = None,
        session_timeout_ms: int | None = None,
        heartbeat_interval_ms: int | None = None,
        max_poll_interval_ms: int | None = None,
        fetch_max_bytes: int | None = None,
        partition_fetch_bytes: int | None = None,
        fetch_min_bytes: int | None = None,
        fetch_max_wait_ms: int | None = None,
        allow_auto_create: bool | None = None,
    ) -> None:
        if protocol != "classic":
            raise Unsupported(f"kafka-python {VERSION} has only the classic group protocol")
        if isolation == "read_uncommitted":
            isolation = if_known(KafkaConsumer, "isolation_level", isolation)
        if allow_auto_create is None:
            allow_auto_create = if_known(KafkaConsumer, "allow_auto_create_topics", value=False)
        if heartbeat_interval_ms is None and session_timeout_ms is not None:
            heartbeat_interval_ms = min(HEARTBEAT_INTERVAL_MS, session_timeout_ms // 3)
        settings = {
            "group_id": group,
            "auto_offset_reset": reset,
            "isolation_level": isolation,
            "enable_auto_commit": auto_commit,
            "auto_commit_interval_ms": auto_commit_interval_ms,
            "partition_assignment_strategy": _assignors(assignor),
            "group_instance_id": instance_id,
            "session_timeout_ms": session_timeout_ms,
            "heartbeat_interval_ms": heartbeat_interval_ms,
            "max_poll_interval_ms": max_poll_interval_ms,
            "fetch_max_bytes": fetch_max_bytes,
            "max_partition_fetch_bytes": partition_fetch_bytes,
            "fetch_min_bytes": fetch_min_bytes,
            "fetch_max_wait_ms": fetch_max_wait_ms,
            "allow_auto_create_topics": allow_auto_create,
        }
        self._consumers.add(consumer, self._connection.make(KafkaConsumer, settings))
        self._rebalances[consumer] = Rebalances()

    def group_metadata(self, consumer: str, group: str) -> Any:
        """For a transaction that commits what this consumer has read: until version 3 the name alone."""
        opened = self._consumers.get(consumer)
        return opened.group_metadata() if hasattr(opened, "group_metadata") else group

    @op
    def assign(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        opened = self._consumers.get(consumer)
        opened.assign(list(map(to_partition, partitions)))
        for one in partitions:
            if one["offset"] != "committed":
                _seek(opened, to_partition(one), one["offset"])

    @op
    def subscribe(
        self, consumer: str, topics: list[str] | None = None, pattern: str | None = None
    ) -> None:
        opened = self._consumers.get(consumer)
        opened.subscribe(topics=topics or (), pattern=pattern, listener=self._rebalances[consumer])

    @op
    def poll(self, consumer: str, timeout_ms: int, max_records: int = 500) -> dict[str, Any]:
        found = self._consumers.get(consumer).poll(timeout_ms=timeout_ms, max_records=max_records)
        return {"records": [record_json(one) for some in found.values() for one in some]}

    @op
    def assignment(self, consumer: str) -> dict[str, Any]:
        opened = self._consumers.get(consumer)
        partitions = sorted(opened.assignment())
        member = opened.group_metadata() if hasattr(opened, "group_metadata") else None
        return {
            "partitions": list(map(partition_json, partitions)),
            "member_id": member.member_id if member else None,
            "generation": or_none(member.generation_id) if member else None,
        }

    @op
    def rebalances(self, consumer: str) -> dict[str, Any]:
        self._consumers.get(consumer)
        return {"events": self._rebalances[consumer].take()}

    @op
    def seek(self, consumer: str, topic: str, partition: int, offset: int | str) -> None:
        _seek(self._consumers.get(consumer), TopicPartition(topic, partition), offset)

    @op
    def position(self, consumer: str, topic: str, partition: int) -> dict[str, Any]:
        where = TopicPartition(topic, partition)
        return {"offset": self._consumers.get(consumer).position(where)}

    @op
    def commit_offsets(self, consumer: str, offsets: list[dict[str, Any]] | None = None) -> None:
        opened = self._consumers.get(consumer)
        opened.commit(None if offsets is None else to_offsets(offsets))

    @op
    def committed(self, consumer: str, partitions: list[dict[str, Any]]) -> dict[str, Any]:
        opened = self._consumers.get(consumer)
        wanted = list(map(to_partition, partitions))
        found = [(where, opened.committed(where, metadata=True)) for where in wanted]
        return {"offsets": [offset_json(where, one) for where, one in found]}

    @op
    def pause(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        self._consumers.get(consumer).pause(*map(to_partition, partitions))

    @op
    def resume(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        self._consumers.get(consumer).resume(*map(to_partition, partitions))

    @op
    def close_consumer(self, consumer: str) -> None:
        self._consumers.take(consumer).close()


def _assignors(name: str | None) -> list[Any] | None:
    """kafka-python takes assignors as classes. Raises Unsupported if the version has no such one."""
    if name is None:
        return None
    module, kind = ASSIGNORS.get(name, ("", ""))
    try:
        return [getattr(importlib.import_module(module), kind)]
    except (ImportError, ValueError):
        raise Unsupported(f"kafka-python {VERSION} has no assignor {name}") from None


def _seek(consumer: Any, where: TopicPartition, offset: int | str) -> None:
    if offset == "earliest":
        consumer.seek_to_beginning(where)
    elif offset == "latest":
        consumer.seek_to_end(where)
    else:
        consumer.seek(where, offset)
