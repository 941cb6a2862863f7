"""One heartbeat of a member: what it changes in the group, and what the member is told.

    1  who it is, and whether its epoch is one it may have       else it is fenced and rejoins
    2  what it says of itself, and its topology
    3  the topology against the topics there are                  when it is new, or topics may have changed
    4  a change of any of these, or of the assignment configs     => group epoch + 1
    5  a target for the group epoch                               when it is due
    6  the member's next step towards its target                  `reconciliation.py`

The decision is a list of records; the group changes when they are replayed. Only what is not in the log (`StreamsGroup`
names it) changes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
)

from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.modern.metadata_hash import group_hash
from kafkalite.coordination.group.streams import records
from kafkalite.coordination.group.streams.configured_topology import (
    ConfiguredTopology,
    InternalTopic,
    Status,
    StatusCode,
    configure,
)
from kafkalite.coordination.group.streams.endpoints import partitions_by_endpoint
from kafkalite.coordination.group.streams.group import StreamsGroup
from kafkalite.coordination.group.streams.member import (
    MemberMetadata,
    StreamsMember,
    UserEndpoint,
)
from kafkalite.coordination.group.streams.reconciliation import reconcile
from kafkalite.coordination.group.streams.request_checks import JOIN_EPOCH
from kafkalite.coordination.group.streams.target import compute_target
from kafkalite.coordination.group.streams.tasks import (
    HeldTasks,
    TaskId,
    Tasks,
    owned_tasks,
    write_tasks,
)
from kafkalite.coordination.group.streams.topology import Topology, read_topology
from kafkalite.coordination.ports import KeyValue, TopicView
from kafkalite.errors import KafkaError
from kafkalite.types import MemberId

_NOT_VALIDATED = -1

_ResponseTasks = StreamsGroupHeartbeatResponse.TaskIds


class HeartbeatDecision(NamedTuple):
    records: list[KeyValue]
    response: StreamsGroupHeartbeatResponse
    member: StreamsMember
    """As it will be."""
    took_a_step: bool
    """Its current assignment changed."""
    missing_topics: tuple[InternalTopic, ...]
    """To be created for the group."""


class Heartbeat:
    """One request being decided on."""

    def __init__(
        self,
        group: StreamsGroup,
        request: StreamsGroupHeartbeatRequest,
        client: Client,
        settings: GroupConfig,
        topics: TopicView,
        now_ms: int,
        *,
        is_known: bool,
        initial_delay: bool,
    ) -> None:
        """`is_known`: the group is in the state already. `initial_delay`: assigning waits for more members."""
        self._group = group
        self._request = request
        self._client = client
        self._settings = settings
        self._topics = topics
        self._now_ms = now_ms
        self._is_known = is_known
        self._initial_delay = initial_delay
        self._owned = owned_tasks(request.active_tasks, request.standby_tasks, request.warmup_tasks)
        self._records: list[KeyValue] = []
        self._status: list[Status] = []

    def decide(self) -> HeartbeatDecision:
        """KafkaError when the member is refused; then nothing changes."""
        group = self._group
        before = self._member()
        self._check_epoch(before)
        member = replace(before, metadata=self._metadata(before.metadata))
        if changed := member != before:
            self._records.append(records.member_metadata(group.group_id, member))
        topology = self._topology()
        self._note_stale_topology(member)
        configured, metadata_hash = self._configured(topology)
        self._check_owned(configured)
        epoch = self._bump(changed, configured, metadata_hash)
        target_epoch, target = self._target(epoch, member, configured)
        after = reconcile(member, target_epoch, target, group.holders, self._owned)
        if took_a_step := after != member:
            self._records.append(records.current(group.group_id, after))
        response = self._response(before, after, configured)
        return HeartbeatDecision(
            self._records, response, after, took_a_step, configured.missing_topics
        )

    # -- the member -------------------------------------------------------------------------------------------------

    def _member(self) -> StreamsMember:
        member_id = MemberId(self._request.member_id)
        if self._request.member_epoch == JOIN_EPOCH:
            return self._group.members.get(member_id, StreamsMember(member_id))
        return self._group.member(member_id)

    def _check_epoch(self, member: StreamsMember) -> None:
        """A member that has missed our last answer is an epoch behind, and owns no more than before."""
        claimed = self._request.member_epoch
        if claimed in (JOIN_EPOCH, member.epoch):
            return
        if (
            claimed < member.epoch
            and claimed == member.previous_epoch
            and self._owned is not None
            and member.assigned.contains(self._owned)
        ):
            return
        comparison = "greater" if claimed > member.epoch else "smaller"
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"Member epoch {claimed} is {comparison} than {member.epoch}, which the member has here. "
            "It must give up its tasks and rejoin.",
        )

    def _metadata(self, known: MemberMetadata) -> MemberMetadata:
        """A request leaves out what has not changed."""
        request, endpoint = self._request, self._request.user_endpoint
        timeout_ms = request.rebalance_timeout_ms
        return MemberMetadata(
            instance_id=known.instance_id,
            rack_id=known.rack_id if request.rack_id is None else request.rack_id,
            client_id=self._client.client_id,
            client_host=self._client.client_host,
            rebalance_timeout_ms=known.rebalance_timeout_ms if timeout_ms == -1 else timeout_ms,
            topology_epoch=known.topology_epoch
            if request.topology is None
            else request.topology.epoch,
            process_id=known.process_id if request.process_id is None else request.process_id,
            user_endpoint=known.user_endpoint
            if endpoint is None
            else UserEndpoint(endpoint.host, endpoint.port),
            client_tags=known.client_tags
            if request.client_tags is None
            else {each.key: each.value for each in request.client_tags},
        )

    # -- topology and topics ----------------------------------------------------------------------------------------

    def _topology(self) -> Topology:
        """The one that the group runs, from now on if it is the first."""
        known = self._group.topology
        if self._request.topology is None:
            assert known is not None, "a group with members has a topology"
            return known
        topology = read_topology(self._request.topology)
        if known is None:
            self._records.append(records.topology(self._group.group_id, topology))
            return topology
        if topology.epoch >= known.epoch and topology != known:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                "The group runs another topology, and cannot change to this one.",
            )
        return known

    def _note_stale_topology(self, member: StreamsMember) -> None:
        topology = self._group.topology
        if topology is not None and member.metadata.topology_epoch < topology.epoch:
            self._status.append(
                Status(
                    StatusCode.STALE_TOPOLOGY,
                    f"The member runs topology epoch {member.metadata.topology_epoch}, the group {topology.epoch}.",
                )
            )

    def _configured(self, topology: Topology) -> tuple[ConfiguredTopology, int]:
        """The topology with the topics of now, and their hash."""
        group = self._group
        configured, metadata_hash = group.configured, group.metadata_hash
        if configured is None or group.topics_may_have_changed:
            metadata_hash = group_hash(topology.required_topics, self._topics)
            if configured is None or metadata_hash != group.metadata_hash:
                configured = group.configured = configure(topology, self._topics)
            group.topics_may_have_changed = False
        return configured, metadata_hash

    def _check_owned(self, configured: ConfiguredTopology) -> None:
        """A member can only own tasks that there are."""
        if not configured.is_ready or self._owned is None:
            return
        for task in self._owned.active | self._owned.standby | self._owned.warmup:
            subtopology = configured.subtopologies.get(task.subtopology_id)
            if subtopology is None:
                raise KafkaError(
                    ErrorCode.INVALID_REQUEST,
                    f"The topology has no subtopology {task.subtopology_id}.",
                )
            if not 0 <= task.partition < subtopology.task_count:
                raise KafkaError(
                    ErrorCode.INVALID_REQUEST,
                    f"Subtopology {task.subtopology_id} has {subtopology.task_count} tasks, and no task {task.partition}.",
                )

    # -- group epoch and target -------------------------------------------------------------------------------------

    def _bump(self, changed: bool, configured: ConfiguredTopology, metadata_hash: int) -> int:
        """The group epoch after this heartbeat."""
        group = self._group
        validated = configured.topology.epoch if configured.is_ready else _NOT_VALIDATED
        configs = assignment_configs(self._settings)
        if not (
            changed
            or metadata_hash != group.metadata_hash
            or validated != group.validated_topology_epoch
            or configs != group.assignment_configs
        ):
            return group.epoch
        epoch = group.epoch + 1
        self._records.append(
            records.group_metadata(group.group_id, epoch, metadata_hash, validated, configs)
        )
        return epoch

    def _target(
        self, epoch: int, member: StreamsMember, configured: ConfiguredTopology
    ) -> tuple[int, Tasks]:
        """What this member should have, and of which assignment epoch that is."""
        group = self._group
        if self._initial_delay:
            self._delayed("initial rebalance delay")
            return group.assignment_epoch, Tasks()
        if group.assignment_epoch < epoch:
            if is_assignment_due(group, self._settings, self._now_ms):
                members = {**group.members, member.member_id: member}
                targets, written = compute_target(
                    group,
                    members,
                    configured,
                    self._settings.streams_num_standby_replicas,
                    epoch,
                    self._now_ms,
                )
                self._records += written
                return epoch, targets[member.member_id]
            self._delayed("assignment interval")
        return group.assignment_epoch, group.target(member.member_id)

    def _delayed(self, by: str) -> None:
        detail = f"Tasks are assigned after the configured {by}."
        self._status.append(Status(StatusCode.ASSIGNMENT_DELAYED, detail))

    # -- the answer -------------------------------------------------------------------------------------------------

    def _response(
        self, before: StreamsMember, after: StreamsMember, configured: ConfiguredTopology
    ) -> StreamsGroupHeartbeatResponse:
        group, request = self._group, self._request
        response = StreamsGroupHeartbeatResponse(
            member_id=after.member_id,
            member_epoch=after.epoch,
            heartbeat_interval_ms=self._settings.streams_heartbeat_interval_ms,
        )
        changed = request.member_epoch == JOIN_EPOCH or before.assigned != after.assigned
        if changed or self._has_missed_an_answer(before):
            _put_tasks(response, after.assigned)
        if changed and after.metadata.user_endpoint is not None:
            group.endpoint_epoch += 1
        if group.endpoint_epoch != request.endpoint_information_epoch:
            others = [each for each in group.members.values() if each.member_id != after.member_id]
            response.partitions_by_user_endpoint = partitions_by_endpoint(
                [*others, after], configured, self._topics
            )
        if self._is_known:
            response.endpoint_information_epoch = group.endpoint_epoch
        if configured.problem is not None:
            self._status.append(configured.problem)
        if request.shutdown_application and group.shutdown_requested_by is None:
            group.shutdown_requested_by = after.member_id
        if group.shutdown_requested_by is not None:
            self._status.append(
                Status(
                    StatusCode.SHUTDOWN_APPLICATION,
                    f"Member {group.shutdown_requested_by} has failed and wants the whole application to shut down.",
                )
            )
        response.status = [StreamsGroupHeartbeatResponse.Status(*each) for each in self._status]
        return response

    def _has_missed_an_answer(self, member: StreamsMember) -> bool:
        """It names an older epoch, or leaves out what it has been given: then it does not know, and is told again.

        Kafka 4.3 does not repeat itself, and tasks of which the news was lost rest until the next change.
        """
        return self._request.member_epoch < member.epoch or (
            self._owned is not None and not member.assigned.is_part_of(self._owned)
        )


def assignment_configs(settings: GroupConfig) -> Mapping[str, str]:
    """The configs that a target depends on, as the group's record keeps them."""
    return {"num.standby.replicas": str(settings.streams_num_standby_replicas)}


def is_assignment_due(group: StreamsGroup, settings: GroupConfig, now_ms: int) -> bool:
    """At most one target in every streams.assignment.interval.ms, so that members who come together are assigned
    together."""
    interval_ms = settings.streams_assignment_interval_ms
    last_ms = group.assignment_timestamp_ms
    return last_ms == 0 or interval_ms == 0 or now_ms >= last_ms + interval_ms


def _put_tasks(response: StreamsGroupHeartbeatResponse, held: HeldTasks) -> None:
    response.active_tasks = _tasks(held.active)
    response.standby_tasks = _tasks(held.standby)
    response.warmup_tasks = _tasks(held.warmup)


def _tasks(tasks: Iterable[TaskId]) -> list[_ResponseTasks]:
    return write_tasks(tasks, _ResponseTasks)
