"""DeleteGroups: v0-v2. Groups without members, of any type, with the offsets they have committed.

Errors per group: 68 69, and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred

API_KEY = ApiKey.DELETE_GROUPS


def handle(
    context: RequestContext, request: DeleteGroupsRequest
) -> DeleteGroupsResponse | Deferred[DeleteGroupsResponse]:
    return context.broker.group_coordinator.admin.delete_groups(request.groups_names)
