"""Changing configs: Kafka's checks for IncrementalAlterConfigs (KIP-339, `ConfigurationControlManager`).

Pure functions of an image. What a value may be is the business of `kafkalite.config`, given in the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.config_record import ConfigRecord

from kafkalite.config.broker_config import BrokerConfig
from kafkalite.config.problems import ConfigError
from kafkalite.config.topic_config import validate_topic_configs
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import (
    AlterConfigs,
    AlteredResource,
    ConfigChange,
    ConfigOperation,
    ResourceChange,
)
from kafkalite.metadata.image import ConfigResource, ConfigResourceType, MetadataImage

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord


def alter_configs(
    image: MetadataImage, event: AlterConfigs, config: BrokerConfig
) -> tuple[list[MetadataRecord], list[AlteredResource]]:
    """Records and answers. Resources that fail leave no records."""
    records: list[MetadataRecord] = []
    results: list[AlteredResource] = []
    for change in event.resources:
        try:
            records += _alter(image, change, config)
        except KafkaError as error:
            results.append(AlteredResource(change.resource, error))
        else:
            results.append(AlteredResource(change.resource))
    return ([] if event.validate_only else records), results


def _alter(
    image: MetadataImage, change: ResourceChange, config: BrokerConfig
) -> list[MetadataRecord]:
    resource = change.resource
    _check_resource(image, resource)
    old = image.configs.get(resource, {})
    new = dict(old)
    for one in change.changes:
        _apply(new, one, resource)
    _check_configs(resource, new, config)
    changed = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return [ConfigRecord(resource.type, resource.name, name, new.get(name)) for name in changed]


def _check_resource(image: MetadataImage, resource: ConfigResource) -> None:
    if resource.type == ConfigResourceType.TOPIC and resource.name not in image.topics:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    if resource.type == ConfigResourceType.BROKER and resource.name:
        known = {str(broker_id) for broker_id in image.brokers}
        if resource.name not in known:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"There is no broker {resource.name}.")


def _apply(
    configs: dict[str, str],
    change: ConfigChange,
    resource: ConfigResource,
) -> None:
    name, operation, value = change
    if operation == ConfigOperation.DELETE:
        configs.pop(name, None)
        return
    if value is None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"{name} has no value.")
    if operation == ConfigOperation.SET:
        configs[name] = value
        return
    present = _list_value(resource, name, configs.get(name))
    if present is None:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"{name} is not a list: nothing can be appended to it or taken from it.",
        )
    given = [part.strip() for part in value.split(",")]
    if operation == ConfigOperation.APPEND:
        present = present + [part for part in given if part not in present]
    else:
        present = [part for part in present if part not in given]
    configs[name] = ",".join(present)


def _list_value(resource: ConfigResource, name: str, value: str | None) -> list[str] | None:
    """The parts of a list config, of its default when `value` is None. None: it is not a list."""
    from kafkalite.config.definitions import ConfigType, broker_definitions, topic_definitions

    is_topic = resource.type == ConfigResourceType.TOPIC
    definition = (topic_definitions() if is_topic else broker_definitions()).get(name)
    if definition is None or definition.type is not ConfigType.LIST:
        return None
    text = definition.default if value is None else value
    return [part.strip() for part in text.split(",")] if text else []


def _check_configs(
    resource: ConfigResource, configs: Mapping[str, str], config: BrokerConfig
) -> None:
    if resource.type == ConfigResourceType.TOPIC:
        check_topic_configs(configs, config)
    elif resource.type == ConfigResourceType.BROKER:
        _check_broker_configs(configs)


def check_topic_configs(configs: Mapping[str, str | None], config: BrokerConfig) -> None:
    """Raises `KafkaError(INVALID_CONFIG)` for configs that a topic cannot have."""
    if not configs:
        return
    try:
        validate_topic_configs(configs, config)
    except ConfigError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from error


def _check_broker_configs(configs: Mapping[str, str]) -> None:
    from kafkalite.config.definitions import broker_definitions
    from kafkalite.config.values import parse

    definitions = broker_definitions()
    try:
        for name, value in configs.items():
            if name in definitions:
                parse(definitions[name], value)
    except ConfigError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from error
