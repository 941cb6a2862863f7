"""Streams groups on the coordinator of `group_world`: short requests, and clients that behave like Kafka Streams."""

from __future__ import annotations

from typing import Any

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
)

from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.streams.group import StreamsGroup
from kafkalite.coordination.group.streams.groups import HeartbeatResult
from kafkalite.coordination.group.streams.tasks import TaskId, Tasks, read_tasks, write_tasks
from kafkalite.types import GroupId
from tests.coordination.group_world import CLIENT, World, deferred

APP = "app"

Request = StreamsGroupHeartbeatRequest
Answer = StreamsGroupHeartbeatResponse


def topic_info(name: str, partitions: int = 0, replication_factor: int = 0) -> Any:
    return Request.TopicInfo(name, partitions, replication_factor)


def subtopology(number: str, *source_topics: str, **fields: Any) -> Any:
    return Request.Subtopology(subtopology_id=number, source_topics=list(source_topics), **fields)


def topology(*subtopologies: Any, epoch: int = 0) -> Any:
    return Request.Topology(epoch, list(subtopologies))


STATELESS = topology(subtopology("0", "orders"))
"""`orders` has three partitions in `FakeTopics`, and so this has three tasks."""

STATEFUL = topology(subtopology("0", "orders", state_changelog_topics=[topic_info("app-log")]))


def tasks(*names: str) -> frozenset[TaskId]:
    """`0_1` is task 1 of subtopology 0."""
    return frozenset(TaskId(name.split("_")[0], int(name.split("_")[1])) for name in names)


def join_request(member_id: str, what: Any = STATELESS, **fields: Any) -> Request:
    values: dict[str, Any] = {
        "group_id": APP,
        "member_id": member_id,
        "rebalance_timeout_ms": 30_000,
        "topology": what,
        "active_tasks": [],
        "standby_tasks": [],
        "warmup_tasks": [],
        "process_id": f"process-of-{member_id}",
        "client_tags": [],
    }
    return Request(**values | fields)


def endpoint(host: str, port: int) -> Any:
    return Request.Endpoint(host, port)


class StreamsWorld(World):
    """Without delays, unless they are asked for."""

    def __init__(self, standby_replicas: int = 0, **settings: Any) -> None:
        config = {key: settings.pop(key) for key in ("streams_max_size",) if key in settings}
        super().__init__(**config)
        self.settings = GroupConfig(streams_num_standby_replicas=standby_replicas, **settings)
        self.topics.partitions["app-log"] = 3
        self.topics.ids["app-log"] = bytes(16)  # type: ignore[assignment]

    def ask(self, request: Request, client: Client = CLIENT) -> HeartbeatResult:
        return deferred(self.coordinator.streams.heartbeat(request, client)).result()

    def join(self, member_id: str, what: Any = STATELESS, **fields: Any) -> Answer:  # type: ignore[override]
        return self.ask(join_request(member_id, what, **fields)).response

    def beat(self, member_id: str, epoch: int, owned: Tasks | None = None, **fields: Any) -> Answer:
        """A heartbeat; with `owned`, one that says what the member has."""
        if owned is not None:
            fields |= {
                "active_tasks": write_tasks(owned.active, Request.TaskIds),
                "standby_tasks": write_tasks(owned.standby, Request.TaskIds),
                "warmup_tasks": [],
            }
        values: dict[str, Any] = {
            "group_id": APP,
            "member_id": member_id,
            "member_epoch": epoch,
        }
        return self.ask(Request(**values | fields)).response

    def restart(self) -> None:
        """Another coordinator takes over, from the log alone."""
        self.coordinator.close()
        self.coordinator = self.new_coordinator()
        for partition in range(self.partition_count):
            self.coordinator.load_partition(partition, self.log.records.get(partition, []))

    def app(self) -> StreamsGroup:
        """The group's state. Reaches behind the coordinator: for assertions only."""
        group = self.coordinator._shards.shard_for(APP).groups[GroupId(APP)]
        assert isinstance(group, StreamsGroup)
        return group


def active_tasks(answer: Answer) -> frozenset[TaskId] | None:
    """None when the answer says nothing of tasks."""
    return None if answer.active_tasks is None else read_tasks(answer.active_tasks)


def statuses(answer: Answer) -> list[int]:
    return [status.status_code for status in answer.status or ()]


class StreamsClient:
    """One thread of an application. It gives tasks up when it gets round to it, and says so with its next heartbeat."""

    def __init__(self, world: StreamsWorld, member_id: str, process_id: str, what: Any) -> None:
        self.member_id = member_id
        self.process_id = process_id
        self.owned = Tasks()
        self.epoch = 0
        self._assigned = Tasks()
        self._world = world
        self._topology = what

    def beat(self, *, lose_answer: bool = False) -> int:
        """Send the next heartbeat and act on the answer; returns its error code."""
        if self.epoch == 0:
            self.owned = Tasks()
            answer = self._world.join(self.member_id, self._topology, process_id=self.process_id)
        else:
            answer = self._world.beat(self.member_id, self.epoch, self.owned)
        if lose_answer:
            return ErrorCode.NONE
        if answer.error_code:
            assert answer.error_code in (
                ErrorCode.FENCED_MEMBER_EPOCH,
                ErrorCode.UNKNOWN_MEMBER_ID,
                ErrorCode.GROUP_ID_NOT_FOUND,
            )
            self.epoch = 0
            self.owned = Tasks()
            return answer.error_code
        self.epoch = answer.member_epoch
        if answer.active_tasks is not None:
            self._assigned = Tasks(
                read_tasks(answer.active_tasks), read_tasks(answer.standby_tasks or ())
            )
        return ErrorCode.NONE

    def get_round_to_it(self) -> None:
        """Give up and take over what the last answer said."""
        if self.epoch:
            self.owned = self._assigned
