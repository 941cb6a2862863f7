"""Producers and transactions of aiokafka."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from .aiokafka_common import VERSION, Connection, explain, to_offsets
from .serving import Handles, Unsupported, op, or_none, refuse_others, to_bytes, told

ACKS: Final = {"0": 0, "1": 1, "all": "all"}
RECORD: Final = ("key", "value", "headers", "partition", "timestamp_ms")


class Producers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producers = Handles("producer")

    @op
    async def open_producer(
        self,
        producer: str,
        acks: str = "all",
        compression: str = "none",
        idempotence: bool = False,
        transactional_id: str | None = None,
        transaction_timeout_ms: int = 60_000,
        linger_ms: int = 0,
        batch_bytes: int | None = None,
        max_request_bytes: int | None = None,
        retries: int | None = None,
        delivery_timeout_ms: int = 30_000,
        max_in_flight: int | None = None,
    ) -> None:
        if retries is not None:
            raise Unsupported("aiokafka retries until the request timeout, not a number of times")
        if max_in_flight is not None:
            raise Unsupported(
                "aiokafka has no limit of requests in flight: one batch per partition"
            )
        settings = {
            "acks": ACKS[acks],
            "compression_type": None if compression == "none" else compression,
            "enable_idempotence": idempotence or transactional_id is not None,
            "transactional_id": transactional_id,
            "transaction_timeout_ms": transaction_timeout_ms,
            "linger_ms": linger_ms,
            "max_batch_size": batch_bytes,
            "max_request_size": max_request_bytes,
            # What bounds the life of a batch in aiokafka.
            "request_timeout_ms": delivery_timeout_ms,
        }
        self._producers.add(producer, await self._connection.start(AIOKafkaProducer, settings))

    @op
    async def produce(
        self, producer: str, topic: str, records: list[dict[str, Any]]
    ) -> dict[str, Any]:
        opened = self._producers.get(producer)
        arguments = [_arguments(record) for record in records]
        sent = [await _send(opened, topic, one) for one in arguments]
        return {"results": [await _result(one) for one in sent]}

    @op
    async def begin(self, producer: str) -> None:
        await self._producers.get(producer).begin_transaction()

    @op
    async def commit(self, producer: str) -> None:
        await self._producers.get(producer).commit_transaction()

    @op
    async def abort(self, producer: str) -> None:
        await self._producers.get(producer).abort_transaction()

    @op
    async def send_offsets(
        self,
        producer: str,
        group: str,
        offsets: list[dict[str, Any]],
        consumer: str | None = None,
    ) -> None:
        opened = self._producers.get(producer)
        await opened.send_offsets_to_transaction(to_offsets(offsets), group)

    @op
    async def close_producer(self, producer: str) -> None:
        await self._producers.take(producer).stop()


def _arguments(record: dict[str, Any]) -> dict[str, Any]:
    """A record as `AIOKafkaProducer.send` takes it."""
    refuse_others("produce", record, RECORD)
    key, value = to_bytes(record.get("key")), to_bytes(record.get("value"))
    if key is None and value is None:
        raise Unsupported(f"aiokafka {VERSION} refuses a record with neither key nor value")
    return {
        "key": key,
        "value": value,
        "headers": [(name, to_bytes(content)) for name, content in record.get("headers") or []],
        "partition": record.get("partition"),
        "timestamp_ms": record.get("timestamp_ms"),
    }


async def _send(producer: Any, topic: str, arguments: dict[str, Any]) -> Any:
    """The library's future, or the exception that `send` itself raised."""
    try:
        return await producer.send(topic, **arguments)
    except Exception as problem:
        return problem


async def _result(sent: Any) -> dict[str, Any]:
    try:
        if isinstance(sent, Exception):
            raise sent
        found = await asyncio.shield(sent)
    except Exception as problem:
        return {"error": told(problem, explain).as_json()}
    if found is None:  # acks=0: the library knows nothing
        return {}
    return {
        "partition": found.partition,
        "offset": or_none(found.offset),
        "timestamp_ms": or_none(found.timestamp),
    }
