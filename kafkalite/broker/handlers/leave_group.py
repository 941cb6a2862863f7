"""LeaveGroup: v0-v5. Members leave now instead of when their sessions end.

v0-v2: one member, its error on top. v3: many, each with its own error; static members by instance id (KIP-345).
v5: a reason for the log. Errors: 24 25 82, and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred

API_KEY = ApiKey.LEAVE_GROUP

_MANY_MEMBERS_VERSION = 3


def handle(
    context: RequestContext, request: LeaveGroupRequest
) -> LeaveGroupResponse | Deferred[LeaveGroupResponse]:
    coordinator = context.broker.group_coordinator
    if context.api_version >= _MANY_MEMBERS_VERSION:
        return coordinator.leave_group(request)
    request.members = [LeaveGroupRequest.MemberIdentity(member_id=request.member_id)]
    answer = coordinator.leave_group(request)
    return answer.then(_of_one) if isinstance(answer, Deferred) else _of_one(answer)


def _of_one(response: LeaveGroupResponse) -> LeaveGroupResponse:
    """The single member's error on top."""
    code = response.error_code or response.members[0].error_code
    return LeaveGroupResponse(error_code=code)
