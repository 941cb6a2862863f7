"""Repartition and changelog topics of Streams applications, made when a heartbeat finds that they are missing.

A member is told that they are missing, and its next heartbeat finds them. What could not be made is told with that
answer, and not tried again for a while.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from kafkalite.broker.handlers.outcome import message_of
from kafkalite.clock import Clock
from kafkalite.coordination.group.streams.configured_topology import InternalTopic
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.metadata.control_plane import ControlPlane
from kafkalite.metadata.events import USE_DEFAULT, CreatedTopic, NewTopic


class _Failure(NamedTuple):
    message: str
    until_ms: int
    """Monotonic. Until then it is told, and the topic not tried again."""


class StreamsTopics:
    """Makes them, each once at a time."""

    def __init__(self, control_plane: ControlPlane, clock: Clock) -> None:
        self._control_plane = control_plane
        self._clock = clock
        self._under_way: set[str] = set()
        self._failures: dict[str, _Failure] = {}

    def create(self, topics: Collection[InternalTopic], retry_after_ms: int) -> Deferred[None]:
        """Make those of `topics` that are not being made and have not failed of late; resolved when that is over,
        whether it went well or not."""
        self._forget_old_failures()
        wanted = [
            topic
            for topic in topics
            if topic.name not in self._under_way and topic.name not in self._failures
        ]
        if not wanted:
            return resolved(None)
        names = [topic.name for topic in wanted]
        self._under_way.update(names)
        out: Deferred[None] = Deferred()

        def created(done: Deferred[list[CreatedTopic]]) -> None:
            self._created(done, names, retry_after_ms)
            out.resolve(None)

        self._control_plane.create_topics([_definition(topic) for topic in wanted]).on_done(created)
        return out

    def problems(self, topics: Collection[InternalTopic]) -> dict[str, str]:
        """Why topics could not be made, by their names."""
        return {
            topic.name: self._failures[topic.name].message
            for topic in topics
            if topic.name in self._failures
        }

    def _created(
        self, done: Deferred[list[CreatedTopic]], names: Sequence[str], retry_after_ms: int
    ) -> None:
        self._under_way.difference_update(names)
        try:
            errors = {topic.name: topic.error for topic in done.result()}
        except KafkaError as error:
            errors = dict.fromkeys(names, error)
        until_ms = self._clock.monotonic_ms() + retry_after_ms
        for name, failed in errors.items():
            message = message_of(failed)
            if message is not None:
                self._failures[name] = _Failure(message, until_ms)

    def _forget_old_failures(self) -> None:
        now_ms = self._clock.monotonic_ms()
        for name in [name for name, each in self._failures.items() if each.until_ms <= now_ms]:
            del self._failures[name]


def _definition(topic: InternalTopic) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=topic.partitions,
        replication_factor=topic.replication_factor or USE_DEFAULT,
        configs=dict(topic.configs),
    )
