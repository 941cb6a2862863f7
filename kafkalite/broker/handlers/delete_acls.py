"""DeleteAcls: v1-v3. Removes the ACLs that filters mean, and lists them. Without an authorizer SECURITY_DISABLED.

v2: flexible. v3: USER resources.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.delete_acls import DeleteAclsRequest, DeleteAclsResponse

from kafkalite.broker.handlers.acls import check_readable, security_disabled
from kafkalite.broker.handlers.outcome import answer_either, message_of
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.metadata.acl_filter import AclFilter
from kafkalite.metadata.events import DeletedAcls
from kafkalite.metadata.users_image import AclEntry

API_KEY = ApiKey.DELETE_ACLS

Result = DeleteAclsResponse.DeleteAclsFilterResult
Matching = DeleteAclsResponse.DeleteAclsMatchingAcl


def handle(
    context: RequestContext, request: DeleteAclsRequest
) -> DeleteAclsResponse | Deferred[DeleteAclsResponse]:
    filters = [_filter(one) for one in request.filters]
    for one in filters:
        check_readable(one)
    disabled = security_disabled(context)
    if disabled is not None:
        return _answer([DeletedAcls([], disabled)] * len(filters))
    return answer_either(
        context.broker.control_plane.delete_acls(filters),
        _answer,
        lambda error: _answer([DeletedAcls([], error)] * len(filters)),
    )


def _filter(one: DeleteAclsRequest.DeleteAclsFilter) -> AclFilter:
    return AclFilter(
        one.resource_type_filter,
        one.resource_name_filter,
        one.pattern_type_filter,
        one.principal_filter,
        one.host_filter,
        one.operation,
        one.permission_type,
    )


def _answer(deleted: Sequence[DeletedAcls]) -> DeleteAclsResponse:
    return DeleteAclsResponse(
        filter_results=[
            Result(
                one.error.code if one.error is not None else 0,
                message_of(one.error),
                [_matching(entry) for entry in one.entries],
            )
            for one in deleted
        ]
    )


def _matching(entry: AclEntry) -> Matching:
    return Matching(0, None, *entry)
