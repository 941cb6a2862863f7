"""ListConfigResources: v0-v1. The names of what has configs, by type (KIP-1142). v0: client metrics subscriptions only.

Groups and subscriptions are listed when something was set for them, topics and brokers when they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.list_config_resources import (
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import ConfigResourceType, MetadataImage

API_KEY = ApiKey.LIST_CONFIG_RESOURCES

Resource = ListConfigResourcesResponse.ConfigResource


def handle(
    context: RequestContext, request: ListConfigResourcesRequest
) -> ListConfigResourcesResponse:
    supported = [*_NAMES] if context.api_version >= 1 else [ConfigResourceType.CLIENT_METRICS]
    asked = request.resource_types or supported
    if not set(asked) <= set(supported):
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION)
    image = context.broker.image
    return ListConfigResourcesResponse(
        config_resources=[
            Resource(name, kind) for kind in _NAMES if kind in asked for name in _NAMES[kind](image)
        ]
    )


def _with_settings(kind: ConfigResourceType) -> Callable[[MetadataImage], Iterable[str]]:
    return lambda image: [one.name for one in image.configs if one.type == kind]


def _live_brokers(image: MetadataImage) -> Iterable[str]:
    return map(str, sorted(image.live_brokers))


_NAMES: Final[dict[ConfigResourceType, Callable[[MetadataImage], Iterable[str]]]] = {
    ConfigResourceType.GROUP: _with_settings(ConfigResourceType.GROUP),
    ConfigResourceType.CLIENT_METRICS: _with_settings(ConfigResourceType.CLIENT_METRICS),
    ConfigResourceType.BROKER_LOGGER: _live_brokers,
    ConfigResourceType.BROKER: _live_brokers,
    ConfigResourceType.TOPIC: lambda image: image.topics,
}
"""How the resources of a type are found, in the order of Kafka's answer."""
