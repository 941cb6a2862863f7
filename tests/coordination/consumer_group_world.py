"""Consumer groups with everything around the coordinator under the test's control, and clients that behave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from kafkalite_protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment
from kafkalite_protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription

from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.types import GroupId, Uuid
from tests.coordination.group_world import CLIENT, GROUP, World, deferred

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kafkalite_protocol.messages.join_group import JoinGroupResponse

    from kafkalite.coordination.group.group import Group
    from kafkalite.deferred import Deferred

Answer = ConsumerGroupHeartbeatResponse
Owned = frozenset[tuple[str, int]]
"""Topic and partition."""

NOTHING: Owned = frozenset()

SESSION_MS = 45_000
INTERVAL_MS = 1_000


class ConsumerWorld(World):
    """The topics `orders` (3 partitions) and `other` (1), and whatever `make_topic` makes."""

    # Topics

    def make_topic(self, name: str, partitions: int) -> None:
        """A new topic, or more partitions."""
        self.topics.ids.setdefault(name, Uuid(name.encode().ljust(16, b"-")[:16]))
        self.topics.partitions[name] = partitions
        self.topics.version += 1
        self.coordinator.on_topics_changed()

    def delete_topic(self, name: str) -> None:
        del self.topics.ids[name], self.topics.partitions[name]
        self.topics.version += 1
        self.coordinator.on_topics_changed()

    def by_id(self, owned: Owned) -> list[ConsumerGroupHeartbeatRequest.TopicPartitions]:
        topics: dict[str, list[int]] = {}
        for name, partition in sorted(owned):
            topics.setdefault(name, []).append(partition)
        return [
            ConsumerGroupHeartbeatRequest.TopicPartitions(
                topic_id=self.topics.ids.get(name, b"?" * 16), partitions=partitions
            )
            for name, partitions in topics.items()
        ]

    def by_name(self, answer: Answer) -> Owned | None:
        """The assignment in a heartbeat's answer; None when there is none."""
        if answer.assignment is None:
            return None
        return frozenset(
            (self.topics.topic_name(Uuid(each.topic_id)) or "?", partition)
            for each in answer.assignment.topic_partitions
            for partition in each.partitions
        )

    # What consumers send

    def beat(
        self,
        member_id: str,
        epoch: int,
        names: Iterable[str] | None = None,
        owned: Owned | None = None,
        *,
        version: int = 1,
        **fields: Any,
    ) -> Answer:
        values: dict[str, Any] = {
            "group_id": GROUP,
            "member_id": member_id,
            "member_epoch": epoch,
            "instance_id": None,
            "rack_id": None,
            "subscribed_topic_names": None if names is None else list(names),
            "subscribed_topic_regex": None,
            "server_assignor": None,
            "topic_partitions": None if owned is None else self.by_id(owned),
        }
        request = ConsumerGroupHeartbeatRequest(**values | fields)
        return deferred(self.coordinator.consumer.heartbeat(request, CLIENT, version)).result()

    def enter(
        self, member_id: str, names: Iterable[str] | None = ("orders",), **fields: Any
    ) -> Answer:
        """A member's first heartbeat."""
        values = {"rebalance_timeout_ms": 60_000} | fields
        return self.beat(member_id, 0, names, NOTHING, **values)

    def settled(self, *members: str) -> dict[str, Owned]:
        """Members join `orders` one after the other and reconcile until nothing changes."""
        clients = [ConsumerClient(self, each) for each in members]
        settle(self, clients)
        return {client.member_id: client.owned for client in clients}

    # What the group looks like

    @property
    def consumer_group(self) -> ConsumerGroup:
        group = self.any_group()
        assert isinstance(group, ConsumerGroup)
        return group

    def any_group(self) -> Group | None:
        return self.coordinator._shards.shard_for(GROUP).groups.get(GroupId(GROUP))

    def check_replay(self) -> None:
        """The state is the replay of the log and nothing else."""
        shard = GroupShard()
        shard.replay_all(self.log.records.get(self.coordinator.partition_for(GROUP), []))
        group, replayed = self.any_group(), shard.groups.get(GroupId(GROUP))
        if isinstance(group, ConsumerGroup):
            assert isinstance(replayed, ConsumerGroup)
            assert state_of(replayed) == state_of(group)
        else:
            assert type(replayed) is type(group)

    def fail_over(self) -> None:
        """Another broker takes the groups over: all it knows is the log."""
        self.coordinator.close()
        self.coordinator = self.new_coordinator()
        for partition in range(self.partition_count):
            self.coordinator.load_partition(partition, self.log.records.get(partition, []))


def state_of(group: ConsumerGroup) -> dict[str, Any]:
    """All of a group that is in its log."""
    return {name: value for name, value in vars(group).items() if "known_from" not in name}


class ConsumerClient:
    """A consumer of the new protocol that does what it is told, in its own time."""

    def __init__(self, world: ConsumerWorld, member_id: str, **subscription: Any) -> None:
        self.world = world
        self.member_id = member_id
        self.epoch = 0
        self.owned: Owned = NOTHING
        """What it reads."""
        self.told: Owned = NOTHING
        """What it is to read."""
        self.subscription = subscription or {"names": ["orders"]}
        self.last_code = ErrorCode.NONE

    @property
    def is_settled(self) -> bool:
        return self.owned == self.told

    def obey(self) -> None:
        """Give up and take what it was told."""
        self.owned = self.told

    def give_up(self) -> None:
        """Only the half of it that others wait for."""
        self.owned &= self.told

    def beat(self, *, full: bool = False) -> Answer:
        """A heartbeat that tells all (`full`) or what it owns alone."""
        everything = {"rebalance_timeout_ms": 60_000, **self.subscription}
        fields = everything if self.epoch == 0 or full else {}
        answer = self.world.beat(self.member_id, self.epoch, owned=self.owned, **fields)
        self.last_code = ErrorCode(answer.error_code)
        if answer.error_code in (ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID):
            self.epoch, self.owned, self.told = 0, NOTHING, NOTHING
        elif not answer.error_code:
            self.epoch = answer.member_epoch
            assigned = self.world.by_name(answer)
            if assigned is not None:
                self.told = assigned
        return answer

    def leave(self) -> None:
        self.world.beat(self.member_id, -1)
        self.epoch, self.owned, self.told = 0, NOTHING, NOTHING

    def commit(self, name: str, partition: int, epoch: int | None = None) -> int:
        answer = self.world.commit(
            {(name, partition): 1}, self.member_id, self.epoch if epoch is None else epoch
        ).result()
        return answer.topics[0].partitions[0].error_code


class ClassicClient:
    """A consumer of the classic protocol, of the eager kind: it gives up everything before it joins again. Should it
    lead a classic group, each topic goes to one member."""

    def __init__(
        self, world: ConsumerWorld, name: str, topics: Iterable[str] = ("orders",)
    ) -> None:
        self.world = world
        self.name = name
        self.topics = list(topics)
        self.member_id = ""
        self.generation_id = -1
        self.owned: Owned = NOTHING
        self._join: Deferred[JoinGroupResponse] | None = None
        self._sync: Any = None
        self._has_to_join = True

    @property
    def is_settled(self) -> bool:
        return not self._has_to_join and self._join is None and self._sync is None

    def beat(self) -> None:
        """One step: ask for what is missing, or look whether it has come."""
        if self._join is not None:
            self._take_join()
        elif self._sync is not None:
            self._take_sync()
        elif self._has_to_join:
            self._send_join()
        else:
            code = self.world.heartbeat(self.member_id, self.generation_id)
            if code:
                self._rejoin(forget=code != ErrorCode.REBALANCE_IN_PROGRESS)

    def leave(self) -> None:
        self.world.leave(self.member_id)
        self._rejoin(forget=True)

    def _rejoin(self, *, forget: bool = False) -> None:
        self.owned = NOTHING
        self._has_to_join = True
        self._join = self._sync = None
        if forget:
            self.member_id = ""

    def _send_join(self) -> None:
        self._join = self.world.join(
            self.member_id, protocols={"range": subscription(self.topics, self.owned)}
        )
        self._take_join()

    def _take_join(self) -> None:
        assert self._join is not None
        if not self._join.done:
            return
        answer = self._join.result()
        self._join = None
        if answer.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id = answer.member_id
        elif answer.error_code:
            self._rejoin(forget=answer.error_code != ErrorCode.REBALANCE_IN_PROGRESS)
        else:
            self.member_id, self.generation_id = answer.member_id, answer.generation_id
            self._has_to_join = False
            leads = answer.leader == self.member_id
            assignments = self._assign(answer) if leads else {}
            self._sync = self.world.sync(self.member_id, self.generation_id, assignments)
            self._take_sync()

    def _assign(self, answer: JoinGroupResponse) -> dict[str, bytes]:
        given: dict[str, list[tuple[str, int]]] = {each.member_id: [] for each in answer.members}
        names = sorted(self.world.topics.partitions)
        for number, name in enumerate(names):
            readers = [each.member_id for each in answer.members if name.encode() in each.metadata]
            if readers:
                owner = readers[number % len(readers)]
                count = self.world.topics.partitions[name]
                given[owner] += [(name, partition) for partition in range(count)]
        return {member_id: assignment(owned) for member_id, owned in given.items()}

    def _take_sync(self) -> None:
        if not self._sync.done:
            return
        answer = self._sync.result()
        self._sync = None
        if answer.error_code:
            self._rejoin(forget=answer.error_code != ErrorCode.REBALANCE_IN_PROGRESS)
        else:
            self.owned = read_assignment(answer.assignment)


def settle(world: ConsumerWorld, clients: Iterable[ConsumerClient | ClassicClient]) -> None:
    """Everybody beats and obeys until nothing moves any more."""
    clients = list(clients)
    quiet = 0
    for _ in range(200):
        before = [(client.owned, getattr(client, "epoch", 0)) for client in clients]
        for client in clients:
            client.beat()
            if isinstance(client, ConsumerClient):
                client.obey()
        world.advance(INTERVAL_MS)
        after = [(client.owned, getattr(client, "epoch", 0)) for client in clients]
        quiet = quiet + 1 if after == before and all(each.is_settled for each in clients) else 0
        if quiet == 3:
            return
    raise AssertionError("they never come to rest")


def subscription(topics: Iterable[str], owned: Owned = NOTHING, version: int = 3) -> bytes:
    by_topic: dict[str, list[int]] = {}
    for name, partition in sorted(owned):
        by_topic.setdefault(name, []).append(partition)
    body = ConsumerProtocolSubscription(
        topics=list(topics),
        user_data=None,
        owned_partitions=[
            ConsumerProtocolSubscription.TopicPartition(topic=name, partitions=partitions)
            for name, partitions in by_topic.items()
        ],
    )
    return version.to_bytes(2, "big") + body.encode(version)


def assignment(owned: Iterable[tuple[str, int]], version: int = 3) -> bytes:
    by_topic: dict[str, list[int]] = {}
    for name, partition in owned:
        by_topic.setdefault(name, []).append(partition)
    body = ConsumerProtocolAssignment(
        assigned_partitions=[
            ConsumerProtocolAssignment.TopicPartition(topic=name, partitions=partitions)
            for name, partitions in by_topic.items()
        ],
        user_data=None,
    )
    return version.to_bytes(2, "big") + body.encode(version)


def read_assignment(data: bytes) -> Owned:
    if not data:
        return NOTHING
    read = ConsumerProtocolAssignment.decode(int.from_bytes(data[:2], "big"), data, 2)
    return frozenset(
        (each.topic, partition)
        for each in read.assigned_partitions
        for partition in each.partitions
    )


def owners(clients: Mapping[str, Owned]) -> dict[tuple[str, int], list[str]]:
    found: dict[tuple[str, int], list[str]] = {}
    for name, owned in clients.items():
        for partition in owned:
            found.setdefault(partition, []).append(name)
    return found
