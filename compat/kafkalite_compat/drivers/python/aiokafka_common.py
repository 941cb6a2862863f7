"""What the parts of the aiokafka driver share: the loop, settings, errors, records, partitions."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

import aiokafka
from aiokafka import TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient

from .serving import Failed, Unsupported

VERSION: Final[str] = aiokafka.__version__
WAIT_S: Final = 40.0


class Loop:
    """An event loop in a thread of its own: consumers go on with their heartbeats between the steps."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def finish(self, step: Any) -> Any:
        """The result of a coroutine, run in the loop."""
        return asyncio.run_coroutine_threadsafe(step, self._loop).result()


class Connection:
    """Where the broker is, and the one admin client."""

    def __init__(self) -> None:
        self.bootstrap: list[str] = []
        self._admin: Any = None

    async def start(self, kind: Any, settings: Mapping[str, Any]) -> Any:
        """A started client of that kind. Settings that are None are left to the library.

        Raises Unsupported if the library has no such option, or refuses its value.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        unknown = sorted(set(given) - set(inspect.signature(kind).parameters))
        if unknown:
            raise Unsupported(f"{kind.__name__} of aiokafka {VERSION} has no {unknown[0]}")
        try:
            client = kind(bootstrap_servers=self.bootstrap, **given)
        except (ValueError, RuntimeError) as problem:
            raise Unsupported(f"aiokafka {VERSION} refuses its settings: {problem}") from None
        try:
            await client.start()
        except BaseException:
            await _close(client)
            raise
        return client

    async def admin(self) -> Any:
        if self._admin is None:
            self._admin = await self.start(AIOKafkaAdminClient, {})
        return self._admin


async def _close(client: Any) -> None:
    await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


def explain(problem: Exception) -> Failed | None:
    """aiokafka's errors of the broker carry Kafka's code and name, but for codes that it does not know."""
    if isinstance(problem, errors.UnknownError):
        return Failed(str(problem))
    if isinstance(problem, errors.BrokerResponseError):
        return Failed(str(problem), problem.errno, problem.message)
    return None


def raise_code(code: int, text: str) -> None:
    """Raise what an error code in a response stands for, unless it is 0."""
    if code:
        raise Failed(text, code, errors.for_code(code).message)


def to_partition(table: Mapping[str, Any]) -> TopicPartition:
    return TopicPartition(table["topic"], table["partition"])


def to_offsets(tables: Iterable[Mapping[str, Any]]) -> dict[TopicPartition, tuple[int, str]]:
    return {to_partition(one): (one["offset"], one.get("metadata") or "") for one in tables}
