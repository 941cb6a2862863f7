"""StreamsGroupDescribe: v0. Topology, epochs, members and their tasks (KIP-1071).

Errors per group: 69 with a text, and 14 15 16 24 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.streams_group_describe import (
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)

from kafkalite.broker.handlers.authorized_operations import tell_group_operations
from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.STREAMS_GROUP_DESCRIBE


def handle(
    context: RequestContext, request: StreamsGroupDescribeRequest
) -> StreamsGroupDescribeResponse:
    describe = context.broker.group_coordinator.streams.describe
    groups = [describe(group_id) for group_id in request.group_ids]
    tell_group_operations(groups, wanted=request.include_authorized_operations)
    return StreamsGroupDescribeResponse(groups=groups)
