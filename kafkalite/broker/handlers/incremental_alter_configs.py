"""IncrementalAlterConfigs: v0-v1. Sets, unsets, and for lists appends to and subtracts from, one config at a time (KIP-339).

All changes of a resource are made or none. A resource that comes twice is refused twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.incremental_alter_configs import (
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)

from kafkalite.broker.handlers.config_changes import Asked, alter
from kafkalite.broker.handlers.outcome import message_of
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import AlteredResource, ConfigChange, ConfigOperation
from kafkalite.metadata.image import ConfigResource

API_KEY = ApiKey.INCREMENTAL_ALTER_CONFIGS

Resource = IncrementalAlterConfigsRequest.AlterConfigsResource


def handle(
    context: RequestContext, request: IncrementalAlterConfigsRequest
) -> Deferred[IncrementalAlterConfigsResponse]:
    asked = [
        Asked(ConfigResource(one.resource_type, one.resource_name), partial(_changes, one))
        for one in request.resources
    ]
    return alter(context, asked, validate_only=request.validate_only, with_loggers=True).then(
        _answer
    )


def _answer(altered: Sequence[AlteredResource]) -> IncrementalAlterConfigsResponse:
    return IncrementalAlterConfigsResponse(
        responses=[
            IncrementalAlterConfigsResponse.AlterConfigsResourceResponse(
                one.error.code if one.error is not None else 0,
                message_of(one.error),
                *one.resource,
            )
            for one in altered
        ]
    )


def _changes(asked: Resource) -> list[ConfigChange]:
    return [
        ConfigChange(config.name, _operation(config.config_operation), config.value)
        for config in asked.configs
    ]


def _operation(number: int) -> ConfigOperation:
    try:
        return ConfigOperation(number)
    except ValueError:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"There is no operation {number} on configs."
        ) from None
