"""The share coordinator: epochs that fence, snapshots, and what a restart finds in its log."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.clock import ManualClock
from kafkalite.coordination.ports import KeyValue
from kafkalite.coordination.share.coordinator import (
    SHARE_GROUP_STATE_TOPIC,
    ShareCoordinator,
    ShareCoordinatorConfig,
)
from kafkalite.coordination.share.local_persister import LocalPersister
from kafkalite.coordination.share.persister import (
    InitialState,
    PartitionLeader,
    PartitionResult,
    PartitionState,
    PartitionSummary,
    StateBatch,
    StateUpdate,
)
from kafkalite.coordination.share.records import SharePartitionKey, Snapshot, Update, decode
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, LeaderEpoch, Offset, TopicPartition, Uuid

GROUP = GroupId("group-a")
ORDERS = Uuid(b"o" * 16)


class ShareLog:
    """A `PartitionWriter` in memory."""

    def __init__(self) -> None:
        self.records: dict[int, list[KeyValue]] = {}
        self.held: list[Deferred[Offset]] | None = None
        self.fail_with: ErrorCode | None = None

    def append(self, tp: TopicPartition, records: list[KeyValue]) -> Deferred[Offset]:
        assert tp.topic == SHARE_GROUP_STATE_TOPIC
        if self.fail_with is not None:
            raise KafkaError(self.fail_with)
        log = self.records.setdefault(tp.partition, [])
        log.extend(records)
        if self.held is None:
            return resolved(Offset(len(log) - 1))
        self.held.append(Deferred())
        return self.held[-1]

    @property
    def decoded(self) -> list[Snapshot | Update | None]:
        return [decode(*record) for log in self.records.values() for record in log]


class Topics:
    """`orders` with three partitions."""

    def topic_id(self, name: str) -> Uuid | None:
        return ORDERS if name == "orders" else None

    def topic_name(self, topic_id: Uuid) -> str | None:
        return "orders" if topic_id == ORDERS else None

    def partition_exists(self, tp: TopicPartition) -> bool:
        return tp.topic == "orders" and tp.partition < 3

    def partition_count(self, name: str) -> int:
        return 3 if name == "orders" else 0

    def topic_names(self) -> list[str]:
        return ["orders"]


class World:
    def __init__(self, log: ShareLog | None = None, *, per_snapshot: int = 500) -> None:
        self.log = log or ShareLog()
        self.coordinator = ShareCoordinator(
            self.log, ManualClock(), Topics(), 4, ShareCoordinatorConfig(per_snapshot)
        )
        for partition in range(4):
            self.coordinator.load_partition(partition, self.log.records.get(partition, []))

    def restarted(self) -> World:
        return World(self.log)

    def initialize(
        self, epoch: int = 1, start: int = -1, partition: int = 0, topic: Uuid = ORDERS
    ) -> PartitionResult:
        state = InitialState(partition, epoch, Offset(start))
        return self.coordinator.initialize_state(GROUP, topic, [state]).result()[0]

    def read(self, leader_epoch: int = 0, partition: int = 0) -> PartitionState:
        leader = PartitionLeader(partition, LeaderEpoch(leader_epoch))
        return self.coordinator.read_state(GROUP, ORDERS, [leader]).result()[0]

    def writing(
        self,
        *batches: tuple[int, int, int, int],
        start: int = -1,
        state_epoch: int = 1,
        leader_epoch: int = 0,
        complete: int = 0,
    ) -> Deferred[list[PartitionResult]]:
        update = StateUpdate(
            0,
            state_epoch,
            LeaderEpoch(leader_epoch),
            Offset(start),
            complete,
            [StateBatch(Offset(a), Offset(b), state, count) for a, b, state, count in batches],
        )
        return self.coordinator.write_state(GROUP, ORDERS, [update])

    def write(
        self,
        *batches: tuple[int, int, int, int],
        start: int = -1,
        state_epoch: int = 1,
        leader_epoch: int = 0,
        complete: int = 0,
    ) -> ErrorCode:
        return (
            self.writing(
                *batches,
                start=start,
                state_epoch=state_epoch,
                leader_epoch=leader_epoch,
                complete=complete,
            )
            .result()[0]
            .error_code
        )

    def summary(self) -> PartitionSummary:
        return self.coordinator.read_summary(GROUP, ORDERS, [PartitionLeader(0)]).result()[0]

    def delete(self) -> ErrorCode:
        return self.coordinator.delete_state(GROUP, ORDERS, [0]).result()[0].error_code


def test_the_key_of_a_share_partition_is_text_with_the_topic_id_in_base64url() -> None:
    assert str(SharePartitionKey(GROUP, ORDERS, 7)) == "group-a:b29vb29vb29vb29vb29vbw:7"


def test_what_was_written_is_read_after_a_restart() -> None:
    world = World()
    world.initialize(start=3)
    world.write((3, 9, 2, 1), (10, 12, 0, 2), complete=7)
    state = world.restarted().read()
    assert state.start_offset == 3
    assert state.state_batches == [(3, 9, 2, 1), (10, 12, 0, 2)]
    assert world.restarted().summary().delivery_complete_count == 7


def test_a_start_offset_that_moves_on_drops_what_is_below() -> None:
    world = World()
    world.initialize(start=0)
    world.write((0, 9, 2, 1))
    world.write((10, 12, 0, 1), start=10)
    assert world.read().state_batches == [(10, 12, 0, 1)]
    assert world.restarted().read() == world.read()


def test_nothing_is_read_or_written_before_it_is_initialized() -> None:
    world = World()
    assert world.read().error_code == ErrorCode.INVALID_REQUEST
    assert world.write((0, 1, 0, 1)) == ErrorCode.INVALID_REQUEST
    assert world.summary() == PartitionSummary(0)
    assert world.delete() == ErrorCode.NONE


@pytest.mark.parametrize(
    ("partition", "topic", "code"),
    [
        (-1, ORDERS, ErrorCode.INVALID_REQUEST),
        (3, ORDERS, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (0, Uuid(bytes(16)), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ],
)
def test_a_partition_that_does_not_exist_is_not_initialized(
    partition: int, topic: Uuid, code: ErrorCode
) -> None:
    assert World().initialize(partition=partition, topic=topic).error_code == code


def test_an_older_leader_is_fenced_once_a_newer_has_read() -> None:
    world = World()
    world.initialize()
    assert world.read(leader_epoch=5).error_code == ErrorCode.NONE
    assert world.read(leader_epoch=4).error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert world.write(leader_epoch=4) == ErrorCode.FENCED_LEADER_EPOCH
    assert world.restarted().write(leader_epoch=4) == ErrorCode.FENCED_LEADER_EPOCH
    assert world.write(leader_epoch=5) == ErrorCode.NONE


def test_a_write_does_not_take_its_leader_epoch_over() -> None:
    world = World()
    world.initialize()
    world.write(leader_epoch=9)
    assert world.write(leader_epoch=0) == ErrorCode.NONE
    assert world.summary().leader_epoch == 0


def test_an_older_life_of_the_state_is_fenced() -> None:
    world = World()
    world.initialize(epoch=2)
    assert world.write(state_epoch=1) == ErrorCode.FENCED_STATE_EPOCH
    assert world.initialize(epoch=1).error_code == ErrorCode.FENCED_STATE_EPOCH
    assert world.initialize(epoch=2).error_code == ErrorCode.NONE


def test_initializing_again_forgets_deliveries() -> None:
    world = World()
    world.initialize()
    world.write((0, 9, 2, 1))
    world.initialize(epoch=2, start=4)
    state = world.read()
    assert (state.state_epoch, state.start_offset, list(state.state_batches)) == (2, 4, [])
    assert world.summary().delivery_complete_count == 0


def test_a_deleted_state_can_begin_again_at_any_epoch() -> None:
    world = World()
    world.initialize(epoch=5)
    assert world.delete() == ErrorCode.NONE
    assert world.restarted().read().error_code == ErrorCode.INVALID_REQUEST
    assert world.initialize(epoch=1).error_code == ErrorCode.NONE


def test_a_deleted_topic_takes_its_state_along() -> None:
    world = World()
    world.initialize()
    world.write((0, 9, 2, 1))
    world.coordinator.on_topics_deleted({Uuid(b"x" * 16)})
    assert world.read().error_code == ErrorCode.NONE
    world.coordinator.on_topics_deleted({ORDERS})
    assert world.read().error_code == ErrorCode.INVALID_REQUEST
    assert world.restarted().read().error_code == ErrorCode.INVALID_REQUEST


def listed(state: PartitionState) -> PartitionState:
    return state._replace(state_batches=list(state.state_batches))


def test_a_long_log_is_pruned_to_one_snapshot_of_each_state() -> None:
    world = World()
    for partition in range(3):
        world.initialize(start=0, partition=partition)
    assert world.coordinator.prune().result() == {}
    for offset in range(1_000):
        world.write((offset, offset, 2, 1))
    before = {each: list(log) for each, log in world.log.records.items()}
    cuts = world.coordinator.prune().result()
    assert len(cuts) == 1
    ((partition, first),) = cuts.items()
    assert first == len(before[partition])
    expected = [listed(world.read(partition=each)) for each in range(3)]
    del world.log.records[partition][:first]
    assert [listed(world.restarted().read(partition=each)) for each in range(3)] == expected
    assert world.coordinator.prune().result() == {}


def test_enough_updates_make_a_snapshot_of_everything() -> None:
    world = World(per_snapshot=2)
    world.initialize(start=0)
    for first in (0, 10, 20, 30):
        world.write((first, first + 3, 2, 1))
    kinds = [type(record).__name__ for record in world.log.decoded]
    assert kinds == ["Snapshot", "Update", "Update", "Snapshot", "Update"]
    snapshot = world.log.decoded[3]
    assert isinstance(snapshot, Snapshot)
    assert snapshot.state is not None
    assert snapshot.state.snapshot_epoch == 1
    assert snapshot.state.batches == [(0, 3, 2, 1), (10, 13, 2, 1), (20, 23, 2, 1)]
    assert world.restarted().read() == world.read()


def test_a_write_is_answered_when_it_is_committed_and_built_upon_before() -> None:
    world = World(per_snapshot=1)
    world.initialize(start=0)
    world.log.held = []
    first, second = world.writing((0, 1, 2, 1)), world.writing((2, 3, 2, 1))
    assert not first.done
    snapshot = world.log.decoded[-1]
    assert isinstance(snapshot, Snapshot)
    assert snapshot.state is not None
    assert snapshot.state.batches == [(0, 3, 2, 1)]
    for waiting in world.log.held:
        waiting.resolve(Offset(0))
    assert first.result()[0].error_code == second.result()[0].error_code == ErrorCode.NONE


def test_a_write_that_cannot_be_appended_changes_nothing() -> None:
    world = World()
    world.initialize()
    world.log.fail_with = ErrorCode.NOT_ENOUGH_REPLICAS
    assert world.write((0, 1, 2, 1)) == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert world.read().state_batches == ()


def test_a_partition_of_another_broker_is_not_coordinated_here() -> None:
    world = World()
    for partition in range(4):
        world.coordinator.unload_partition(partition)
    assert world.read().error_code == ErrorCode.NOT_COORDINATOR
    for partition in range(4):
        world.coordinator.begin_loading(partition)
    assert world.summary().error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS


def test_a_damaged_record_does_not_keep_the_others_from_being_served() -> None:
    world = World()
    world.initialize(start=8)
    for log in world.log.records.values():
        log.insert(0, (b"\x00", b"junk"))
        log.insert(0, (b"\x00\x00\x00\x05ab", b"junk"))
        log.insert(0, (b"\x00\x63", b"a later type"))
    assert world.restarted().read().start_offset == 8


def test_the_topic_is_made_before_the_first_state_is_written() -> None:
    world = World()
    created: Deferred[None] = Deferred()
    persister = LocalPersister(world.coordinator, lambda: created)
    answer = persister.initialize_state(GROUP, ORDERS, [InitialState(0, 1)])
    assert not answer.done
    created.resolve(None)
    assert answer.result() == [PartitionResult(0)]


def test_a_topic_that_cannot_be_made_fails_each_partition() -> None:
    created: Deferred[None] = Deferred()
    created.fail(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR))
    persister = LocalPersister(World().coordinator, lambda: created)
    states = persister.read_state(GROUP, ORDERS, [PartitionLeader(0), PartitionLeader(1)]).result()
    assert [state.error_code for state in states] == [ErrorCode.COORDINATOR_NOT_AVAILABLE] * 2
