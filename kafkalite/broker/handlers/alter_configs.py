"""AlterConfigs: v0-v2. Replaces everything that was set for a resource; what is not in the request is unset.

The older of two ways (KIP-339 brought the other), still used by librdkafka's and kafka-python's admin clients. Levels of
loggers cannot be changed this way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.alter_configs import AlterConfigsRequest, AlterConfigsResponse

from kafkalite.broker.handlers.config_changes import Asked, alter
from kafkalite.broker.handlers.outcome import message_of
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.metadata.events import AlteredResource, ConfigChange, ConfigOperation
from kafkalite.metadata.image import ConfigResource, MetadataImage

API_KEY = ApiKey.ALTER_CONFIGS

Resource = AlterConfigsRequest.AlterConfigsResource


def handle(context: RequestContext, request: AlterConfigsRequest) -> Deferred[AlterConfigsResponse]:
    image = context.broker.control_plane.image
    asked = [
        Asked(resource, partial(_changes, image, resource, one))
        for one in request.resources
        for resource in [ConfigResource(one.resource_type, one.resource_name)]
    ]
    return alter(context, asked, validate_only=request.validate_only, with_loggers=False).then(
        _answer
    )


def _answer(altered: Sequence[AlteredResource]) -> AlterConfigsResponse:
    return AlterConfigsResponse(
        responses=[
            AlterConfigsResponse.AlterConfigsResourceResponse(
                one.error.code if one.error is not None else 0,
                message_of(one.error),
                *one.resource,
            )
            for one in altered
        ]
    )


def _changes(image: MetadataImage, resource: ConfigResource, asked: Resource) -> list[ConfigChange]:
    """Set what is given, unset the rest."""
    given = {config.name for config in asked.configs}
    unset = [name for name in image.configs.get(resource, {}) if name not in given]
    return [
        *(ConfigChange(config.name, ConfigOperation.SET, config.value) for config in asked.configs),
        *(ConfigChange(name, ConfigOperation.DELETE, None) for name in unset),
    ]
