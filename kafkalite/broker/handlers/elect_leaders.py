"""ElectLeaders: v0-v2. Gives leadership back to preferred replicas (type 0), or to any replica of a partition that has
none (type 1, v1+; KIP-460). Null partitions mean all, and then only those are answered that needed an election.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.elect_leaders import ElectLeadersRequest, ElectLeadersResponse

from kafkalite.broker.handlers.outcome import message_of
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import ElectedLeader
from kafkalite.types import TopicPartition

API_KEY = ApiKey.ELECT_LEADERS

_PREFERRED, _UNCLEAN = 0, 1

Result = ElectLeadersResponse.ReplicaElectionResult


def handle(context: RequestContext, request: ElectLeadersRequest) -> Deferred[ElectLeadersResponse]:
    if request.election_type not in (_PREFERRED, _UNCLEAN):
        return resolved(_refuse(request))
    control_plane = context.broker.control_plane
    names = (
        [*control_plane.image.topics]
        if request.topic_partitions is None
        else [one.topic for one in request.topic_partitions]
    )
    asked = (
        None
        if request.topic_partitions is None
        else [
            TopicPartition(one.topic, number)
            for one in request.topic_partitions
            for number in one.partitions
        ]
    )
    done = control_plane.elect_leaders(asked, unclean=request.election_type == _UNCLEAN)
    return done.then(lambda elected: _answer(names, elected))


def _refuse(request: ElectLeadersRequest) -> ElectLeadersResponse:
    error = KafkaError(
        ErrorCode.INVALID_REQUEST, f"There is no type {request.election_type} of an election."
    )
    asked = request.topic_partitions or []
    response = _answer(
        [one.topic for one in asked],
        [
            ElectedLeader(TopicPartition(one.topic, number), error)
            for one in asked
            for number in one.partitions
        ],
    )
    response.error_code = error.code
    return response


def _answer(names: Sequence[str], elected: Sequence[ElectedLeader]) -> ElectLeadersResponse:
    results = {name: Result(name) for name in names}
    for (topic, number), error in elected:
        results[topic].partition_result.append(
            ElectLeadersResponse.PartitionResult(
                number, error.code if error is not None else 0, message_of(error)
            )
        )
    return ElectLeadersResponse(replica_election_results=[*results.values()])
