"""CreateAcls: v1-v3. Stores who may do what. Needs an authorizer, as in Kafka: without, SECURITY_DISABLED.

ACLs are kept and listed; they do not keep anybody from anything yet. v2: flexible. v3: USER resources.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.create_acls import CreateAclsRequest, CreateAclsResponse

from kafkalite.broker.handlers.acls import check_readable, security_disabled
from kafkalite.broker.handlers.outcome import answer_either, message_of
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.users_image import AclEntry

API_KEY = ApiKey.CREATE_ACLS


def handle(
    context: RequestContext, request: CreateAclsRequest
) -> CreateAclsResponse | Deferred[CreateAclsResponse]:
    entries = [_entry(one) for one in request.creations]
    for entry in entries:
        check_readable(entry)
    disabled = security_disabled(context)
    if disabled is not None:
        return _answer([disabled] * len(entries))
    return answer_either(
        context.broker.control_plane.create_acls(entries),
        _answer,
        lambda error: _answer([error] * len(entries)),
    )


def _entry(one: CreateAclsRequest.AclCreation) -> AclEntry:
    return AclEntry(
        one.resource_type,
        one.resource_name,
        one.resource_pattern_type,
        one.principal,
        one.host,
        one.operation,
        one.permission_type,
    )


def _answer(errors: Sequence[KafkaError | None]) -> CreateAclsResponse:
    return CreateAclsResponse(
        results=[
            CreateAclsResponse.AclCreationResult(
                error.code if error is not None else 0, message_of(error) or ""
            )
            for error in errors
        ]
    )
