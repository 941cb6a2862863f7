"""What Kafka refuses of settings that are good one by one; it does not start with them.

    group.consumer.heartbeat.interval.ms=100   must be at least 5000, the default of group.consumer.min.heartbeat.interval.ms

Found by asking Kafka 4.3.0 for every key (`KafkaConfig`, `GroupCoordinatorConfig`, `ShareGroupConfig`, `LogConfig`). Left out
are rules among keys that all do nothing here, such as those of `replica.*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from kafkalite.config.group_config import BOUNDS
from kafkalite.config.problems import ConfigError

if TYPE_CHECKING:
    from kafkalite.config.broker_config import BrokerConfig


class Order(NamedTuple):
    """`low` must not be more than `high`; not equal either if `strictly`. A `high` up to `no_limit` allows everything."""

    low: str
    high: str
    strictly: bool = False
    no_limit: int | None = None


ORDERS: Final = (
    # What groups have without settings of their own lies within the limits of such settings.
    *(Order(low, f"group.{key}") for key, (low, _) in BOUNDS.items() if low),
    *(Order(f"group.{key}", high) for key, (_, high) in BOUNDS.items() if high),
    *(
        Order(f"group.{kind}.heartbeat.interval.ms", f"group.{kind}.session.timeout.ms", strictly=True)
        for kind in ("consumer", "share", "streams")
    ),
    Order("group.share.max.size", "group.share.max.share.sessions"),
    Order("socket.request.max.bytes", "queued.max.request.bytes", no_limit=0),
    Order(
        "connection.failed.authentication.delay.ms",
        "connections.max.idle.ms",
        strictly=True,
        no_limit=-1,
    ),
)  # fmt: skip

LEAST: Final = {"retention.ms": 1, "segment.ms": 1, "segment.jitter.ms": 0, "flush.ms": 0}
"""Topic key -> the least that a broker may give as its default; retention.ms may be -1, too."""

_CLEANER_BYTES: Final = 1 << 20
"""A cleaner thread's part of the dedupe buffer must be more than this."""

_OVERRIDE: Final = re.compile(r"\s*.*:[+-]?[0-9]+\s*")


def contradictions(config: BrokerConfig) -> list[ConfigError]:
    """Everything that does not go together, each told of a key that was set."""
    return [
        *_out_of_order(config),
        *_bad_topic_defaults(config),
        *_two_ids(config),
        *_small_dedupe_buffer(config),
        *_connections_per_ip(config),
    ]


def _out_of_order(config: BrokerConfig) -> Iterator[ConfigError]:
    for low_key, high_key, strictly, no_limit in ORDERS:
        if config.is_set(low_key) or config.is_set(high_key):
            low, high = config.whole_number(low_key), config.whole_number(high_key)
            unlimited = no_limit is not None and high <= no_limit
            if low > high - strictly and not unlimited:
                yield _order_problem(config, low_key, high_key, strictly=strictly)


def _order_problem(
    config: BrokerConfig, low_key: str, high_key: str, *, strictly: bool
) -> ConfigError:
    if config.is_set(low_key):
        key, other = low_key, high_key
        relation = "less than" if strictly else "at most"
    else:
        key, other = high_key, low_key
        relation = "more than" if strictly else "at least"
    origin = "value" if config.is_set(other) else "default"
    limit = config.whole_number(other)
    reason = f"must be {relation} {limit}, the {origin} of {other}"
    return ConfigError(key, str(config.whole_number(key)), reason)


def _bad_topic_defaults(config: BrokerConfig) -> Iterator[ConfigError]:
    from kafkalite.config.definitions import topic_definitions

    for name, least in LEAST.items():
        value: int = getattr(config.topic_defaults, name.replace(".", "_"))
        is_unlimited = name == "retention.ms" and value == -1
        if value < least and not is_unlimited:
            key = next(filter(config.is_set, topic_definitions()[name].broker))
            hint = ", or -1 for no limit" if name == "retention.ms" else ""
            yield ConfigError(key, str(config.whole_number(key)), f"must be at least {least}{hint}")


def _two_ids(config: BrokerConfig) -> Iterator[ConfigError]:
    if config.is_set("broker.id") and config.is_set("node.id"):
        old, new = config.whole_number("broker.id"), config.whole_number("node.id")
        if old != new:
            yield ConfigError("broker.id", str(old), f"is the old name of node.id, which is {new}")


def _small_dedupe_buffer(config: BrokerConfig) -> Iterator[ConfigError]:
    threads_key, size_key = "log.cleaner.threads", "log.cleaner.dedupe.buffer.size"
    if not (config.is_set(threads_key) or config.is_set(size_key)):
        return
    threads, size = config.whole_number(threads_key), config.whole_number(size_key)
    if threads == 0:
        yield ConfigError(threads_key, "0", "must be at least 1")
    elif size <= threads * _CLEANER_BYTES + threads - 1:
        reason = f"must be more than {_CLEANER_BYTES} bytes for each of {threads} {threads_key}"
        yield ConfigError(size_key, str(size), reason)


def _connections_per_ip(config: BrokerConfig) -> Iterator[ConfigError]:
    key = "max.connections.per.ip.overrides"
    overrides = config.max_connections_per_ip_overrides
    if config.max_connections_per_ip == 0 and not overrides:
        yield ConfigError(
            "max.connections.per.ip", "0", f"lets nobody in; it may be 0 only with {key}"
        )
    if overrides and not all(map(_OVERRIDE.fullmatch, overrides.split(","))):
        yield ConfigError(key, overrides, "must be address:number pairs with commas between")
