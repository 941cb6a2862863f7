"""DescribeClientQuotas: v0-v1. The quotas of the entities that a filter means (KIP-546). v1: flexible.

Each part of a filter names a type and, exactly, a name (0), the default of the type (1), or any name (2). Strict: entities
that have other parts besides are left out. What Kafka's `ClientQuotasImage` refuses, is refused.
"""

from __future__ import annotations

from typing import Final

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.describe_client_quotas import (
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.errors import KafkaError
from kafkalite.metadata.users_image import QuotaEntity

API_KEY = ApiKey.DESCRIBE_CLIENT_QUOTAS

Component = DescribeClientQuotasRequest.ComponentData
Response = DescribeClientQuotasResponse

_EXACT, _DEFAULT, _ANY = 0, 1, 2
_TYPES: Final = ("user", "client-id", "ip")


def handle(
    context: RequestContext, request: DescribeClientQuotasRequest
) -> DescribeClientQuotasResponse:
    try:
        _check(request.components)
    except KafkaError as error:
        return Response(error_code=error.code, error_message=error.message, entries=None)
    return DescribeClientQuotasResponse(
        entries=[
            Response.EntryData(
                [Response.EntityData(*part) for part in entity],
                [Response.ValueData(*pair) for pair in values.items()],
            )
            for entity, values in context.broker.image.users.quotas.items()
            if _matches(entity, request)
        ]
    )


def _matches(entity: QuotaEntity, request: DescribeClientQuotasRequest) -> bool:
    if request.strict and len(entity) != len(request.components):
        return False
    parts = dict(entity)
    return all(
        one.entity_type in parts and (one.match_type == _ANY or parts[one.entity_type] == one.match)
        for one in request.components
    )


def _check(components: list[Component]) -> None:
    seen: set[str] = set()
    for one in components:
        if one.entity_type in seen:
            raise _refusal(f"{one.entity_type} is in the filter twice.")
        seen.add(one.entity_type)
        _check_component(one)
    if "ip" in seen and len(seen) > 1:
        raise _refusal("An ip is not combined with a user or a client-id.")


def _check_component(one: Component) -> None:
    if not one.entity_type:
        raise _refusal("A part of the filter has no type.")
    if one.entity_type not in _TYPES:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_VERSION, f"There are no quotas by {one.entity_type}."
        )
    if one.match_type not in (_EXACT, _DEFAULT, _ANY):
        raise _refusal(f"There is no match type {one.match_type}.")
    if (one.match_type == _EXACT) != (one.match is not None):
        raise _refusal("A name belongs to an exact match, and to no other.")


def _refusal(reason: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, reason)
