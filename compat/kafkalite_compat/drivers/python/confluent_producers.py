"""Producers and transactions of confluent-kafka."""

from __future__ import annotations

from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from .confluent_common import WAIT_S, Connection, explain, failed, make, to_partitions
from .confluent_consumers import Consumers
from .serving import Failed, Handles, Unsupported, op, or_none, refuse_others, to_bytes, told

RECORD = ("key", "value", "headers", "partition", "timestamp_ms")


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
        transaction_timeout_ms: int = 60_000,
        linger_ms: int = 0,
        batch_bytes: int | None = None,
        max_request_bytes: int | None = None,
        retries: int | None = None,
        delivery_timeout_ms: int = 30_000,
        max_in_flight: int | None = None,
    ) -> None:
        settings = {
            "acks": acks,
            "compression.type": compression,
            "enable.idempotence": idempotence,
            "linger.ms": linger_ms,
            "batch.size": batch_bytes,
            "message.max.bytes": max_request_bytes,
            "message.send.max.retries": retries,
            "message.timeout.ms": delivery_timeout_ms,
            "max.in.flight.requests.per.connection": max_in_flight,
        }
        if transactional_id is not None:
            settings |= {
                "enable.idempotence": True,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": transaction_timeout_ms,
                # librdkafka wants a record to be given up before its transaction is.
                "message.timeout.ms": min(delivery_timeout_ms, transaction_timeout_ms),
            }
        opened = make(Producer, self._connection.settings(settings))
        if transactional_id is not None:
            opened.init_transactions(WAIT_S)
        self._producers.add(producer, opened)

    @op
    def produce(self, producer: str, topic: str, records: list[dict[str, Any]]) -> dict[str, Any]:
        opened = self._producers.get(producer)
        arguments = [_arguments(record) for record in records]
        results: list[dict[str, Any] | None] = [None] * len(records)

        def send(number: int) -> None:
            def delivered(error: KafkaError | None, message: Message) -> None:
                results[number] = _result(error, message)

            _enqueue(opened, topic, arguments[number], delivered)

        for number in range(len(records)):
            try:
                send(number)
            except KafkaException as problem:
                results[number] = {"error": told(problem, explain).as_json()}
        while None in results:
            opened.poll(1)
        return {"results": results}

    @op
    def begin(self, producer: str) -> None:
        self._producers.get(producer).begin_transaction()

    @op
    def commit(self, producer: str) -> None:
        self._producers.get(producer).commit_transaction(WAIT_S)

    @op
    def abort(self, producer: str) -> None:
        self._producers.get(producer).abort_transaction(WAIT_S)

    @op
    def send_offsets(
        self,
        producer: str,
        group: str,
        offsets: list[dict[str, Any]],
        consumer: str | None = None,
    ) -> None:
        opened = self._producers.get(producer)
        metadata = (
            self._metadata_of_nobody(group)
            if consumer is None
            else self._consumers.group_metadata(consumer)
        )
        opened.send_offsets_to_transaction(to_partitions(offsets), metadata, WAIT_S)

    def _metadata_of_nobody(self, group: str) -> object:
        """Only a consumer can tell group metadata: one that has not joined tells the group's name alone."""
        outsider = confluent_kafka.Consumer(self._connection.settings({"group.id": group}))
        try:
            return outsider.consumer_group_metadata()
        finally:
            outsider.close()

    @op
    def close_producer(self, producer: str) -> None:
        opened = self._producers.take(producer)
        left = opened.flush(WAIT_S)
        if left:
            raise Failed(f"{left} records were not delivered")


def _arguments(record: dict[str, Any]) -> dict[str, Any]:
    """A record as `Producer.produce` takes it."""
    refuse_others("produce", record, RECORD)
    arguments: dict[str, Any] = {
        "key": to_bytes(record.get("key")),
        "value": to_bytes(record.get("value")),
    }
    if record.get("headers") is not None:
        arguments["headers"] = [(name, to_bytes(value)) for name, value in record["headers"]]
    if record.get("partition") is not None:
        arguments["partition"] = record["partition"]
    if record.get("timestamp_ms") is not None:
        if record["timestamp_ms"] == 0:
            raise Unsupported("librdkafka takes a timestamp of 0 for the present time")
        arguments["timestamp"] = record["timestamp_ms"]
    return arguments


def _enqueue(producer: Any, topic: str, arguments: dict[str, Any], delivered: Any) -> None:
    """Queue a record; while librdkafka's queue is full, let it send."""
    while True:
        try:
            producer.produce(topic, on_delivery=delivered, **arguments)
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def _result(error: KafkaError | None, message: Message) -> dict[str, Any]:
    if error is not None:
        return {"error": failed(error).as_json()}
    kind, time_ms = message.timestamp()
    known = kind != confluent_kafka.TIMESTAMP_NOT_AVAILABLE
    return {
        "partition": message.partition(),
        "offset": or_none(message.offset()),
        "timestamp_ms": time_ms if known else None,
    }
