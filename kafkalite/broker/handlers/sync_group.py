"""SyncGroup: v0-v5. Get one's assignment; parked until the leader's request brings all of them.

v3: static members. v5: the client has to say which protocol it believes in, and is told.
Errors: 22 23 24 25 27 82, and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred

API_KEY = ApiKey.SYNC_GROUP

_PROTOCOL_VERSION = 5


def handle(
    context: RequestContext, request: SyncGroupRequest
) -> SyncGroupResponse | Deferred[SyncGroupResponse]:
    if context.api_version >= _PROTOCOL_VERSION and (
        request.protocol_type is None or request.protocol_name is None
    ):
        return SyncGroupResponse(
            error_code=ErrorCode.INCONSISTENT_GROUP_PROTOCOL, protocol_type=None, protocol_name=None
        )
    return context.broker.group_coordinator.sync_group(request)
