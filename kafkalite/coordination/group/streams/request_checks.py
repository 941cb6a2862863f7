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
        yield "Streams groups take no members with an instance id."
    if request.task_offsets is not None:
        yield "Offsets of tasks cannot be taken yet."
    if request.task_end_offsets is not None:
        yield "End offsets of tasks cannot be taken yet."
    if request.warmup_tasks:
        yield "There are no warm-up tasks yet."
    if request.topology is not None and any(
        subtopology.source_topic_regex for subtopology in request.topology.subtopologies
    ):
        yield "Source topics cannot be given as regular expressions yet."


def _mistakes(request: StreamsGroupHeartbeatRequest) -> Iterator[str]:
    if not request.member_id.strip():
        yield "A member needs a member id."
    if not request.group_id.strip():
        yield "A member needs a group id."
    if request.rack_id is not None and not request.rack_id.strip():
        yield "A rack id may be left out, but not be empty."
    tasks = {
        "ActiveTasks": request.active_tasks,
        "StandbyTasks": request.standby_tasks,
        "WarmupTasks": request.warmup_tasks,
    }
    if request.member_epoch == JOIN_EPOCH:
        if request.rebalance_timeout_ms == -1:
            yield "A member that joins must give its rebalance timeout."
        for name, value in tasks.items():
            if value is None or value:
                yield f"A member that joins has no tasks: {name} must be an empty list."
        if request.topology is None:
            yield "A member that joins must give its topology."
    elif request.member_epoch == LEAVE_STATIC_EPOCH:
        yield "Only a member with an instance id can leave for a while."
    elif request.member_epoch < LEAVE_STATIC_EPOCH:
        yield f"There is no member epoch {request.member_epoch}."
    given = [value is not None for value in tasks.values()]
    if any(given) and not all(given):
        yield "A member that says which tasks it has must do so for all three kinds."
    if request.member_epoch != JOIN_EPOCH and request.topology is not None:
        yield "A topology is taken only from a member that joins."


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
                    f"Changelog topic {topic.name} follows its subtopology; it cannot ask for "
                    f"{topic.partitions} partitions."
                )
        for topic in subtopology.repartition_source_topics:
            if topic.partitions < 0:
                raise _invalid(
                    f"Repartition topic {topic.name} cannot have {topic.partitions} partitions."
                )


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.STREAMS_INVALID_TOPOLOGY, message)
