"""Group configs, typed: what a group's own settings and the broker's defaults come to (KIP-1043, Kafka's `GroupConfig`).

    group_config(broker, {"consumer.session.timeout.ms": "50000"}).consumer_session_timeout_ms   -> 50000
    group_config(broker, {}).share_record_lock_duration_ms                                       -> the broker's

A group's setting must lie between the broker's `group.<kind>.min.<key>` and `group.<kind>.max.<key>`. These may change
with a restart; a setting that is outside by then counts as the nearer bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kafkalite.config.problems import ConfigError

if TYPE_CHECKING:
    from kafkalite.config.broker_config import BrokerConfig
    from kafkalite.config.values import Value


class GroupConfig(NamedTuple):
    """The group keys under their Kafka names with `_` for `.`; the values written here are Kafka's defaults."""

    consumer_assignment_interval_ms: int = 1000
    consumer_heartbeat_interval_ms: int = 5000
    consumer_session_timeout_ms: int = 45_000
    share_assignment_interval_ms: int = 1000
    share_auto_offset_reset: str = "latest"
    """earliest, latest, or by_duration:PnDTnHnMn.nS (see `durations.iso_duration_ms`)."""
    share_delivery_count_limit: int = 5
    share_heartbeat_interval_ms: int = 5000
    share_isolation_level: str = "read_uncommitted"
    share_partition_max_record_locks: int = 2000
    share_record_lock_duration_ms: int = 30_000
    share_renew_acknowledge_enable: bool = True
    share_session_timeout_ms: int = 45_000
    streams_assignment_interval_ms: int = 0
    """Kafka's is 1000; see `OUR_DEFAULTS` of the broker's configs."""
    streams_heartbeat_interval_ms: int = 5000
    streams_initial_rebalance_delay_ms: int = 0
    """Kafka's is 3000; likewise."""
    streams_num_standby_replicas: int = 0
    streams_session_timeout_ms: int = 45_000

    def with_values(self, values: Mapping[str, Any]) -> GroupConfig:
        """The same with other values, typed, by Kafka's names."""
        return self._replace(**{name.replace(".", "_"): value for name, value in values.items()})


class Bounds(NamedTuple):
    """The broker keys that bound a group key; None for no bound."""

    low: str | None
    high: str | None


BOUNDS: Final[Mapping[str, Bounds]] = {
    **{
        f"{kind}.{key}": Bounds(f"group.{kind}.min.{key}", f"group.{kind}.max.{key}")
        for kind in ("consumer", "share", "streams")
        for key in ("heartbeat.interval.ms", "session.timeout.ms", "assignment.interval.ms")
    },
    **{
        f"share.{key}": Bounds(f"group.share.min.{key}", f"group.share.max.{key}")
        for key in ("record.lock.duration.ms", "delivery.count.limit", "partition.max.record.locks")
    },
    "streams.num.standby.replicas": Bounds(None, "group.streams.max.standby.replicas"),
}
"""Group key -> where its limits are."""


def group_config(broker: BrokerConfig, overrides: Mapping[str, str] | None = None) -> GroupConfig:
    """What holds for a group with these overrides, which have passed `validate_group_configs` some time ago."""
    defaults = broker.group_defaults
    if not overrides:
        return defaults
    return defaults.with_values(
        {name: _within_bounds(broker, name, value) for name, value in _parse(overrides).items()}
    )


def validate_group_configs(overrides: Mapping[str, str], broker: BrokerConfig) -> None:
    """Check all settings of one group together, as AlterConfigs does, on top of the broker's. Raises ConfigError."""
    values = _parse(overrides)
    for name, value in values.items():
        _check_bounds(broker, name, value)
    config = broker.group_defaults.with_values(values)
    for kind in ("consumer", "share", "streams"):
        session_ms: int = getattr(config, f"{kind}_session_timeout_ms")
        heartbeat_ms: int = getattr(config, f"{kind}_heartbeat_interval_ms")
        if session_ms <= heartbeat_ms:
            raise ConfigError(
                f"{kind}.session.timeout.ms",
                str(session_ms),
                f"must be more than {kind}.heartbeat.interval.ms, which is {heartbeat_ms}",
            )


def _parse(overrides: Mapping[str, str]) -> dict[str, Value]:
    """Typed values by Kafka's names. Raises ConfigError."""
    from kafkalite.config.definitions import group_definitions
    from kafkalite.config.values import parse, unknown_key

    definitions = group_definitions()
    values: dict[str, Value] = {}
    for name, text in overrides.items():
        if name not in definitions:
            raise unknown_key(name, definitions, "group config")
        values[name] = parse(definitions[name], text)
        if name == "share.auto.offset.reset":
            _check_offset_reset(text)
    return values


def _check_offset_reset(text: str) -> None:
    from kafkalite.config.durations import iso_duration_ms

    kind, _, duration = text.partition(":")
    if text in ("earliest", "latest"):
        return
    duration_ms = iso_duration_ms(duration) if kind == "by_duration" else None
    if duration_ms is None or duration_ms < 0:
        raise ConfigError(
            "share.auto.offset.reset", text, "must be earliest, latest or by_duration:PnDTnHnMn.nS"
        )


def _limits(broker: BrokerConfig, name: str) -> tuple[int, int]:
    low, high = BOUNDS.get(name, Bounds(None, None))
    return (
        -(1 << 63) if low is None else broker.whole_number(low),
        (1 << 63) - 1 if high is None else broker.whole_number(high),
    )


def _check_bounds(broker: BrokerConfig, name: str, value: Value) -> None:
    low, high = _limits(broker, name)
    if isinstance(value, int) and not low <= value <= high:
        side = BOUNDS[name].low if value < low else BOUNDS[name].high
        word = "least" if value < low else "most"
        raise ConfigError(
            name,
            str(value),
            f"must be at {word} {low if value < low else high}, the value of {side}",
        )


def _within_bounds(broker: BrokerConfig, name: str, value: Value) -> Value:
    if name not in BOUNDS:
        return value
    assert isinstance(value, int)
    low, high = _limits(broker, name)
    return max(low, min(value, high))
