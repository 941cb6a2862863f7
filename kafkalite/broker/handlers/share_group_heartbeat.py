"""ShareGroupHeartbeat: v1. A share consumer joins, lives, leaves, and learns its partitions (KIP-932).

Partitions that the group reads for the first time get durable state before they are assigned; members learn of them in
later heartbeats. Errors: 25 42 69 81 110, and 14 15 16 of the coordinator, each with a text.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.deferred import Deferred

API_KEY = ApiKey.SHARE_GROUP_HEARTBEAT


def handle(
    context: RequestContext, request: ShareGroupHeartbeatRequest
) -> ShareGroupHeartbeatResponse | Deferred[ShareGroupHeartbeatResponse]:
    client = Client(context.client_id or "", f"/{context.connection.client_host}")
    return context.broker.group_coordinator.share.heartbeat(request, client)
