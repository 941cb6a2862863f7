"""ListGroups: v0-v5. The groups of every type that this broker coordinates.

v4: states, and a filter by them. v5: types, and a filter by them (KIP-848). Error: 14 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse

from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.LIST_GROUPS


def handle(context: RequestContext, request: ListGroupsRequest) -> ListGroupsResponse:
    return context.broker.group_coordinator.admin.list_groups(request)
