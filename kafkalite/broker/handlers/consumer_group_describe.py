"""ConsumerGroupDescribe: v0-v1. Epochs, members, what they have and what they are to have (KIP-848).

v1: which protocol a member speaks. Errors per group: 69 with a text, and 14 15 16 24 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
)

from kafkalite.broker.handlers.authorized_operations import tell_group_operations
from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.CONSUMER_GROUP_DESCRIBE


def handle(
    context: RequestContext, request: ConsumerGroupDescribeRequest
) -> ConsumerGroupDescribeResponse:
    describe = context.broker.group_coordinator.consumer.describe
    groups = [describe(group_id) for group_id in request.group_ids]
    tell_group_operations(groups, wanted=request.include_authorized_operations)
    return ConsumerGroupDescribeResponse(groups=groups)
