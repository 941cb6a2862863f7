"""What the parts of the confluent-kafka driver share: settings, errors, partitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import confluent_kafka
import confluent_kafka.admin
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from .serving import Failed, Unsupported

WAIT_S: Final = 30.0

ADMIN: Final[Any] = confluent_kafka.admin
"""Untyped: which names it has depends on the version, and the newest does not declare most of them."""

# librdkafka's own errors: an underscore and a negative number tell them from Kafka's.
INVALID_ARG: Final = KafkaError._INVALID_ARG  # noqa: SLF001
CONFLICT: Final = KafkaError._CONFLICT  # noqa: SLF001
MAX_POLL_EXCEEDED: Final = KafkaError._MAX_POLL_EXCEEDED  # noqa: SLF001
NO_OFFSET: Final = KafkaError._NO_OFFSET  # noqa: SLF001
STATE: Final = KafkaError._STATE  # noqa: SLF001

START_OFFSETS: Final = {
    "earliest": confluent_kafka.OFFSET_BEGINNING,
    "latest": confluent_kafka.OFFSET_END,
    "committed": confluent_kafka.OFFSET_STORED,
}


class Connection:
    """Where the broker is, and the one admin client."""

    def __init__(self) -> None:
        self.bootstrap = ""
        self._admin: Any = None

    def settings(self, others: Mapping[str, Any]) -> dict[str, Any]:
        """librdkafka's settings: the broker's address, and those of `others` that are not None."""
        given = {name: value for name, value in others.items() if value is not None}
        return {"bootstrap.servers": self.bootstrap, **given}

    @property
    def admin(self) -> Any:
        if self._admin is None:
            self._admin = ADMIN.AdminClient(self.settings({}))
        return self._admin


def make(kind: Callable[[dict[str, Any]], Any], settings: dict[str, Any]) -> Any:
    """A client of that kind. Raises Unsupported where librdkafka refuses a setting."""
    try:
        return kind(settings)
    except KafkaException as problem:
        error = problem.args[0]
        if error.code() in {INVALID_ARG, CONFLICT}:
            raise Unsupported(f"librdkafka refuses its settings: {error.str()}") from problem
        raise


def failed(error: KafkaError) -> Failed:
    """librdkafka's own errors are negative: they have a name, but no code of Kafka's."""
    code = error.code()
    return Failed(error.str(), code if code >= 0 else None, error.name())


def explain(problem: Exception) -> Failed | None:
    if isinstance(problem, KafkaException) and problem.args:
        error = problem.args[0]
        if isinstance(error, KafkaError):
            return failed(error)
    return None


def need(owner: object, method: str) -> Any:
    """A method that only some versions have."""
    found = getattr(owner, method, None)
    if found is None:
        version = confluent_kafka.__version__
        raise Unsupported(f"confluent-kafka {version} has no {type(owner).__name__}.{method}")
    return found


def only_result(futures: Mapping[Any, Any]) -> Any:
    """What came of the one thing that was asked for."""
    (future,) = futures.values()
    return future.result(WAIT_S)


def to_partitions(tables: list[dict[str, Any]]) -> list[TopicPartition]:
    """With "offset" (a number or one of START_OFFSETS) and "metadata", where they are given."""
    return [_to_partition(table) for table in tables]


def _to_partition(table: dict[str, Any]) -> TopicPartition:
    one = TopicPartition(table["topic"], table["partition"])
    offset = table.get("offset")
    if offset is not None:
        one.offset = START_OFFSETS.get(offset, offset)
    if table.get("metadata") is not None:
        one = _with_metadata(one, table["metadata"])
    return one


def _with_metadata(one: TopicPartition, metadata: str) -> TopicPartition:
    try:
        return TopicPartition(one.topic, one.partition, one.offset, metadata)
    except TypeError:
        version = confluent_kafka.__version__
        reason = f"TopicPartition of confluent-kafka {version} takes no metadata"
        raise Unsupported(reason) from None


def raise_first_error(partitions: list[TopicPartition]) -> None:
    for one in partitions:
        if one.error is not None:
            raise failed(one.error)


def partition_json(one: TopicPartition) -> dict[str, Any]:
    return {"topic": one.topic, "partition": one.partition}


def offset_json(one: TopicPartition) -> dict[str, Any]:
    """A committed offset; None where there is none."""
    offset = one.offset if one.offset >= 0 else None
    metadata = getattr(one, "metadata", None)
    return {**partition_json(one), "offset": offset, "metadata": metadata}
