"""DescribeGroups: v0-v6. State, protocol and members of classic groups.

v3: what the client may do with each group. v4: static members. v6: GROUP_ID_NOT_FOUND instead of a dead group, also
for groups of other types, with a text. Errors per group: 69, and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.describe_groups import (
    DescribeGroupsRequest,
    DescribeGroupsResponse,
)

from kafkalite.broker.handlers.authorized_operations import tell_group_operations
from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.DESCRIBE_GROUPS


def handle(context: RequestContext, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
    groups = context.broker.group_coordinator.admin.describe_groups(
        request.groups, context.api_version
    )
    tell_group_operations(groups, wanted=request.include_authorized_operations)
    return DescribeGroupsResponse(groups=groups)
