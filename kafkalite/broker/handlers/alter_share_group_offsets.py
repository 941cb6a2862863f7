"""AlterShareGroupOffsets: v0. Where a share group without members is to begin (KIP-932).

Errors: 24 68 69, and 14 15 16 of the coordinator; per partition 3 and those of the share coordinator. Each with a text.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred

API_KEY = ApiKey.ALTER_SHARE_GROUP_OFFSETS


def handle(
    context: RequestContext, request: AlterShareGroupOffsetsRequest
) -> Deferred[AlterShareGroupOffsetsResponse]:
    return context.broker.group_coordinator.share.offsets.alter(request)
