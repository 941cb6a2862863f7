"""Records and partitions as kafka-python has them, and aiokafka after it."""

from __future__ import annotations

from typing import Any, Final

from .serving import to_text

TIMESTAMP_TYPES: Final = {0: "create", 1: "append"}


def partition_json(one: Any) -> dict[str, Any]:
    return {"topic": one.topic, "partition": one.partition}


def record_json(record: Any) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp,
        "timestamp_type": TIMESTAMP_TYPES.get(record.timestamp_type),
        "key": to_text(record.key),
        "value": to_text(record.value),
        "headers": [[name, to_text(value)] for name, value in record.headers],
    }
