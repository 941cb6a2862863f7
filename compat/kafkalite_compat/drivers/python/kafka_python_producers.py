"""Producers and transactions of kafka-python."""

from __future__ import annotations

from typing import Any, Final

from kafka import KafkaProducer

from .kafka_python_common import VERSION, WAIT_S, Connection, explain, if_known, to_offsets
from .kafka_python_consumers import Consumers
from .serving import Handles, Unsupported, op, or_none, refuse_others, to_bytes, told

ACKS: Final = {"0": 0, "1": 1, "all": "all"}
RECORD: Final = ("key", "value", "headers", "partition", "timestamp_ms")
DELIVERY_TIMEOUT_MS: Final = 30_000


class Producers:
    def __init__(self, connection: Connection, consumers: Consumers) -> None:
        self._connection = connection
        self._consumers = consumers
        self._producers = Handles("producer")

    @op
    def open_producer(
        self,
        producer: str,
        acks: str = "all",
        compression: str = "none",
        idempotence: bool = False,
        transactional_id: str | None = None,
        transaction_timeout_ms: int | None = None,
        linger_ms: int = 0,
        batch_bytes: int | None = None,
        max_request_bytes: int | None = None,
        retries: int | None = None,
        delivery_timeout_ms: int | None = None,
        max_in_flight: int | None = None,
    ) -> None:
        if delivery_timeout_ms is None:
            default = DELIVERY_TIMEOUT_MS
            delivery_timeout_ms = if_known(KafkaProducer, "delivery_timeout_ms", default)
        wants_idempotence = idempotence or transactional_id is not None
        settings = {
            "acks": ACKS[acks],
            "compression_type": None if compression == "none" else compression,
            "enable_idempotence": wants_idempotence or _off_if_known("enable_idempotence"),
            "transactional_id": transactional_id,
            "transaction_timeout_ms": transaction_timeout_ms,
            "linger_ms": linger_ms,
            "batch_size": batch_bytes,
            "max_request_size": max_request_bytes,
            "retries": retries,
            "delivery_timeout_ms": delivery_timeout_ms,
            "request_timeout_ms": _request_timeout_ms(delivery_timeout_ms, linger_ms),
            "max_in_flight_requests_per_connection": max_in_flight,
        }
        opened = self._connection.make(KafkaProducer, settings)
        if transactional_id is not None:
            opened.init_transactions()
        self._producers.add(producer, opened)

    @op
    def produce(self, producer: str, topic: str, records: list[dict[str, Any]]) -> dict[str, Any]:
        opened = self._producers.get(producer)
        sent = [_send(opened, topic, _arguments(record)) for record in records]
        opened.flush()
        return {"results": [_result(one) for one in sent]}

    @op
    def begin(self, producer: str) -> None:
        self._producers.get(producer).begin_transaction()

    @op
    def commit(self, producer: str) -> None:
        self._producers.get(producer).commit_transaction()

    @op
    def abort(self, producer: str) -> None:
        self._producers.get(producer).abort_transaction()

    @op
    def send_offsets(
        self,
        producer: str,
        group: str,
        offsets: list[dict[str, Any]],
        consumer: str | None = None,
    ) -> None:
        opened = self._producers.get(producer)
        metadata = group if consumer is None else self._consumers.group_metadata(consumer, group)
        opened.send_offsets_to_transaction(to_offsets(offsets), metadata)

    @op
    def close_producer(self, producer: str) -> None:
        self._producers.take(producer).close(timeout=WAIT_S)


def _off_if_known(name: str) -> bool | None:
    return if_known(KafkaProducer, name, value=False)  # type: ignore[no-any-return]


def _request_timeout_ms(delivery_timeout_ms: int | None, linger_ms: int) -> int | None:
    """kafka-python wants linger_ms + request_timeout_ms <= delivery_timeout_ms."""
    if delivery_timeout_ms is None:
        return None
    return max(1, min(30_000, delivery_timeout_ms - linger_ms))


def _arguments(record: dict[str, Any]) -> dict[str, Any]:
    """A record as `KafkaProducer.send` takes it."""
    refuse_others("produce", record, RECORD)
    key, value = to_bytes(record.get("key")), to_bytes(record.get("value"))
    if key is None and value is None:
        raise Unsupported(f"kafka-python {VERSION} refuses a record with neither key nor value")
    headers = [(name, to_bytes(content)) for name, content in record.get("headers") or []]
    if any(content is None for _name, content in headers):
        raise Unsupported(f"kafka-python {VERSION} takes headers of bytes only, no null")
    return {
        "key": key,
        "value": value,
        "headers": headers,
        "partition": record.get("partition"),
        "timestamp_ms": record.get("timestamp_ms"),
    }


def _send(producer: Any, topic: str, arguments: dict[str, Any]) -> Any:
    """The library's future, or the exception that `send` itself raised."""
    try:
        return producer.send(topic, **arguments)
    except Exception as problem:
        return problem


def _result(sent: Any) -> dict[str, Any]:
    try:
        if isinstance(sent, Exception):
            raise sent
        found = sent.get(timeout=WAIT_S)
    except Exception as problem:
        return {"error": told(problem, explain).as_json()}
    return {
        "partition": found.partition,
        "offset": or_none(found.offset),
        "timestamp_ms": or_none(found.timestamp),
    }
