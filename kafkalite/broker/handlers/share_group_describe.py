"""ShareGroupDescribe: v1. Epochs, members and their partitions (KIP-932).

Errors per group: 69 with a text, 35 while share.version is switched off, and 14 15 16 24 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.share_group_describe import (
    ShareGroupDescribeRequest,
    ShareGroupDescribeResponse,
)

from kafkalite.broker.handlers.authorized_operations import tell_group_operations
from kafkalite.broker.request import RequestContext
from kafkalite.coordination.group.share.describe import DescribedGroup

API_KEY = ApiKey.SHARE_GROUP_DESCRIBE

SHARE_VERSION = "share.version"
"""The feature without which there are no share groups."""


def handle(
    context: RequestContext, request: ShareGroupDescribeRequest
) -> ShareGroupDescribeResponse:
    if not context.broker.image.features.get(SHARE_VERSION):
        refused = [
            DescribedGroup(group_id=group_id, error_code=ErrorCode.UNSUPPORTED_VERSION)
            for group_id in request.group_ids
        ]
        return ShareGroupDescribeResponse(groups=refused)
    describe = context.broker.group_coordinator.share.describe
    groups = [describe(group_id) for group_id in request.group_ids]
    tell_group_operations(groups, wanted=request.include_authorized_operations)
    return ShareGroupDescribeResponse(groups=groups)
