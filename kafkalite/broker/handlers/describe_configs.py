"""DescribeConfigs: v1-v4. Configs of topics, this broker, all brokers, its loggers; with where each value comes from.

No keys, or an empty list of them, means all. A broker's name is its id; the empty name means what was set for all
brokers at run time. Groups and client metrics subscriptions show their defaults also when there is none of the name.
A resource of an unknown type spoils the whole request, as in Kafka. v3: types and documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResponse,
)

from kafkalite.broker.handlers.broker_loggers import check_broker, levels
from kafkalite.broker.request import RequestContext
from kafkalite.config.broker_config import ConfigSource
from kafkalite.config.describe import (
    ConfigEntry,
    ConfigSynonym,
    describe_broker,
    describe_client_metrics,
    describe_group,
    describe_topic,
)
from kafkalite.errors import KafkaError
from kafkalite.metadata.dynamic_config import with_dynamic_configs
from kafkalite.metadata.image import ConfigResourceType
from kafkalite.metadata.topic_names import check_topic_name

API_KEY = ApiKey.DESCRIBE_CONFIGS

Resource = DescribeConfigsRequest.DescribeConfigsResource
Result = DescribeConfigsResponse.DescribeConfigsResult
Config = DescribeConfigsResponse.DescribeConfigsResourceResult

_DYNAMIC_BROKER_LOGGER: Final = 6

Keys = Collection[str] | None
"""None: all."""


def handle(context: RequestContext, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
    for resource in request.resources:
        if resource.resource_type not in _DESCRIBERS:
            error = KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"There are no resources of type {resource.resource_type}.",
            )
            return DescribeConfigsResponse(
                results=[_error(one, error) for one in request.resources]
            )
    return DescribeConfigsResponse(
        results=[_describe(context, request, resource) for resource in request.resources]
    )


def _describe(
    context: RequestContext, request: DescribeConfigsRequest, resource: Resource
) -> Result:
    keys = resource.configuration_keys or None
    try:
        configs = _DESCRIBERS[resource.resource_type](context, resource.resource_name, keys)
    except KafkaError as error:
        return _error(resource, error)
    for config in configs:
        if not request.include_synonyms:
            config.synonyms = []
        if config.documentation and not request.include_documentation:
            config.documentation = None
    return Result(
        error_message="",
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
        configs=configs,
    )


def _error(resource: Resource, error: KafkaError) -> Result:
    return Result(
        error_code=error.code,
        error_message=error.message or "",
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
    )


# One function for each type of resource


def _topic(context: RequestContext, name: str, keys: Keys) -> list[Config]:
    check_topic_name(name)
    broker = context.broker
    image = broker.control_plane.image
    if name not in image.topics:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    config = with_dynamic_configs(broker.config, image)
    return [_config(entry) for entry in describe_topic(config, image.topic_configs(name), keys)]


def _broker(context: RequestContext, name: str, keys: Keys) -> list[Config]:
    if not name:
        return _all_brokers(context, keys)
    check_broker(name, context.broker.config.node_id)
    config = with_dynamic_configs(context.broker.config, context.broker.control_plane.image)
    return [_config(entry) for entry in describe_broker(config, keys)]


def _all_brokers(context: RequestContext, keys: Keys) -> list[Config]:
    """What was set for all of them at run time, and nothing else."""
    image = context.broker.control_plane.image
    settings = image.config_of(ConfigResourceType.BROKER, "")
    if not settings:
        return []
    names = [name for name in settings if keys is None or name in keys]
    entries = describe_broker(context.broker.config.with_dynamic({}, settings), names)
    return [_config(entry._replace(synonyms=_set_for_all(entry))) for entry in entries]


def _set_for_all(entry: ConfigEntry) -> tuple[ConfigSynonym, ...]:
    """What one broker has besides is not said of all of them."""
    source = ConfigSource.DYNAMIC_DEFAULT_BROKER
    return tuple(synonym for synonym in entry.synonyms if synonym.source is source)


def _loggers(context: RequestContext, name: str, keys: Keys) -> list[Config]:
    check_broker(name, context.broker.config.node_id)
    return [
        Config(name=logger, value=level, config_source=_DYNAMIC_BROKER_LOGGER, documentation="")
        for logger, level in levels().items()
        if keys is None or logger in keys
    ]


def _client_metrics(context: RequestContext, name: str, keys: Keys) -> list[Config]:
    if not name:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "A client metrics subscription has a name.")
    settings = context.broker.control_plane.image.config_of(ConfigResourceType.CLIENT_METRICS, name)
    return [_config(entry) for entry in describe_client_metrics(settings, keys)]


def _group(context: RequestContext, name: str, keys: Keys) -> list[Config]:
    if not name:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "A group has a name.")
    image = context.broker.control_plane.image
    config = with_dynamic_configs(context.broker.config, image)
    settings = image.config_of(ConfigResourceType.GROUP, name)
    return [_config(entry) for entry in describe_group(config, settings, keys)]


_DESCRIBERS: Final[dict[int, Callable[[RequestContext, str, Keys], list[Config]]]] = {
    ConfigResourceType.TOPIC: _topic,
    ConfigResourceType.BROKER: _broker,
    ConfigResourceType.BROKER_LOGGER: _loggers,
    ConfigResourceType.CLIENT_METRICS: _client_metrics,
    ConfigResourceType.GROUP: _group,
}


def _config(entry: ConfigEntry) -> Config:
    return Config(
        name=entry.name,
        value=entry.value,
        read_only=entry.read_only,
        config_source=entry.source,
        is_sensitive=entry.sensitive,
        synonyms=[
            DescribeConfigsResponse.DescribeConfigsSynonym(one.name, one.value, one.source)
            for one in entry.synonyms
        ],
        config_type=entry.type,
        documentation=entry.documentation,
    )
