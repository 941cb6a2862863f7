"""Which resources have configs that can be changed, and to what. What a value may be is the business of `kafkalite.config`.

Definitions are loaded on first use: most starts need none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.config.broker_config import BrokerConfig
from kafkalite.config.problems import ConfigError
from kafkalite.config.topic_config import validate_topic_configs
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import ConfigResource, ConfigResourceType, MetadataImage
from kafkalite.metadata.topic_names import check_topic_name

if TYPE_CHECKING:
    from kafkalite.config.definitions import Definition


def check_resource(image: MetadataImage, resource: ConfigResource) -> None:
    """Raises `KafkaError` when there is no such resource, or its configs cannot be changed."""
    match resource.type:
        case ConfigResourceType.TOPIC:
            _check_topic(image, resource.name)
        case ConfigResourceType.BROKER:
            _check_broker(image, resource.name)
        case ConfigResourceType.GROUP | ConfigResourceType.CLIENT_METRICS:
            if not resource.name:
                raise KafkaError(ErrorCode.INVALID_REQUEST, "A group or a subscription has a name.")
        case _:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"Resources of type {resource.type} have no configs that can be changed here.",
            )


def _check_topic(image: MetadataImage, name: str) -> None:
    if not name:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "There are no configs for all topics.")
    check_topic_name(name)
    if name not in image.topics:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"There is no topic {name}.")


def _check_broker(image: MetadataImage, name: str) -> None:
    if name and name not in map(str, image.brokers):
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"There is no broker {name}.")


def check_configs(
    image: MetadataImage,
    resource: ConfigResource,
    configs: Mapping[str, str],
    changed: Collection[str],
    config: BrokerConfig,
) -> None:
    """Raises `KafkaError` when a resource cannot have `configs`, or those `changed` cannot be changed at run time."""
    match resource.type:
        case ConfigResourceType.TOPIC:
            check_topic_configs(configs, config)
        case ConfigResourceType.GROUP:
            _check_group_configs(configs, config)
        case ConfigResourceType.CLIENT_METRICS:
            from kafkalite.metadata.client_metrics import check_subscription

            check_subscription(configs)
        case _:
            _check_broker_configs(resource.name, configs, changed)
            _check_contradictions(image, resource.name, configs, config)


def check_topic_configs(configs: Mapping[str, str | None], config: BrokerConfig) -> None:
    """Raises `KafkaError(INVALID_CONFIG)` for configs that a topic cannot have."""
    if not configs:
        return
    try:
        validate_topic_configs(configs, config)
    except ConfigError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from error


def _check_group_configs(configs: Mapping[str, str], config: BrokerConfig) -> None:
    from kafkalite.config.group_config import validate_group_configs

    try:
        validate_group_configs(configs, config)
    except ConfigError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from error


def _check_broker_configs(
    broker: str, configs: Mapping[str, str], changed: Collection[str]
) -> None:
    """Keys that Kafka does not have are let through, as Kafka does: they may be a plugin's."""
    from kafkalite.config.definitions import broker_definitions
    from kafkalite.config.values import parse

    definitions = broker_definitions()
    for name in changed:
        if name in definitions:
            _check_dynamic(definitions[name], broker)
    try:
        for name, value in configs.items():
            if name in definitions:
                parse(definitions[name], value)
    except ConfigError as error:
        raise KafkaError(ErrorCode.INVALID_REQUEST, str(error)) from error


def _check_contradictions(
    image: MetadataImage, broker: str, configs: Mapping[str, str], config: BrokerConfig
) -> None:
    """What the broker would have with `configs`, its own or, without a name, those of all brokers."""
    from kafkalite.config.contradictions import contradictions

    own = configs if broker else image.config_of(ConfigResourceType.BROKER, str(config.node_id))
    everyone = image.config_of(ConfigResourceType.BROKER, "") if broker else configs
    for problem in contradictions(config.with_dynamic(own, everyone)):
        raise KafkaError(ErrorCode.INVALID_REQUEST, str(problem))


def _check_dynamic(definition: Definition, broker: str) -> None:
    if definition.update is None:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"{definition.name} is read when the broker starts, only then.",
        )
    if definition.update == "per-broker" and not broker:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"{definition.name} is each broker's own, not one for all."
        )


def list_value(resource: ConfigResource, name: str, value: str | None) -> list[str] | None:
    """The parts of a list config, of its default when `value` is None. None: it is not a list.

    The lists of client metrics subscriptions are none here, as in Kafka: they can be set as a whole only.
    """
    from kafkalite.config.definitions import ConfigType, broker_definitions, topic_definitions

    is_topic = resource.type == ConfigResourceType.TOPIC
    definition = (topic_definitions() if is_topic else broker_definitions()).get(name)
    if definition is None or definition.type is not ConfigType.LIST:
        return None
    text = definition.default if value is None else value
    return [part.strip() for part in text.split(",")] if text else []
