"""DescribeAcls: v1-v3. The ACLs that a filter means, by resource. Without an authorizer SECURITY_DISABLED.

v2: flexible. v3: USER resources.
"""

from __future__ import annotations

from collections.abc import Iterable

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse

from kafkalite.broker.handlers.acls import check_readable, security_disabled
from kafkalite.broker.request import RequestContext
from kafkalite.metadata.acl_filter import AclFilter
from kafkalite.metadata.users_image import AclEntry

API_KEY = ApiKey.DESCRIBE_ACLS

Resource = DescribeAclsResponse.DescribeAclsResource


def handle(context: RequestContext, request: DescribeAclsRequest) -> DescribeAclsResponse:
    wanted = AclFilter(
        request.resource_type_filter,
        request.resource_name_filter,
        request.pattern_type_filter,
        request.principal_filter,
        request.host_filter,
        request.operation,
        request.permission_type,
    )
    check_readable(wanted)
    disabled = security_disabled(context)
    if disabled is not None:
        raise disabled
    acls = context.broker.image.users.acls.values()
    return DescribeAclsResponse(resources=_by_resource(filter(wanted.matches, acls)))


def _by_resource(entries: Iterable[AclEntry]) -> list[Resource]:
    resources: dict[tuple[int, str, int], Resource] = {}
    for entry in sorted(entries):
        key = entry.resource_type, entry.resource_name, entry.pattern_type
        resource = resources.setdefault(key, Resource(*key))
        resource.acls.append(
            DescribeAclsResponse.AclDescription(
                entry.principal, entry.host, entry.operation, entry.permission_type
            )
        )
    return [*resources.values()]
