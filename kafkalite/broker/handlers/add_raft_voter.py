"""AddRaftVoter: v0-v1. Refused with UNSUPPORTED_VERSION, as by a Kafka whose kraft.version is 0: its voters are fixed
(KIP-853). The request is checked before that. v1: when to answer.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.add_raft_voter import AddRaftVoterRequest, AddRaftVoterResponse

from kafkalite.broker.request import RequestContext
from kafkalite.errors import KafkaError
from kafkalite.types import ZERO_UUID

API_KEY = ApiKey.ADD_RAFT_VOTER


def handle(context: RequestContext, request: AddRaftVoterRequest) -> AddRaftVoterResponse:
    check_voter(context, request.cluster_id, request.voter_id, request.voter_directory_id)
    if not request.listeners:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "The voter has no listener.")
    raise fixed_voters()


def check_voter(
    context: RequestContext, cluster_id: str | None, voter_id: int, directory_id: bytes
) -> None:
    """Raises `KafkaError` for another cluster, or a voter that cannot be."""
    if cluster_id not in (None, context.broker.image.cluster_id):
        raise KafkaError(
            ErrorCode.INCONSISTENT_CLUSTER_ID, f"This is cluster {context.broker.image.cluster_id}."
        )
    if voter_id < 0:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"{voter_id} is no id of a voter.")
    if directory_id == ZERO_UUID:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "The voter's directory has no id.")


def fixed_voters() -> KafkaError:
    """Why voters are neither added nor removed."""
    return KafkaError(
        ErrorCode.UNSUPPORTED_VERSION, "The voters of this quorum are this broker, for good."
    )
