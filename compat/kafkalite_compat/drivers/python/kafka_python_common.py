"""What the parts of the kafka-python driver share: settings, errors, records, partitions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import kafka
from kafka import errors
from kafka.structs import OffsetAndMetadata, TopicPartition

from .records import partition_json
from .serving import Failed, Unsupported, or_none

VERSION: Final[str] = kafka.__version__
IS_OLD: Final = VERSION.startswith("2.")
"""Version 3 has another admin client, with other names and other results."""

WAIT_S: Final = 30
ERROR_IN_TEXT: Final = re.compile(r"\[Error (-?\d+)\]")


class Connection:
    """Where the broker is, and the one admin client."""

    def __init__(self) -> None:
        self.bootstrap: list[str] = []
        self._admin: Any = None

    def make(self, kind: Any, settings: Mapping[str, Any]) -> Any:
        """A client of that kind. Settings that are None are left to the library.

        Raises Unsupported if the library has no such option, or refuses its value.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        unknown = sorted(set(given) - set(kind.DEFAULT_CONFIG))
        if unknown:
            raise Unsupported(f"{kind.__name__} of kafka-python {VERSION} has no {unknown[0]}")
        try:
            return kind(bootstrap_servers=self.bootstrap, **given)
        except (errors.KafkaConfigurationError, AssertionError, ValueError) as problem:
            raise Unsupported(f"kafka-python {VERSION} refuses its settings: {problem}") from None

    @property
    def admin(self) -> Any:
        if self._admin is None:
            self._admin = kafka.KafkaAdminClient(bootstrap_servers=self.bootstrap)
        return self._admin


def if_known(kind: Any, name: str, value: Any) -> Any:
    """A default of the suite's: where the library has no such option, nobody has asked for it."""
    return value if name in kind.DEFAULT_CONFIG else None


def explain(problem: Exception) -> Failed | None:
    """kafka-python's errors of the broker carry Kafka's code and name, but for codes that it does not know.

    Some of its own errors have one of the broker in their text.
    """
    if isinstance(problem, errors.UnknownError):
        return Failed(str(problem))
    if isinstance(problem, errors.BrokerResponseError):
        return Failed(str(problem), problem.errno, problem.message)
    if isinstance(problem, errors.KafkaError) and ERROR_IN_TEXT.search(str(problem)):
        return failed_text(str(problem))
    return None


def raise_error(kind: Any, text: str) -> None:
    """Raise an error that the library gives as a class, unless it says that there is none."""
    if kind is not errors.NoError:
        raise Failed(text, getattr(kind, "errno", None), getattr(kind, "message", kind.__name__))


def failed_text(text: str) -> Failed:
    """Some results hold an error as text alone: "[Error 69] GroupIdNotFoundError: ..."."""
    match = ERROR_IN_TEXT.search(text)
    if match is None:
        return Failed(text)
    code = int(match.group(1))
    return Failed(text, code, errors.for_code(code).message)


def to_partition(table: Mapping[str, Any]) -> TopicPartition:
    return TopicPartition(table["topic"], table["partition"])


def to_offsets(tables: Iterable[Mapping[str, Any]]) -> dict[TopicPartition, OffsetAndMetadata]:
    return {to_partition(one): offset_and_metadata(one) for one in tables}


def offset_and_metadata(table: Mapping[str, Any]) -> OffsetAndMetadata:
    values = {
        "offset": table["offset"],
        "metadata": table.get("metadata") or "",
        "leader_epoch": -1,
    }
    return OffsetAndMetadata(*(values[name] for name in OffsetAndMetadata._fields))


def offset_json(where: TopicPartition, found: Any) -> dict[str, Any]:
    """A committed offset; None where there is none."""
    offset = None if found is None else or_none(found.offset)
    metadata = None if offset is None else found.metadata
    return {**partition_json(where), "offset": offset, "metadata": metadata}
