"""Partitions of `__consumer_offsets` that come and go, and what their log must bring back."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.classic.states import GroupState
from kafkalite.coordination.runtime import java_string_hash, partition_for
from tests.coordination.group_world import GROUP, World, codes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a", 97),
        ("group-a", 293427347),
        ("my-consumer-group", 1513705513),
        ("ünïcode", -609351766),
        ("🎉", 1773261),
        ("polygenelubricants", -(2**31)),
    ],
)
def test_hash_is_that_of_java(text: str, expected: int) -> None:
    assert java_string_hash(text) == expected


def test_hash_without_an_absolute_value_goes_to_partition_0() -> None:
    assert partition_for("polygenelubricants", 50) == 0


def every_answer(world: World) -> list[int]:
    return [
        world.join().result().error_code,
        world.sync("m", 1).result().error_code,
        world.heartbeat("m", 1),
        world.leave("m").error_code,
        *codes(world.commit({("orders", 0): 1}).result()),
        world.fetch(("orders", 0)).error_code,
    ]


def test_group_of_another_broker_is_not_coordinated_here() -> None:
    assert every_answer(World(load=False)) == [ErrorCode.NOT_COORDINATOR] * 6


def test_group_whose_log_is_being_read_has_to_wait() -> None:
    world = World(load=False)
    world.coordinator.begin_loading(world.coordinator.partition_for(GROUP))
    assert every_answer(world) == [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS] * 6


def test_unloading_answers_what_is_parked_and_stops_the_timers() -> None:
    world = World()
    (leader,) = world.stable_group()
    held_join = world.join(world.new_member_id())
    world.stable_group(group_id="group-b")
    pending = world.new_member_id()
    assert pending
    for partition in range(world.partition_count):
        world.coordinator.unload_partition(partition)
    assert held_join.result().error_code == ErrorCode.NOT_COORDINATOR
    assert len(world.timer) == 0
    assert world.heartbeat(leader, 1) == ErrorCode.NOT_COORDINATOR


def test_unloading_answers_parked_syncs() -> None:
    world = World()
    (leader,) = world.stable_group()
    newcomer = world.new_member_id()
    world.join(newcomer)
    world.join(leader)
    parked = world.sync(newcomer, 2)
    world.coordinator.close()
    assert parked.result().error_code == ErrorCode.NOT_COORDINATOR


def test_append_that_ends_after_unloading_changes_nothing() -> None:
    world = World()
    member = world.new_member_id()
    world.join(member)
    world.log.hold = True
    sync = world.sync(member, 1, {member: b"mine"})
    commit = world.commit({("orders", 0): 1}, group_id="group-b")
    world.coordinator.close()
    assert sync.result().error_code == ErrorCode.NOT_COORDINATOR
    world.log.fail_next(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    world.log.fail_next(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    assert codes(commit.result()) == [ErrorCode.NOT_COORDINATOR]


def reloaded(world: World) -> World:
    again = World(load=False, seed=2)
    for partition in range(again.partition_count):
        again.coordinator.load_partition(partition, world.log.records.get(partition, []))
    return again


def test_stable_group_goes_on_after_a_restart_without_a_rebalance() -> None:
    before = World()
    leader, follower = before.stable_group(2)
    before.commit({("orders", 0): 7}, leader, 2).result()
    world = reloaded(before)
    assert world.state() == "Stable"
    assert world.heartbeat(leader, 2) == ErrorCode.NONE
    assert world.sync(follower, 2).result().assignment == follower.encode()
    assert world.committed() == 7
    response = world.join(follower).result()
    assert (response.generation_id, response.leader) == (2, leader)


def test_rebalance_under_way_falls_back_to_the_generation_before() -> None:
    before = World()
    (leader,) = before.stable_group()
    newcomer = before.new_member_id()
    before.join(newcomer)
    before.join(leader)
    world = reloaded(before)
    group = world.group()
    assert group is not None
    assert (group.state, group.generation_id, list(group.members)) == (
        GroupState.STABLE,
        1,
        [leader],
    )
    assert world.heartbeat(leader, 2) == ErrorCode.ILLEGAL_GENERATION
    assert world.heartbeat(newcomer, 2) == ErrorCode.UNKNOWN_MEMBER_ID


def test_static_members_are_known_after_a_restart() -> None:
    before = World()
    leader = before.join(group_instance_id="i1").result().member_id
    before.sync(leader, 1, {leader: b"1"})
    world = reloaded(before)
    response = world.join(group_instance_id="i1").result()
    assert (response.generation_id, response.skip_assignment) == (1, True)
    assert world.heartbeat(leader, 1, group_instance_id="i1") == ErrorCode.FENCED_INSTANCE_ID


def test_record_that_cannot_be_read_does_not_keep_the_others_from_loading(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = World()
    before.commit({("orders", 0): 7}).result()
    partition = before.coordinator.partition_for(GROUP)
    good = before.log.records[partition][-1]
    damaged = [
        (b"", b""),
        (b"\0", None),
        (b"\0\1\0", b"\0\4"),
        (good[0], b"\0\x63junk"),
        (good[0][:-2], good[1]),
    ]
    newer = [(b"\0\x63\0\7group-a", b"\0\0\0\0\0\1"), (b"\x7f\x7f", b"whatever")]
    world = World(load=False)
    world.coordinator.load_partition(partition, [*damaged, *newer, good])
    assert world.committed() == 7
    assert len(caplog.records) == len(damaged)
