"""Producing with kcat: one process per run of records that need the same options."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .kcat_process import Kcat
from .serving import Failed, Handles, Unsupported, op, refuse_others, to_bytes

RECORD = ("key", "value", "headers", "partition", "timestamp_ms")


@dataclass(frozen=True)
class Outgoing:
    key: bytes | None
    value: bytes | None
    headers: tuple[str, ...]
    partition: int | None

    @property
    def options(self) -> tuple[tuple[str, ...], int | None, bool, bool]:
        """Records with the same of these go through one kcat: headers, partition, whether there are keys, whether empty is null.

        kcat leaves out a line that is empty; one with a key, were it an empty one, it sends.
        """
        empty_is_null = self.value is None
        return self.headers, self.partition, self.key is not None or empty_is_null, empty_is_null


class Producers:
    def __init__(self, kcat: Kcat) -> None:
        self._kcat = kcat
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
        if transactional_id is not None:
            raise Unsupported(
                "a run of kcat is one transaction, sent and committed when its input ends: there are no steps"
            )
        settings = {
            "acks": acks,
            "compression.codec": compression,
            "enable.idempotence": idempotence,
            "linger.ms": linger_ms,
            "batch.size": batch_bytes,
            "message.max.bytes": max_request_bytes,
            "message.send.max.retries": retries,
            "message.timeout.ms": delivery_timeout_ms,
            "max.in.flight.requests.per.connection": max_in_flight,
        }
        self._kcat.check(settings)
        self._producers.add(producer, settings)

    @op
    def produce(self, producer: str, topic: str, records: list[dict[str, Any]]) -> dict[str, Any]:
        settings = self._producers.get(producer)
        outgoing = [_outgoing(record) for record in records]
        results: list[dict[str, Any]] = []
        for _, alike in itertools.groupby(outgoing, lambda one: one.options):
            results += self._send(topic, settings, list(alike))
        return {"results": results}

    def _send(
        self, topic: str, settings: dict[str, Any], alike: Sequence[Outgoing]
    ) -> list[dict[str, Any]]:
        """kcat tells no offsets; of several records it does not tell which one failed."""
        _, partition, has_keys, empty_is_null = alike[0].options
        line_end, key_end = self._separators(alike)
        arguments = ["-P", "-t", topic, "-D", _escaped(line_end)]
        arguments += ["-K", _escaped(key_end)] if has_keys else []
        arguments += ["-Z"] if empty_is_null else []
        arguments += ["-p", str(partition)] if partition is not None else []
        arguments += [part for header in alike[0].headers for part in ("-H", header)]
        lines = (_line(one, key_end if has_keys else None) + line_end for one in alike)
        result: dict[str, Any] = {"partition": partition, "offset": None, "timestamp_ms": None}
        try:
            self._kcat.run(arguments, settings, b"".join(lines))
        except Failed as problem:
            result = {"error": problem.as_json()}
        return [result] * len(alike)

    def _separators(self, records: Iterable[Outgoing]) -> tuple[bytes, bytes]:
        """What ends a line and what ends a key; neither is anywhere in the records."""
        data = b"".join((one.key or b"") + (one.value or b"") for one in records)
        unused = [bytes([byte]) for byte in range(1, 256) if byte not in data]
        if len(unused) > 1:
            return unused[0], unused[1]
        if not self._kcat.takes_words:
            raise Unsupported(
                "kafkacat 1.6 wants a delimiter of one byte, and the records have all bytes"
            )
        word = secrets.token_hex(16)
        return f"<line {word}>".encode(), f"<key {word}>".encode()

    @op
    def close_producer(self, producer: str) -> None:
        self._producers.take(producer)


def _outgoing(record: dict[str, Any]) -> Outgoing:
    refuse_others("produce", record, RECORD)
    if record.get("timestamp_ms") is not None:
        raise Unsupported("kcat cannot give a record a timestamp")
    headers = tuple(_header(name, to_bytes(value)) for name, value in record.get("headers") or [])
    key, value = to_bytes(record.get("key")), to_bytes(record.get("value"))
    if key is None and value == b"":
        raise Unsupported("kcat leaves out a message that is empty and has no key")
    if key == b"" and value is None:
        raise Unsupported("with -Z, kcat takes both an empty key and an empty value for null")
    return Outgoing(key, value, headers, record.get("partition"))


def _header(name: str, value: bytes | None) -> str:
    if value is None:
        return name
    if b"\0" in value:
        raise Unsupported("kcat takes headers as arguments, which cannot hold a zero byte")
    return f"{name}={value.decode(errors='surrogateescape')}"


def _line(one: Outgoing, key_end: bytes | None) -> bytes:
    value = one.value or b""
    return value if key_end is None else (one.key or b"") + key_end + value


def _escaped(delimiter: bytes) -> str:
    """As -D and -K take it."""
    return (
        "".join(f"\\x{byte:02x}" for byte in delimiter)
        if len(delimiter) == 1
        else delimiter.decode()
    )
