"""Client metrics subscriptions (KIP-714): which metrics clients are asked for, from the configs of CLIENT_METRICS.

metrics      prefixes of names, `*` for all
interval.ms  how often
match        client_id=...,client_software_name=...     regular expressions, all of which must fit the client
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.config.problems import ConfigError
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import ConfigResourceType, MetadataImage

MATCH_KEYS: Final = (
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
)

DEFAULT_INTERVAL_MS: Final = 300_000
_INTERVAL_MIN_MS, _INTERVAL_MAX_MS = 100, 3_600_000


class Subscription(NamedTuple):
    """What one client is asked for."""

    metrics: tuple[str, ...]
    interval_ms: int


def subscription_for(image: MetadataImage, client: Mapping[str, str]) -> Subscription:
    """All subscriptions that match `client`, which has a value for each of `MATCH_KEYS`, as one."""
    interval_ms = DEFAULT_INTERVAL_MS
    metrics: set[str] = set()
    for resource, configs in image.configs.items():
        if resource.type != ConfigResourceType.CLIENT_METRICS:
            continue
        values = _parse(configs)
        patterns = _patterns(values["match"])
        if all(pattern.fullmatch(client[key]) for key, pattern in patterns.items()):
            metrics.update(values["metrics"])
            interval_ms = min(interval_ms, values["interval.ms"])
    return Subscription(("*",) if "*" in metrics else tuple(sorted(metrics)), interval_ms)


def check_subscription(configs: Mapping[str, str]) -> None:
    """Raises `KafkaError` for configs that a subscription cannot have, with Kafka's codes."""
    from kafkalite.config.definitions import client_metrics_definitions

    for name in configs:
        if name not in client_metrics_definitions():
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, f"A client metrics subscription has no config {name}."
            )
    try:
        values = _parse(configs)
        _patterns(values["match"])
    except ConfigError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from error
    if not _INTERVAL_MIN_MS <= values["interval.ms"] <= _INTERVAL_MAX_MS:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"interval.ms must be from {_INTERVAL_MIN_MS} to {_INTERVAL_MAX_MS}.",
        )


def _parse(configs: Mapping[str, str]) -> dict[str, Any]:
    """Typed values of all three keys. Raises ConfigError."""
    from kafkalite.config.definitions import client_metrics_definitions
    from kafkalite.config.values import parse

    return {
        name: parse(definition, configs.get(name, definition.default or ""))
        for name, definition in client_metrics_definitions().items()
    }


def _patterns(parts: tuple[str, ...]) -> dict[str, re.Pattern[str]]:
    """Raises ConfigError."""
    patterns = {}
    for part in parts:
        key, _, pattern = part.partition("=")
        if key.strip() not in MATCH_KEYS or not pattern or "=" in pattern:
            reason = f"must be {', '.join(MATCH_KEYS)}, each with = and a pattern"
            raise ConfigError("match", part, reason)
        try:
            patterns[key.strip()] = re.compile(pattern.strip())
        except re.error as error:
            raise ConfigError("match", part, f"has a pattern that is none: {error}") from None
    return patterns
