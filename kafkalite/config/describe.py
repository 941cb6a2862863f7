"""Configs as DescribeConfigs shows them: value, type, source, synonyms (Kafka's `ConfigHelper`; compared with 4.3.0).

    retention.ms = 1000, DYNAMIC_TOPIC; synonyms: retention.ms 1000, log.retention.ms 5000 (STATIC_BROKER), ...

Synonyms run from the strongest source to the weakest; the first gives the value. Null values are no synonyms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import dropwhile
from typing import NamedTuple

from kafkalite.config.broker_config import BrokerConfig, ConfigSource
from kafkalite.config.definitions import (
    ConfigType,
    Definition,
    broker_definitions,
    broker_synonyms,
    client_metrics_definitions,
    documentation,
    group_definitions,
    topic_definitions,
)
from kafkalite.config.our_defaults import default_text
from kafkalite.config.topic_config import TopicConfig
from kafkalite.config.values import parse, value_text


class ConfigSynonym(NamedTuple):
    """A key that gives, or would give, the value if those before it were not set."""

    name: str
    value: str | None
    source: ConfigSource


class ConfigEntry(NamedTuple):
    """One key as DescribeConfigs answers it. `value` is None when it is not set or secret."""

    name: str
    value: str | None
    type: ConfigType
    source: ConfigSource
    read_only: bool
    sensitive: bool
    synonyms: tuple[ConfigSynonym, ...]
    documentation: str | None

    @property
    def is_default(self) -> bool:
        """No one set it (the answer of DescribeConfigs v0)."""
        return self.source is ConfigSource.DEFAULT


def describe_topic(
    broker: BrokerConfig,
    overrides: Mapping[str, str] | None = None,
    names: Collection[str] | None = None,
) -> list[ConfigEntry]:
    """The 33 topic keys, or those of `names` that exist, by name. `overrides` have passed `validate_topic_configs`."""
    overrides = overrides or {}
    config = TopicConfig.resolve(broker, overrides)
    return [
        _topic_entry(broker, config, overrides, definition)
        for definition in topic_definitions().values()
        if not definition.internal and (names is None or definition.name in names)
    ]


def describe_broker(
    broker: BrokerConfig, names: Collection[str] | None = None
) -> list[ConfigEntry]:
    """The 340 broker keys and any set that Kafka does not have, or those of `names` that exist, by name."""
    definitions = broker_definitions()
    known = {name: d for name, d in definitions.items() if not d.internal}
    strangers = {name for _, settings in broker.sources for name in settings} - set(definitions)
    return [
        _broker_entry(broker, known[name]) if name in known else _stranger(broker, name)
        for name in sorted(known | dict.fromkeys(strangers))
        if names is None or name in names
    ]


def describe_group(
    broker: BrokerConfig, overrides: Mapping[str, str], names: Collection[str] | None = None
) -> list[ConfigEntry]:
    """The 17 keys of a group, or those of `names` that exist, by name."""
    return [
        _group_entry(broker, overrides.get(definition.name), definition)
        for definition in group_definitions().values()
        if names is None or definition.name in names
    ]


def describe_client_metrics(
    overrides: Mapping[str, str], names: Collection[str] | None = None
) -> list[ConfigEntry]:
    """The 3 keys of a client metrics subscription, or those of `names` that exist, by name."""
    entries = []
    for definition in client_metrics_definitions().values():
        if names is None or definition.name in names:
            text = overrides.get(definition.name, definition.default or "")
            value = value_text(parse(definition, text))
            source = ConfigSource.DYNAMIC_CLIENT_METRICS
            set_here = [ConfigSynonym(definition.name, value, source)]
            synonyms = set_here if definition.name in overrides else []
            entries.append(_entry(definition, value, synonyms, read_only=False))
    return entries


def _group_entry(broker: BrokerConfig, override: str | None, definition: Definition) -> ConfigEntry:
    name = definition.name
    synonyms = (
        list(_synonyms(broker, definition.broker[0]))
        if definition.broker
        else [ConfigSynonym(name, definition.default, ConfigSource.DEFAULT)]
    )
    if override is not None:
        synonyms.insert(0, ConfigSynonym(name, override, ConfigSource.DYNAMIC_GROUP))
    value = value_text(parse(definition, synonyms[0].value or ""))
    synonyms[0] = synonyms[0]._replace(value=value)
    entry = _entry(definition, value, synonyms, read_only=False)
    # A broker key is a group key's default: one sentence does for both.
    sentences = map(documentation().get, (name, *definition.broker))
    return entry._replace(documentation=next(filter(None, sentences), None))


def _topic_entry(
    broker: BrokerConfig, config: TopicConfig, overrides: Mapping[str, str], definition: Definition
) -> ConfigEntry:
    synonyms = list(_synonyms(broker, definition.broker[0])) if definition.broker else []
    name = definition.name
    if name in overrides:
        text = value_text(parse(definition, overrides[name]))
        synonyms.insert(0, ConfigSynonym(name, text, ConfigSource.DYNAMIC_TOPIC))
    value = value_text(getattr(config, name.replace(".", "_")))
    return _entry(definition, value, synonyms, read_only=False)


def _broker_entry(broker: BrokerConfig, definition: Definition) -> ConfigEntry:
    synonyms = list(_synonyms(broker, definition.name))
    own = [synonym.value for synonym in synonyms if synonym.name == definition.name]
    value = value_text(parse(definition, own[0])) if own and own[0] is not None else None
    return _entry(definition, value, synonyms, read_only=definition.update is None)


def _stranger(broker: BrokerConfig, name: str) -> ConfigEntry:
    """A setting under a name that Kafka does not know: shown, but not its value, which might be a secret."""
    synonyms = tuple(
        ConfigSynonym(name, None, source) for source, settings in broker.sources if name in settings
    )
    return ConfigEntry(
        name, None, ConfigType.UNKNOWN, synonyms[0].source, True, True, synonyms, None
    )


def _entry(
    definition: Definition, value: str | None, synonyms: list[ConfigSynonym], *, read_only: bool
) -> ConfigEntry:
    source = synonyms[0].source if synonyms else ConfigSource.DEFAULT
    name = definition.name
    if definition.sensitive:
        value = None
        synonyms = [synonym._replace(value=None) for synonym in synonyms]
    return ConfigEntry(
        name, value, definition.type, source, read_only, definition.sensitive, tuple(synonyms),
        documentation().get(name),
    )  # fmt: skip


def _synonyms(broker: BrokerConfig, name: str) -> Iterator[ConfigSynonym]:
    """What gives broker key `name` its value: by source, and within it by unit (`.ms`, `.minutes`, `.hours`).

    What comes before the key itself is left out, as in Kafka: `log.retention.ms` shows nothing if only `.hours` is set.
    """
    names = broker_synonyms(name)
    definitions = broker_definitions()
    found = [
        ConfigSynonym(key, settings[key], source)
        for source, settings in broker.sources
        for key in names
        if key in settings
    ]
    for key in names:
        default = default_text(definitions[key])
        if default is not None:
            found.append(ConfigSynonym(key, default, ConfigSource.DEFAULT))
    return dropwhile(lambda synonym: synonym.name != name, found)
