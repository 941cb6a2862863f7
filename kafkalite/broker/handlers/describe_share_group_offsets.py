"""DescribeShareGroupOffsets: v0-v1. Where share groups have got to; -1 where they have not begun (KIP-932).

v1: the lag, which is what has still to be delivered (KIP-1226). Errors: per group 14 15 16 of the coordinator and 35 while
share.version is switched off, per partition those of the share coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsResponse,
)

from kafkalite.broker.handlers.share_group_describe import SHARE_VERSION
from kafkalite.broker.request import RequestContext
from kafkalite.coordination.group.share.offsets import DescribedGroup
from kafkalite.deferred import Deferred, gather

API_KEY = ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS


def handle(
    context: RequestContext, request: DescribeShareGroupOffsetsRequest
) -> DescribeShareGroupOffsetsResponse | Deferred[DescribeShareGroupOffsetsResponse]:
    if not context.broker.image.features.get(SHARE_VERSION):
        refused = [
            DescribedGroup(group_id=group.group_id, error_code=ErrorCode.UNSUPPORTED_VERSION)
            for group in request.groups
        ]
        return DescribeShareGroupOffsetsResponse(groups=refused)
    describe = context.broker.group_coordinator.share.offsets.describe
    return gather([describe(group) for group in request.groups]).then(
        lambda groups: DescribeShareGroupOffsetsResponse(groups=groups)
    )
