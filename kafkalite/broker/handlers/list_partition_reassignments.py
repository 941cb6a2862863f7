"""ListPartitionReassignments: v0. Partitions on their way to other brokers (KIP-455). There are never any: one broker."""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)

from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.LIST_PARTITION_REASSIGNMENTS


def handle(
    _context: RequestContext, _request: ListPartitionReassignmentsRequest
) -> ListPartitionReassignmentsResponse:
    return ListPartitionReassignmentsResponse(error_message=None)
