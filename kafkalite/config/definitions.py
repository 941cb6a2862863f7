"""What Kafka 4.3.0 says of every config key: type, default, valid values, how it may be updated.

The facts are in `definitions/broker.json` (360 keys, 20 of them internal), `topic.json` (33 and one internal),
`group.json` (17) and `client_metrics.json` (3), written by `definitions/extract.py` from Kafka's ConfigDef. They are
read on first need only: a start without settings reads none. `documentation.json` is ours: one sentence for each key
that acts in kafkalite, so the list of those keys.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple


class ConfigType(IntEnum):
    """Kafka's types by their number in DescribeConfigs (`ConfigDef.Type`)."""

    UNKNOWN = 0
    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class Definition(NamedTuple):
    """One key. `default` is text as DescribeConfigs shows it; None when the key has none."""

    name: str
    type: ConfigType
    default: str | None
    min: float | None = None
    max: float | None = None
    also: int | None = None
    """A value allowed outside min..max."""
    values: tuple[str, ...] = ()
    """The only words allowed; empty for any."""
    ignore_case: bool = False
    non_empty: bool = False
    throttled_replicas: bool = False
    """A list of `partition:broker` pairs, or `*`."""
    internal: bool = False
    """Understood, but in no DescribeConfigs answer."""
    update: str | None = None
    """"per-broker" or "cluster-wide" when it can be changed while the broker runs; None: only in its file."""
    broker: tuple[str, ...] = ()
    """For a topic or group key: the broker keys that give its default, the strongest first."""

    @property
    def sensitive(self) -> bool:
        """Never shown, neither to clients nor in messages."""
        return self.type is ConfigType.PASSWORD


@cache
def broker_definitions() -> dict[str, Definition]:
    """Every broker key by its name."""
    return _definitions("broker")


@cache
def topic_definitions() -> dict[str, Definition]:
    """Every topic key by its name."""
    return _definitions("topic")


@cache
def group_definitions() -> dict[str, Definition]:
    """Every key of a group by its name."""
    return _definitions("group")


@cache
def client_metrics_definitions() -> dict[str, Definition]:
    """Every key of a client metrics subscription by its name."""
    return _definitions("client_metrics")


@cache
def documentation() -> dict[str, str]:
    """Key -> what it does in kafkalite. A key that is not here is accepted without effect.

    A broker key acts if the topic or group key does whose default it gives, and is described by that.
    """
    sentences = {key: str(sentence) for key, sentence in _read("documentation").items()}
    defaults = {
        name: f"The default of {definition.name}."
        for definition in (*topic_definitions().values(), *group_definitions().values())
        if definition.name in sentences
        for name in definition.broker
    }
    return defaults | sentences


def broker_synonyms(name: str) -> tuple[str, ...]:
    """The broker keys that say the same in other units, `name` among them, the strongest first."""
    return _UNITS.get(name, (name,))


_RETENTION = ("log.retention.ms", "log.retention.minutes", "log.retention.hours")
_ROLL = ("log.roll.ms", "log.roll.hours")
_ROLL_JITTER = ("log.roll.jitter.ms", "log.roll.jitter.hours")
_UNITS = {name: group for group in (_RETENTION, _ROLL, _ROLL_JITTER) for name in group} | {
    "log.flush.interval.ms": ("log.flush.interval.ms", "log.flush.scheduler.interval.ms")
}


def _definitions(scope: str) -> dict[str, Definition]:
    return {name: _definition(name, entry) for name, entry in _read(scope).items()}


def _definition(name: str, facts: dict[str, Any]) -> Definition:
    facts["type"] = ConfigType[str(facts["type"])]
    for key in ("values", "broker"):
        if key in facts:
            facts[key] = tuple(facts[key])
    return Definition(name, **facts)


def _read(name: str) -> dict[str, Any]:
    import json
    from pathlib import Path

    text = (Path(__file__).parent / "definitions" / f"{name}.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded
