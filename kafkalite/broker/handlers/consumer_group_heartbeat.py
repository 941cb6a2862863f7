"""ConsumerGroupHeartbeat: v0-v1. A consumer joins, lives, leaves, and learns its partitions (KIP-848).

v0: a member that joins may be given its id. v1: the client makes its id; subscriptions by regular expression. Errors:
25 42 69 81 82 110 111 112 128, and 14 15 16 of the coordinator, each with a text.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.deferred import Deferred

API_KEY = ApiKey.CONSUMER_GROUP_HEARTBEAT


def handle(
    context: RequestContext, request: ConsumerGroupHeartbeatRequest
) -> ConsumerGroupHeartbeatResponse | Deferred[ConsumerGroupHeartbeatResponse]:
    client = Client(context.client_id or "", f"/{context.connection.client_host}")
    groups = context.broker.group_coordinator.consumer
    return groups.heartbeat(request, client, context.api_version)
