"""The share consumer (KIP-932), which confluent-kafka has since 2.16."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import confluent_kafka

from .confluent_common import WAIT_S, explain, failed, make
from .serving import Unsupported

MAX_POLL_RECORDS: Final = 500


class ShareMember:
    """A share consumer of the library, with the steps of any consumer."""

    def __init__(self, consumer: Any, record_json: Callable[[Any], dict[str, Any]]) -> None:
        self._consumer = consumer
        self._record_json = record_json

    def subscribe(self, topics: list[str]) -> None:
        if any(topic.startswith("^") for topic in topics):
            raise Unsupported("a share consumer takes no pattern")
        self._consumer.subscribe(topics)

    def poll(self, timeout_ms: int, max_records: int) -> list[dict[str, Any]]:
        if max_records != MAX_POLL_RECORDS:
            raise Unsupported("a share consumer's poll gives as many records as it was opened for")
        messages = list(self._consumer.poll(timeout_ms / 1000))
        for message in messages:
            if message.error() is not None:
                raise failed(message.error())
        return [
            {**self._record_json(message), "delivery_count": message.delivery_count()}
            for message in messages
        ]

    def acknowledge(self, topic: str, partition: int, offset: int, kind: str) -> None:
        kinds = confluent_kafka.AcknowledgeType
        self._consumer.acknowledge_offset(topic, partition, offset, kinds[kind.upper()])

    def commit(self) -> None:
        for problem in self._consumer.commit_sync(WAIT_S).values():
            if problem is not None:
                raise explain(problem) or problem

    def close(self) -> None:
        self._consumer.close()


def open_share(
    settings: dict[str, Any], record_json: Callable[[Any], dict[str, Any]]
) -> ShareMember:
    """Raises Unsupported where the version has no share consumer."""
    kind = getattr(confluent_kafka, "ShareConsumer", None)
    if kind is None:
        raise Unsupported(f"confluent-kafka {confluent_kafka.__version__} has no ShareConsumer")
    return ShareMember(make(kind, settings), record_json)
