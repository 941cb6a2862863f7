"""Where static settings come from, and what is told about them: flags over environment over file over default.

Environment variables are those of the Apache Kafka image (`KAFKA_NUM_PARTITIONS` is `num.partitions`; `__` is `_` and
`___` is `-`) and of Bitnami's (`KAFKA_CFG_NUM_PARTITIONS`). So a compose file written for Kafka starts kafkalite.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kafkalite.config.authorizer import AUTHORIZER_KEYS
from kafkalite.config.broker_config import BrokerConfig
from kafkalite.config.problems import ConfigError, InvalidConfigurationError


class LoadedConfig(NamedTuple):
    """A configuration that can be used, and lines for the log about settings that do nothing."""

    config: BrokerConfig
    notes: list[str]


class Environment(NamedTuple):
    """The broker settings of a process environment."""

    settings: dict[str, str]
    cluster_id: str | None


def load(
    *,
    file: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> LoadedConfig:
    """Merge the sources and check every key.

    `file` and `flags` are settings by Kafka's names, `environment` is the process's own. An unknown key is a note when
    it comes from file or environment, and an error in `flags`. Raises InvalidConfigurationError with all problems.
    """
    file, flags = file or {}, flags or {}
    variables = read_environment(environment or {})
    static = {**file, **variables.settings, **flags}
    unknown = _unknown(flags)
    try:
        config = BrokerConfig(static, cluster_id=variables.cluster_id)
    except InvalidConfigurationError as error:
        raise InvalidConfigurationError([*error.problems, *unknown]) from None
    if unknown:
        raise InvalidConfigurationError(unknown)
    notes = [str(problem) for problem in _unknown({**file, **variables.settings})]
    idle = without_effect(static) if static else []
    if idle:
        notes.append(f"accepted without effect: {', '.join(idle)}")
    return LoadedConfig(config, notes)


def read_environment(environment: Mapping[str, str]) -> Environment:
    """Settings from `KAFKA_...` variables; those that steer Kafka's JVM and scripts are left out.

    As in the Apache image, advertised listeners without listeners mean: listen there on every address.
    """
    settings: dict[str, str] = {}
    for name, value in environment.items():
        if name.startswith("KAFKA_") and not _NOT_A_CONFIG.fullmatch(name):
            settings[config_name(name)] = value
    if "advertised.listeners" in settings and "listeners" not in settings:
        advertised = settings["advertised.listeners"]
        settings["listeners"] = re.sub(r"//[^,]*:(\d+)", r"//0.0.0.0:\1", advertised)
    cluster_id = environment.get("CLUSTER_ID") or environment.get("KAFKA_KRAFT_CLUSTER_ID")
    return Environment(settings, cluster_id or None)


def config_name(variable: str) -> str:
    """`KAFKA_LOG_DIRS` -> `log.dirs`; two underscores are one, three a dash."""
    name = re.sub(r"^KAFKA_(CFG_)?", "", variable).lower()
    return re.sub("_{1,3}", lambda run: {1: ".", 2: "_", 3: "-"}[len(run[0])], name)


def without_effect(settings: Mapping[str, str]) -> list[str]:
    """Kafka's keys among `settings` that kafkalite does not act on and whose value is not the default anyway."""
    from kafkalite.config.definitions import broker_definitions, documentation

    definitions, acting = broker_definitions(), documentation()
    idle = [
        key
        for key, value in settings.items()
        if key in definitions and key not in acting and value != definitions[key].default
    ]
    return sorted([*idle, *(key for key in AUTHORIZER_KEYS if key in settings)])


_NOT_A_CONFIG = re.compile(
    r"KAFKA_(?:OPTS|DEBUG|HOME|VERSION|MODE|HEAP_OPTS|JVM_PERFORMANCE_OPTS|GC_LOG_OPTS|CREATE_TOPICS"
    r"|KRAFT_CLUSTER_ID|JMX_.*|LOG4J_.*|TOOLS_LOG4J_.*|SSL_(?:KEYSTORE|KEY|TRUSTSTORE)_(?:FILENAME|CREDENTIALS))"
)
"""Variables of the images and of Kafka's scripts that are no broker configs."""

_PREFIXES = ("listener.name.", "config.providers.", "rlmm.config.", "rsm.config.", "sasl.", "ssl.")
"""Kafka lets these families be extended with names of one's own: per listener, per plugin."""


def _unknown(settings: Iterable[str]) -> list[ConfigError]:
    from kafkalite.config.definitions import broker_definitions
    from kafkalite.config.values import unknown_key

    names = [name for name in settings if not name.startswith(_PREFIXES)]
    if not names:
        return []
    known = [*broker_definitions(), *AUTHORIZER_KEYS]
    return [unknown_key(name, known) for name in names if name not in known]
