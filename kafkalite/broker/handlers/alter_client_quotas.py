"""AlterClientQuotas: v0-v1. Sets and removes quotas of users, clients and addresses (KIP-546). v1: flexible.

They are kept and listed; nobody is slowed down by them yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
)

from kafkalite.broker.handlers.outcome import answer_either, message_of
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import QuotaChange
from kafkalite.metadata.users_records import quota_entity

API_KEY = ApiKey.ALTER_CLIENT_QUOTAS

Result = AlterClientQuotasResponse.EntryData


def handle(
    context: RequestContext, request: AlterClientQuotasRequest
) -> Deferred[AlterClientQuotasResponse]:
    changes = [
        QuotaChange(
            [(part.entity_type, part.entity_name) for part in entry.entity],
            [(one.key, None if one.remove else one.value) for one in entry.ops],
        )
        for entry in request.entries
    ]

    def answer(errors: Sequence[KafkaError | None]) -> AlterClientQuotasResponse:
        # Of an entity that comes twice only the refusal is told.
        by_entity = {
            quota_entity(iter(change.entity)): _result(change, error)
            for change, error in zip(changes, errors, strict=True)
        }
        return AlterClientQuotasResponse(entries=[*by_entity.values()])

    return answer_either(
        context.broker.control_plane.alter_client_quotas(
            changes, validate_only=request.validate_only
        ),
        answer,
        lambda error: answer([error] * len(changes)),
    )


def _result(change: QuotaChange, error: KafkaError | None) -> Result:
    return Result(
        error.code if error is not None else 0,
        message_of(error),
        [AlterClientQuotasResponse.EntityData(*part) for part in change.entity],
    )
