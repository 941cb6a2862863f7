"""A group coordinator with everything around it under the test's control: clock, timers, log, topics, chance."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.heartbeat import HeartbeatRequest
from kafkalite_protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from kafkalite_protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from kafkalite_protocol.messages.offset_fetch import OffsetFetchRequest
from kafkalite_protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

from kafkalite.clock import ManualClock
from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.joining import Client
from kafkalite.coordination.group.config import GroupCoordinatorConfig
from kafkalite.coordination.group.coordinator import CONSUMER_OFFSETS_TOPIC, GroupCoordinator
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.timer import TimerQueue
from kafkalite.types import GroupId, Offset, TopicPartition, Uuid
from tests.coordination.fake_persister import FakePersister

if TYPE_CHECKING:
    from kafkalite.coordination.group.offsets import FetchedGroup
    from kafkalite.coordination.ports import KeyValue, ProducerOfBatch

T = TypeVar("T")

GROUP = "group-a"
ORDERS_ID = Uuid(b"o" * 16)
CLIENT = Client("app", "/127.0.0.1")


class FakeLog:
    """A `PartitionWriter` in memory. `hold` keeps appends uncommitted until `commit_next`; `fail_with` refuses them."""

    def __init__(self) -> None:
        self.records: dict[int, list[KeyValue]] = {}
        self.hold = False
        self.fail_with: ErrorCode | None = None
        self.held: list[tuple[Deferred[Offset], Offset]] = []
        self.producers: list[ProducerOfBatch] = []
        """Of the transactional batches, in their order."""

    def append(self, tp: TopicPartition, records: list[KeyValue]) -> Deferred[Offset]:
        assert tp.topic == CONSUMER_OFFSETS_TOPIC
        assert records, "an empty batch is not appended"
        if self.fail_with is not None:
            raise KafkaError(self.fail_with)
        log = self.records.setdefault(tp.partition, [])
        log.extend(records)
        offset = Offset(len(log) - 1)
        if (
            not self.hold and not self.held
        ):  # commits are in order, so one that waits holds up the next
            return resolved(offset)
        deferred: Deferred[Offset] = Deferred()
        self.held.append((deferred, offset))
        return deferred

    def append_transactional(
        self, tp: TopicPartition, records: list[KeyValue], producer: ProducerOfBatch
    ) -> Deferred[Offset]:
        self.producers.append(producer)
        return self.append(tp, records)

    def commit_next(self) -> None:
        deferred, offset = self.held.pop(0)
        deferred.resolve(offset)

    def fail_next(self, code: ErrorCode) -> None:
        deferred, _ = self.held.pop(0)
        deferred.fail(KafkaError(code))

    @property
    def all(self) -> list[KeyValue]:
        return [record for log in self.records.values() for record in log]


class FakeTopics:
    """A `TopicView` of `orders` with three partitions; more by changing the dictionaries."""

    def __init__(self) -> None:
        self.partitions = {"orders": 3, "other": 1}
        self.ids = {"orders": ORDERS_ID, "other": Uuid(b"x" * 16)}
        self.version = 1

    def topic_id(self, name: str) -> Uuid | None:
        return self.ids.get(name)

    def topic_name(self, topic_id: Uuid) -> str | None:
        return next((name for name, each in self.ids.items() if each == topic_id), None)

    def partition_exists(self, tp: TopicPartition) -> bool:
        return 0 <= tp.partition < self.partitions.get(tp.topic, 0)

    def partition_count(self, name: str) -> int:
        return self.partitions.get(name, 0)

    def partition_racks(self, name: str) -> Sequence[Sequence[str]]:
        return [[] for _ in range(self.partition_count(name))]

    def topic_names(self) -> Collection[str]:
        return self.partitions.keys()


class World:
    """One coordinator that leads every partition, and a client's view of it."""

    def __init__(
        self, *, load: bool = True, partition_count: int = 4, seed: int = 1, **config: Any
    ) -> None:
        self.clock = ManualClock()
        self.timer = TimerQueue(self.clock)
        self.log = FakeLog()
        self.topics = FakeTopics()
        self.persister = FakePersister()
        self.log_ends: dict[TopicPartition, Offset] = {}
        self.partition_count = partition_count
        self.settings = GroupConfig()
        self._random = Random(seed)
        self._config = GroupCoordinatorConfig(**config)
        self.coordinator = self.new_coordinator()
        for partition in range(partition_count) if load else ():
            self.coordinator.load_partition(partition, [])

    def new_coordinator(self) -> GroupCoordinator:
        """One that knows nothing yet, of the same cluster."""
        return GroupCoordinator(
            self.log,
            self.timer,
            self.clock,
            self._random,
            self.topics,
            self.partition_count,
            self._config,
            lambda _: self.settings,
            persister=lambda: self.persister,
            log_end=lambda tp: self.log_ends.get(tp),
        )

    def advance(self, delta_ms: int) -> None:
        """Let time pass, stopping at every deadline on the way."""
        end_ms = self.clock.monotonic_ms() + delta_ms
        while (deadline_ms := self.timer.next_deadline_ms()) is not None and deadline_ms <= end_ms:
            self.clock.advance(max(0, deadline_ms - self.clock.monotonic_ms()))
            self.timer.run_due()
        self.clock.advance(end_ms - self.clock.monotonic_ms())

    def group(self, group_id: str = GROUP) -> ClassicGroup | None:
        """The group's state. Reaches behind the coordinator: for assertions only."""
        group = self.coordinator._shards.shard_for(group_id).groups.get(GroupId(group_id))
        assert group is None or isinstance(group, ClassicGroup)
        return group

    def state(self, group_id: str = GROUP) -> str | None:
        group = self.group(group_id)
        return None if group is None else group.state.value

    # What clients send

    def join(
        self,
        member_id: str = "",
        *,
        version: int = 9,
        protocols: dict[str, bytes] | None = None,
        **fields: Any,
    ) -> Deferred[JoinGroupResponse]:
        offered = {"range": b"subscription"} if protocols is None else protocols
        values: dict[str, Any] = {
            "group_id": GROUP,
            "session_timeout_ms": 10_000,
            "rebalance_timeout_ms": 60_000,
            "member_id": member_id,
            "protocol_type": "consumer",
            "protocols": [
                JoinGroupRequest.JoinGroupRequestProtocol(*each) for each in offered.items()
            ],
        }
        return deferred(
            self.coordinator.join_group(JoinGroupRequest(**values | fields), CLIENT, version)
        )

    def sync(
        self,
        sender: str,
        generation_id: int,
        assignments: dict[str, bytes] | None = None,
        **fields: Any,
    ) -> Deferred[SyncGroupResponse]:
        values: dict[str, Any] = {
            "group_id": GROUP,
            "generation_id": generation_id,
            "member_id": sender,
            "assignments": [
                SyncGroupRequest.SyncGroupRequestAssignment(*each)
                for each in (assignments or {}).items()
            ],
        }
        return deferred(self.coordinator.sync_group(SyncGroupRequest(**values | fields)))

    def heartbeat(self, sender: str, generation_id: int, **fields: Any) -> int:
        values: dict[str, Any] = {
            "group_id": GROUP,
            "generation_id": generation_id,
            "member_id": sender,
        }
        return self.coordinator.heartbeat(HeartbeatRequest(**values | fields)).error_code

    def leave(self, *members: str | tuple[str, str], group_id: str = GROUP) -> LeaveGroupResponse:
        identities = [
            LeaveGroupRequest.MemberIdentity(*(each if isinstance(each, tuple) else (each, None)))
            for each in members
        ]
        return deferred(
            self.coordinator.leave_group(LeaveGroupRequest(group_id=group_id, members=identities))
        ).result()

    def commit(
        self,
        offsets: dict[tuple[str, int], int],
        member_id: str = "",
        generation_id: int = -1,
        *,
        version: int = 9,
        metadata: str | None = "",
        leader_epoch: int = -1,
        **fields: Any,
    ) -> Deferred[OffsetCommitResponse]:
        topics: dict[str, list[Any]] = {}
        for (name, partition), offset in offsets.items():
            topics.setdefault(name, []).append(
                OffsetCommitRequest.OffsetCommitRequestPartition(
                    partition, offset, leader_epoch, metadata
                )
            )
        values: dict[str, Any] = {
            "group_id": GROUP,
            "generation_id_or_member_epoch": generation_id,
            "member_id": member_id,
            "topics": [
                OffsetCommitRequest.OffsetCommitRequestTopic(
                    name=name, topic_id=self.topics.ids.get(name, bytes(16)), partitions=partitions
                )
                if version >= 10
                else OffsetCommitRequest.OffsetCommitRequestTopic(name=name, partitions=partitions)
                for name, partitions in topics.items()
            ],
        }
        return deferred(
            self.coordinator.commit_offsets(OffsetCommitRequest(**values | fields), version)
        )

    def fetch(
        self,
        *wanted: tuple[str, int],
        group_id: str = GROUP,
        everything: bool = False,
        version: int = 9,
    ) -> FetchedGroup:
        topics: dict[str, list[int]] = {}
        for name, partition in wanted:
            topics.setdefault(name, []).append(partition)
        request = OffsetFetchRequest.OffsetFetchRequestGroup(
            group_id=group_id,
            topics=None
            if everything
            else [
                OffsetFetchRequest.OffsetFetchRequestTopics(
                    name=name,
                    topic_id=self.topics.ids.get(name, bytes(16)),
                    partition_indexes=partitions,
                )
                for name, partitions in topics.items()
            ],
        )
        return self.coordinator.fetch_offsets(request, version)

    def committed(self, name: str = "orders", partition: int = 0, group_id: str = GROUP) -> int:
        return (
            self.fetch((name, partition), group_id=group_id)
            .topics[0]
            .partitions[0]
            .committed_offset
        )

    # Whole rebalances

    def new_member_id(self, **fields: Any) -> str:
        response = self.join(**fields).result()
        assert response.error_code == ErrorCode.MEMBER_ID_REQUIRED
        return response.member_id

    def stable_group(self, count: int = 1, **fields: Any) -> list[str]:
        """A Stable group of `count` dynamic members, the leader first; each is assigned its own member id."""
        ids: list[str] = []
        joins: list[Deferred[JoinGroupResponse]] = []
        for _ in range(count):
            new_id = self.new_member_id(**fields)
            held = self.join(new_id, **fields)
            joins = [*(self.join(each, **fields) for each in ids), held]
            ids.append(new_id)
        generation_id = joins[0].result().generation_id
        # The leader last, so that no sync of a follower comes after the assignment is out
        group_id = fields.get("group_id", GROUP)
        syncs = [self.sync(each, generation_id, group_id=group_id) for each in ids[1:]]
        assignments = {each: each.encode() for each in ids}
        syncs.append(self.sync(ids[0], generation_id, assignments, group_id=group_id))
        assert [sync.result().error_code for sync in syncs] == [ErrorCode.NONE] * count
        assert self.state(group_id) == "Stable"
        return ids


def deferred(answer: T | Deferred[T]) -> Deferred[T]:
    return answer if isinstance(answer, Deferred) else resolved(answer)


def codes(response: OffsetCommitResponse) -> list[int]:
    """The error code of each partition, in order."""
    return [partition.error_code for topic in response.topics for partition in topic.partitions]
