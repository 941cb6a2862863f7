"""JoinGroup: v0-v9. Become a member, or go into the next generation; parked until all members have come.

v0: no rebalance timeout, the session timeout serves for both. v4: MEMBER_ID_REQUIRED first (KIP-394). v5: static
members (KIP-345). v7: protocol type and a null protocol name in errors. v9: skip_assignment (KIP-814).
Errors: 23 24 25 26 79 81 82, and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse

from kafkalite.broker.request import RequestContext
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.deferred import Deferred

API_KEY = ApiKey.JOIN_GROUP

_REBALANCE_TIMEOUT_VERSION = 1
_NULL_PROTOCOL_VERSION = 7


def handle(
    context: RequestContext, request: JoinGroupRequest
) -> JoinGroupResponse | Deferred[JoinGroupResponse]:
    if context.api_version < _REBALANCE_TIMEOUT_VERSION:
        request.rebalance_timeout_ms = request.session_timeout_ms
    client = Client(context.client_id or "", f"/{context.connection.client_host}")
    answer = context.broker.group_coordinator.join_group(request, client, context.api_version)
    if context.api_version >= _NULL_PROTOCOL_VERSION:
        return answer
    return answer.then(_without_null) if isinstance(answer, Deferred) else _without_null(answer)


def _without_null(response: JoinGroupResponse) -> JoinGroupResponse:
    """Before v7 an error comes with an empty protocol name; from then on with null."""
    if response.protocol_name is None:
        response.protocol_name = ""
    return response
