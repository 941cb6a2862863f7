"""RemoveRaftVoter: v0. Refused with UNSUPPORTED_VERSION, like AddRaftVoter, after the same checks."""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.remove_raft_voter import (
    RemoveRaftVoterRequest,
    RemoveRaftVoterResponse,
)

from kafkalite.broker.handlers.add_raft_voter import check_voter, fixed_voters
from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.REMOVE_RAFT_VOTER


def handle(context: RequestContext, request: RemoveRaftVoterRequest) -> RemoveRaftVoterResponse:
    check_voter(context, request.cluster_id, request.voter_id, request.voter_directory_id)
    raise fixed_voters()
