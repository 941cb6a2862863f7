"""What is wrong with a StreamsGroupHeartbeat by itself, whatever the group."""

from __future__ import annotations

from collections.abc import Iterator

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.streams_group_heartbeat import StreamsGroupHeartbeatRequest

from kafkalite.errors import KafkaError

JOIN_EPOCH = 0
LEAVE_EPOCH = -1
LEAVE_STATIC_EPOCH = -2

_SUBTOPOLOGIES_MAX = 1_000
"""Ours: working out repartition topics takes time that grows with the square of it. Applications have a few dozen."""


def check_request(request: StreamsGroupHeartbeatRequest) -> None:
    """KafkaError INVALID_REQUEST or STREAMS_INVALID_TOPOLOGY."""
    for problem in _unsupported(request):
        raise KafkaError(ErrorCode.INVALID_REQUEST, problem)
    for problem in _mistakes(request):
        raise KafkaError(ErrorCode.INVALID_REQUEST, problem)
    if request.topology is not None:
        _check_topology(request.topology)


def _unsupported(request: StreamsGroupHeartbeatRequest) -> Iterator[str]:
    """Parts of the protocol that Kafka 4.3 does not have yet either; its order of asking."""
    if request.instance_id is not None:
        yield "Static membership is not yet supported."
    if request.task_offsets is not None:
        yield "TaskOffsets are not supported yet."
    if request.task_end_offsets is not None:
        yield "TaskEndOffsets are not supported yet."
    if request.warmup_tasks:
        yield "WarmupTasks are not supported yet."
    if request.topology is not None and any(
        subtopology.source_topic_regex for subtopology in request.topology.subtopologies
    ):
        yield "Regular expressions for source topics are not supported yet."


def _mistakes(request: StreamsGroupHeartbeatRequest) -> Iterator[str]:
    if not request.member_id.strip():
        yield "MemberId can't be empty."
    if not request.group_id.strip():
        yield "GroupId can't be empty."
    if request.rack_id is not None and not request.rack_id.strip():
        yield "RackId can't be empty."
    tasks = {
        "ActiveTasks": request.active_tasks,
        "StandbyTasks": request.standby_tasks,
        "WarmupTasks": request.warmup_tasks,
    }
    if request.member_epoch == JOIN_EPOCH:
        if request.rebalance_timeout_ms == -1:
            yield "RebalanceTimeoutMs must be provided in first request."
        for name, value in tasks.items():
            if value is None or value:
                yield f"{name} must be empty when (re-)joining."
        if request.topology is None:
            yield "Topology must be non-null when (re-)joining."
    elif request.member_epoch == LEAVE_STATIC_EPOCH:
        yield "InstanceId can't be null."
    elif request.member_epoch < LEAVE_STATIC_EPOCH:
        yield f"MemberEpoch is {request.member_epoch}, but must be greater than or equal to -2."
    given = [value is not None for value in tasks.values()]
    if any(given) and not all(given):
        yield "If one task-type is non-null, all must be non-null."
    if request.member_epoch != JOIN_EPOCH and request.topology is not None:
        yield "Topology can only be provided when (re-)joining."


def _check_topology(topology: StreamsGroupHeartbeatRequest.Topology) -> None:
    ids = [subtopology.subtopology_id for subtopology in topology.subtopologies]
    if len(ids) > _SUBTOPOLOGIES_MAX:
        raise _invalid(
            f"The topology has {len(ids)} subtopologies, more than {_SUBTOPOLOGIES_MAX}."
        )
    if len(set(ids)) < len(ids):
        raise _invalid("Two subtopologies have the same id.")
    if topology.epoch < 0:
        raise _invalid(f"The topology epoch is {topology.epoch}, but may not be negative.")
    for subtopology in topology.subtopologies:
        for topic in subtopology.state_changelog_topics:
            if topic.partitions:
                raise _invalid(
                    f"Changelog topic {topic.name} must have an undefined partition count, "
                    f"but it is set to {topic.partitions}."
                )
        for topic in subtopology.repartition_source_topics:
            if topic.partitions < 0:
                raise _invalid(
                    f"Repartition topic {topic.name} cannot have {topic.partitions} partitions."
                )


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.STREAMS_INVALID_TOPOLOGY, message)
