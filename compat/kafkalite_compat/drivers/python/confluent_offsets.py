"""Offsets of a partition with confluent-kafka: by the admin client, which can since 2.3, else by a consumer."""

from __future__ import annotations

from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, TopicPartition

from .confluent_common import ADMIN, WAIT_S, Connection, raise_first_error
from .serving import Unsupported, op, or_none


class Offsets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @op
    def list_offsets(
        self, topic: str, partition: int, at: str | int, isolation: str = "read_uncommitted"
    ) -> dict[str, Any]:
        found = list_one(self._connection, TopicPartition(topic, partition), at, isolation)
        known_time = or_none(getattr(found, "timestamp", None))
        return {"offset": or_none(found.offset), "timestamp_ms": known_time}


def list_one(connection: Connection, where: TopicPartition, at: str | int, isolation: str) -> Any:
    """By the admin client where it can, else by a consumer; has `offset`, perhaps `timestamp`."""
    if hasattr(connection.admin, "list_offsets"):
        return _list_by_admin(connection, where, at, isolation)
    if at == "max_timestamp":
        raise Unsupported(f"confluent-kafka {confluent_kafka.__version__} has no list_offsets")
    return _list_by_consumer(connection, where, at, isolation)


def _list_by_admin(
    connection: Connection, where: TopicPartition, at: str | int, isolation: str
) -> Any:
    specs = {
        "earliest": ADMIN.OffsetSpec.earliest,
        "latest": ADMIN.OffsetSpec.latest,
        "max_timestamp": ADMIN.OffsetSpec.max_timestamp,
    }
    spec = specs[at]() if isinstance(at, str) else ADMIN.OffsetSpec.for_timestamp(at)
    level = confluent_kafka.IsolationLevel[isolation.upper()]
    (future,) = connection.admin.list_offsets({where: spec}, isolation_level=level).values()
    return future.result(WAIT_S)


def _list_by_consumer(
    connection: Connection, where: TopicPartition, at: str | int, isolation: str
) -> TopicPartition:
    consumer = Consumer(connection.settings({"group.id": "none", "isolation.level": isolation}))
    try:
        if isinstance(at, str):
            low, high = consumer.get_watermark_offsets(where, WAIT_S)
            where.offset = low if at == "earliest" else high
            return where
        where.offset = at
        (found,) = consumer.offsets_for_times([where], WAIT_S)
        raise_first_error([found])
        return found
    finally:
        consumer.close()
