"""OffsetCommit: v2-v10. Store the next offsets a group will read; answered once they are in the log.

v2-v4: a retention time, ignored as in Kafka. v6: leader epochs. v7: static members. v9: GROUP_ID_NOT_FOUND for a member
of an unknown group. v10: topics by id. Errors, per partition: 3 12 22 25 27 28 69 82 100, and 14 15 16 of the
coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred

API_KEY = ApiKey.OFFSET_COMMIT


def handle(
    context: RequestContext, request: OffsetCommitRequest
) -> OffsetCommitResponse | Deferred[OffsetCommitResponse]:
    return context.broker.group_coordinator.commit_offsets(request, context.api_version)
