"""Heartbeat: v0-v4. A member says that it lives, and learns whether it has to join again.

v3: static members. Errors: 22 24 25 27 82, and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse

from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.HEARTBEAT


def handle(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
    return context.broker.group_coordinator.heartbeat(request)
