"""OffsetDelete: v0. Committed offsets of topics that the group does not read (KIP-496).

Errors of the group: 24 68 69, and 14 15 16 of the coordinator; per partition: 3 86.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred

API_KEY = ApiKey.OFFSET_DELETE


def handle(
    context: RequestContext, request: OffsetDeleteRequest
) -> OffsetDeleteResponse | Deferred[OffsetDeleteResponse]:
    return context.broker.group_coordinator.admin.delete_offsets(request)
