"""LeaveGroup: v0-v5. Members leave now instead of when their sessions end.

v0-v2: one member, its error on top. v3: many, each with its own error; static members by instance id (KIP-345).
v5: a reason for the log. Errors: 24 25 82, and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse

from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.LEAVE_GROUP

_MANY_MEMBERS_VERSION = 3


def handle(context: RequestContext, request: LeaveGroupRequest) -> LeaveGroupResponse:
    if context.api_version >= _MANY_MEMBERS_VERSION:
        return context.broker.group_coordinator.leave_group(request)
    request.members = [LeaveGroupRequest.MemberIdentity(member_id=request.member_id)]
    response = context.broker.group_coordinator.leave_group(request)
    return LeaveGroupResponse(
        error_code=response.error_code or response.members[0].error_code,
    )
