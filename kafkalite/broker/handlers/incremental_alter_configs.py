"""IncrementalAlterConfigs: v0-v1. Sets, unsets, and for lists appends to and subtracts from, one config at a time (KIP-339).

All changes of a resource are made or none. A resource that comes twice is refused twice. Topics and brokers can be changed;
loggers, client metrics subscriptions and groups cannot, yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.incremental_alter_configs import (
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)

from kafkalite.broker.handlers.outcome import answer_either, message_of
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import (
    AlteredResource,
    ConfigChange,
    ConfigOperation,
    ResourceChange,
)
from kafkalite.metadata.image import ConfigResource

API_KEY = ApiKey.INCREMENTAL_ALTER_CONFIGS

Resource = IncrementalAlterConfigsRequest.AlterConfigsResource
T = TypeVar("T")


def handle(
    context: RequestContext, request: IncrementalAlterConfigsRequest
) -> Deferred[IncrementalAlterConfigsResponse]:
    resources = [
        (ConfigResource(one.resource_type, one.resource_name), one) for one in request.resources
    ]
    refused = twice(resources)
    changes: list[ResourceChange] = []
    for resource, asked in once_each(resources):
        try:
            changes.append(ResourceChange(resource, _changes(asked)))
        except KafkaError as error:
            refused.append(AlteredResource(resource, error))

    def answer(altered: Sequence[AlteredResource]) -> IncrementalAlterConfigsResponse:
        return IncrementalAlterConfigsResponse(
            responses=[
                IncrementalAlterConfigsResponse.AlterConfigsResourceResponse(
                    one.error.code if one.error is not None else 0,
                    message_of(one.error),
                    *one.resource,
                )
                for one in (*altered, *refused)
            ]
        )

    return answer_either(
        context.broker.control_plane.alter_configs(changes, validate_only=request.validate_only),
        answer,
        lambda error: answer([AlteredResource(one.resource, error) for one in changes]),
    )


def once_each(resources: Sequence[tuple[ConfigResource, T]]) -> list[tuple[ConfigResource, T]]:
    """Those that are in the request once."""
    counts = Counter(resource for resource, _ in resources)
    return [pair for pair in resources if counts[pair[0]] == 1]


def twice(resources: Sequence[tuple[ConfigResource, object]]) -> list[AlteredResource]:
    """A refusal for each time that a resource is in the request, if that is more than once."""
    counts = Counter(resource for resource, _ in resources)
    error = KafkaError(ErrorCode.INVALID_REQUEST, "The resource is in the request twice.")
    return [AlteredResource(resource, error) for resource, _ in resources if counts[resource] > 1]


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
