"""DeleteShareGroupOffsets: v0. A share group without members forgets whole topics (KIP-932).

Errors: 24 68 69, and 14 15 16 of the coordinator; per topic 3 and those of the share coordinator. Each with a text.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred

API_KEY = ApiKey.DELETE_SHARE_GROUP_OFFSETS


def handle(
    context: RequestContext, request: DeleteShareGroupOffsetsRequest
) -> Deferred[DeleteShareGroupOffsetsResponse]:
    return context.broker.group_coordinator.share.offsets.delete(request)
