"""Consumers of aiokafka."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from .aiokafka_common import (
    VERSION,
    WAIT_S,
    Connection,
    to_offsets,
    to_partition,
)
from .records import partition_json, record_json
from .serving import Handles, Unsupported, op, or_none

ASSIGNORS: Final = {
    "range": ("aiokafka.coordinator.assignors.range", "RangePartitionAssignor"),
    "roundrobin": ("aiokafka.coordinator.assignors.roundrobin", "RoundRobinPartitionAssignor"),
    "sticky": (
        "aiokafka.coordinator.assignors.sticky.sticky_assignor",
        "StickyPartitionAssignor",
    ),
}
HEARTBEAT_INTERVAL_MS: Final = 3_000
OFFSETS_KNOW_ISOLATION: Final = tuple(map(int, VERSION.split(".")[:2])) >= (0, 13)
"""Older versions ask ListOffsets v1, which knows no isolation level."""


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes what the library tells; it tells an empty revocation before the first assignment."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        if revoked:
            self._note("revoked", revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._note("assigned", assigned)

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
    async def open_consumer(
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
            raise Unsupported(f"aiokafka {VERSION} has only the classic group protocol")
        if allow_auto_create is False:
            raise Unsupported("a consumer of aiokafka always lets the broker make topics")
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
        }
        self._consumers.add(consumer, await self._connection.start(AIOKafkaConsumer, settings))
        self._rebalances[consumer] = Rebalances()

    @op
    async def assign(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        opened = self._consumers.get(consumer)
        opened.assign(list(map(to_partition, partitions)))
        for one in partitions:
            if one["offset"] != "committed":
                await _seek(opened, to_partition(one), one["offset"])

    @op
    async def subscribe(
        self, consumer: str, topics: list[str] | None = None, pattern: str | None = None
    ) -> None:
        opened = self._consumers.get(consumer)
        opened.subscribe(topics=topics or (), pattern=pattern, listener=self._rebalances[consumer])

    @op
    async def poll(self, consumer: str, timeout_ms: int, max_records: int = 500) -> dict[str, Any]:
        opened = self._consumers.get(consumer)
        found = await opened.getmany(timeout_ms=timeout_ms, max_records=max_records)
        return {"records": [record_json(one) for some in found.values() for one in some]}

    @op
    async def assignment(self, consumer: str) -> dict[str, Any]:
        partitions = sorted(self._consumers.get(consumer).assignment())
        return {
            "partitions": list(map(partition_json, partitions)),
            "member_id": None,
            "generation": None,
        }

    @op
    async def rebalances(self, consumer: str) -> dict[str, Any]:
        self._consumers.get(consumer)
        return {"events": self._rebalances[consumer].take()}

    @op
    async def seek(self, consumer: str, topic: str, partition: int, offset: int | str) -> None:
        await _seek(self._consumers.get(consumer), TopicPartition(topic, partition), offset)

    @op
    async def position(self, consumer: str, topic: str, partition: int) -> dict[str, Any]:
        opened = self._consumers.get(consumer)
        found = opened.position(TopicPartition(topic, partition))
        return {"offset": await asyncio.wait_for(found, WAIT_S)}

    @op
    async def commit_offsets(
        self, consumer: str, offsets: list[dict[str, Any]] | None = None
    ) -> None:
        opened = self._consumers.get(consumer)
        await opened.commit(None if offsets is None else to_offsets(offsets))

    @op
    async def committed(self, consumer: str, partitions: list[dict[str, Any]]) -> dict[str, Any]:
        opened = self._consumers.get(consumer)
        wanted = list(map(to_partition, partitions))
        found = [
            {**partition_json(where), "offset": await opened.committed(where), "metadata": None}
            for where in wanted
        ]
        return {"offsets": found}

    @op
    async def pause(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        self._consumers.get(consumer).pause(*map(to_partition, partitions))

    @op
    async def resume(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        self._consumers.get(consumer).resume(*map(to_partition, partitions))

    @op
    async def close_consumer(self, consumer: str) -> None:
        await self._consumers.take(consumer).stop()

    @op
    async def list_offsets(
        self, topic: str, partition: int, at: str | int, isolation: str = "read_uncommitted"
    ) -> dict[str, Any]:
        if at == "max_timestamp":
            raise Unsupported(f"aiokafka {VERSION} cannot ask for the maximum timestamp")
        if isolation != "read_uncommitted" and not OFFSETS_KNOW_ISOLATION:
            raise Unsupported(f"aiokafka {VERSION} asks for offsets with no isolation level")
        settings = {"isolation_level": isolation, "enable_auto_commit": False}
        asker = await self._connection.start(AIOKafkaConsumer, settings)
        try:
            return await _offset_at(asker, TopicPartition(topic, partition), at)
        finally:
            await asker.stop()


async def _offset_at(consumer: Any, where: TopicPartition, at: str | int) -> dict[str, Any]:
    if isinstance(at, str):
        find = consumer.beginning_offsets if at == "earliest" else consumer.end_offsets
        return {"offset": (await find([where]))[where], "timestamp_ms": None}
    found = (await consumer.offsets_for_times({where: at}))[where]
    if found is None:
        return {"offset": None, "timestamp_ms": None}
    return {"offset": or_none(found.offset), "timestamp_ms": or_none(found.timestamp)}


def _assignors(name: str | None) -> list[Any] | None:
    """aiokafka takes assignors as classes. Raises Unsupported if it has no such one."""
    if name is None:
        return None
    if name not in ASSIGNORS:
        raise Unsupported(f"aiokafka {VERSION} has no assignor {name}")
    module, kind = ASSIGNORS[name]
    return [getattr(importlib.import_module(module), kind)]


async def _seek(consumer: Any, where: TopicPartition, offset: int | str) -> None:
    if offset == "earliest":
        await consumer.seek_to_beginning(where)
    elif offset == "latest":
        await consumer.seek_to_end(where)
    else:
        consumer.seek(where, offset)
