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
    to_offsets,
    to_partition,
)
from .kafka_python_polling import Member
from .records import partition_json, record_json
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
KNOWS_ITSELF: Final = hasattr(KafkaConsumer, "group_metadata")
"""Since version 3 a consumer tells its member id and generation."""


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
        opened = self._connection.make(KafkaConsumer, settings)
        self._consumers.add(consumer, Member(opened))
        self._rebalances[consumer] = Rebalances()

    def group_metadata(self, consumer: str, group: str) -> Any:
        """For a transaction that commits what this consumer has read: until version 3 the name alone."""
        if not KNOWS_ITSELF:
            return group
        return self._consumers.get(consumer).call(KafkaConsumer.group_metadata)

    @op
    def assign(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        self._consumers.get(consumer).call(lambda opened: _assign(opened, partitions))

    @op
    def subscribe(
        self, consumer: str, topics: list[str] | None = None, pattern: str | None = None
    ) -> None:
        member, listener = self._consumers.get(consumer), self._rebalances[consumer]
        member.call(lambda opened: opened.subscribe(topics or (), pattern, listener))
        member.in_group = True

    @op
    def poll(self, consumer: str, timeout_ms: int, max_records: int = 500) -> dict[str, Any]:
        found = self._consumers.get(consumer).poll(timeout_ms, max_records)
        return {"records": [record_json(one) for some in found.values() for one in some]}

    @op
    def assignment(self, consumer: str) -> dict[str, Any]:
        member = self._consumers.get(consumer)
        partitions = sorted(member.look(KafkaConsumer.assignment))
        known = member.look(KafkaConsumer.group_metadata) if KNOWS_ITSELF else None
        return {
            "partitions": list(map(partition_json, partitions)),
            "member_id": known.member_id if known else None,
            "generation": or_none(known.generation_id) if known else None,
        }

    @op
    def rebalances(self, consumer: str) -> dict[str, Any]:
        self._consumers.get(consumer)
        return {"events": self._rebalances[consumer].take()}

    @op
    def seek(self, consumer: str, topic: str, partition: int, offset: int | str) -> None:
        where = TopicPartition(topic, partition)
        self._consumers.get(consumer).call(lambda opened: _seek(opened, where, offset))

    @op
    def position(self, consumer: str, topic: str, partition: int) -> dict[str, Any]:
        where = TopicPartition(topic, partition)
        found = self._consumers.get(consumer).call(lambda opened: opened.position(where))
        return {"offset": found}

    @op
    def commit_offsets(self, consumer: str, offsets: list[dict[str, Any]] | None = None) -> None:
        wanted = None if offsets is None else to_offsets(offsets)
        self._consumers.get(consumer).call(lambda opened: opened.commit(wanted))

    @op
    def committed(self, consumer: str, partitions: list[dict[str, Any]]) -> dict[str, Any]:
        member, wanted = self._consumers.get(consumer), list(map(to_partition, partitions))
        found = member.call(lambda opened: [(one, opened.committed(one, True)) for one in wanted])
        return {"offsets": [offset_json(where, one) for where, one in found]}

    @op
    def pause(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        wanted = list(map(to_partition, partitions))
        self._consumers.get(consumer).call(lambda opened: opened.pause(*wanted))

    @op
    def resume(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        wanted = list(map(to_partition, partitions))
        self._consumers.get(consumer).call(lambda opened: opened.resume(*wanted))

    @op
    def close_consumer(self, consumer: str) -> None:
        self._consumers.take(consumer).call(KafkaConsumer.close)


def _assignors(name: str | None) -> list[Any] | None:
    """kafka-python takes assignors as classes. Raises Unsupported if the version has no such one."""
    if name is None:
        return None
    module, kind = ASSIGNORS.get(name, ("", ""))
    try:
        return [getattr(importlib.import_module(module), kind)]
    except (ImportError, ValueError):
        raise Unsupported(f"kafka-python {VERSION} has no assignor {name}") from None


def _assign(consumer: Any, partitions: list[dict[str, Any]]) -> None:
    consumer.assign(list(map(to_partition, partitions)))
    for one in partitions:
        if one["offset"] != "committed":
            _seek(consumer, to_partition(one), one["offset"])


def _seek(consumer: Any, where: TopicPartition, offset: int | str) -> None:
    if offset == "earliest":
        consumer.seek_to_beginning(where)
    elif offset == "latest":
        consumer.seek_to_end(where)
    else:
        consumer.seek(where, offset)
