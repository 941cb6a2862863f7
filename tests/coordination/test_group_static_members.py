"""Static members (KIP-345, KIP-814). Expectations were measured on Apache Kafka 4.3.0."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from tests.coordination.group_world import World, codes

LONG_SESSION = {"session_timeout_ms": 300_000}


def static_group(world: World) -> tuple[str, str]:
    """A Stable group in generation 2 of static members i1 (the leader) and i2, with assignments `1` and `2`."""
    leader = world.join(group_instance_id="i1", **LONG_SESSION).result().member_id
    held = world.join(group_instance_id="i2", **LONG_SESSION)
    world.join(leader, group_instance_id="i1", **LONG_SESSION)
    follower = held.result().member_id
    world.sync(leader, 2, {leader: b"1", follower: b"2"})
    return leader, follower


def test_static_member_joins_without_being_given_an_id_first() -> None:
    world = World()
    response = world.join(group_instance_id="i1").result()
    assert (response.error_code, response.generation_id) == (0, 1)
    assert response.member_id.startswith("i1-")
    assert response.members[0].group_instance_id == "i1"


def test_leader_that_restarts_is_told_to_skip_the_assignment() -> None:
    world = World()
    leader, follower = static_group(world)
    response = world.join(group_instance_id="i1", version=9, **LONG_SESSION).result()
    assert response.member_id not in (leader, follower)
    assert (response.generation_id, response.leader) == (2, response.member_id)
    assert response.skip_assignment
    assert {member.member_id for member in response.members} == {response.member_id, follower}
    assert world.state() == "Stable"
    assert world.sync(response.member_id, 2).result().assignment == b"1"


def test_before_v9_a_leader_that_restarts_must_not_notice_that_it_leads() -> None:
    world = World()
    leader, _ = static_group(world)
    response = world.join(group_instance_id="i1", version=8, **LONG_SESSION).result()
    assert (response.leader, response.members, response.skip_assignment) == (leader, [], False)
    assert response.member_id != leader
    assert world.sync(response.member_id, 2).result().assignment == b"1"


def test_follower_that_restarts_keeps_generation_and_assignment() -> None:
    world = World()
    leader, _ = static_group(world)
    response = world.join(group_instance_id="i2", version=9, **LONG_SESSION).result()
    assert (response.generation_id, response.leader, response.members) == (2, leader, [])
    assert not response.skip_assignment
    assert world.sync(response.member_id, 2).result().assignment == b"2"


def test_restart_begins_a_session_of_the_length_it_asks_for() -> None:
    world = World()
    leader, _ = static_group(world)
    restarted = world.join(group_instance_id="i2", session_timeout_ms=10_000).result().member_id
    world.advance(9_999)
    assert world.heartbeat(leader, 2) == ErrorCode.NONE
    assert world.heartbeat(restarted, 2) == ErrorCode.NONE
    world.advance(10_000)
    assert world.heartbeat(leader, 2) == ErrorCode.REBALANCE_IN_PROGRESS


@pytest.mark.parametrize("syncs", [True, False])
def test_restart_before_the_first_sync_leaves_the_sync_to_the_new_id(syncs: bool) -> None:
    world = World()
    leader = world.join(group_instance_id="i1", **LONG_SESSION).result().member_id
    world.join(group_instance_id="i2", **LONG_SESSION)
    world.join(leader, group_instance_id="i1", **LONG_SESSION)
    world.sync(leader, 2)
    restarted = world.join(group_instance_id="i2", **LONG_SESSION).result().member_id
    if syncs:
        world.sync(restarted, 2)
    world.advance(60_000)
    assert world.heartbeat(leader, 2) == (
        ErrorCode.NONE if syncs else ErrorCode.REBALANCE_IN_PROGRESS
    )
    assert world.heartbeat(restarted, 2) == (
        ErrorCode.NONE if syncs else ErrorCode.UNKNOWN_MEMBER_ID
    )


def test_restart_that_is_being_written_at_the_sync_deadline_is_answered() -> None:
    world = World()
    leader = world.join(group_instance_id="i1", **LONG_SESSION).result().member_id
    world.join(group_instance_id="i2", **LONG_SESSION)
    world.join(leader, group_instance_id="i1", **LONG_SESSION)
    world.sync(leader, 2)
    world.log.hold = True
    restart = world.join(group_instance_id="i2", **LONG_SESSION)
    world.advance(60_000)
    assert restart.result().error_code == ErrorCode.UNKNOWN_MEMBER_ID
    world.log.commit_next()
    assert world.state() == "PreparingRebalance"


def test_restart_is_answered_only_when_the_new_id_is_committed() -> None:
    world = World()
    static_group(world)
    world.log.hold = True
    answer = world.join(group_instance_id="i2", **LONG_SESSION)
    assert not answer.done
    world.log.commit_next()
    assert answer.result().error_code == ErrorCode.NONE


def test_restart_that_cannot_be_written_leaves_the_old_member_in_place() -> None:
    world = World()
    _, follower = static_group(world)
    world.log.fail_with = ErrorCode.NOT_LEADER_OR_FOLLOWER
    answer = world.join(group_instance_id="i2", protocols={"range": b"new"}, **LONG_SESSION)
    assert answer.result().error_code == ErrorCode.NOT_COORDINATOR
    assert world.heartbeat(follower, 2, group_instance_id="i2") == ErrorCode.NONE


def test_rebalance_during_the_writing_of_a_restart_answers_it() -> None:
    world = World()
    leader, _ = static_group(world)
    world.log.hold = True
    answer = world.join(group_instance_id="i2", **LONG_SESSION)
    world.join(leader, group_instance_id="i1", **LONG_SESSION)
    assert answer.result().generation_id == 3
    world.log.commit_next()
    assert world.state() == "CompletingRebalance"


def test_restart_that_changes_the_chosen_protocol_starts_a_rebalance() -> None:
    world = World()
    both = {"range": b"r", "sticky": b"s"}
    leader = world.join(group_instance_id="i1", protocols=both).result().member_id
    world.sync(leader, 1, {leader: b"1"})
    answer = world.join(group_instance_id="i1", protocols={"sticky": b"s"})
    assert (answer.result().generation_id, answer.result().protocol_name) == (2, "sticky")


@pytest.mark.parametrize("waits_for", ["join", "sync"])
def test_restart_during_a_rebalance_fences_the_parked_request_of_the_old_id(waits_for: str) -> None:
    world = World()
    leader, follower = static_group(world)
    world.join(leader, group_instance_id="i1", **LONG_SESSION)
    old = world.join(follower, group_instance_id="i2", **LONG_SESSION)
    if waits_for == "sync":
        assert old.result().generation_id == 3
        parked = world.sync(follower, 3)
        answer = world.join(group_instance_id="i2", **LONG_SESSION)
        assert parked.result().error_code == ErrorCode.FENCED_INSTANCE_ID
        assert not answer.done
        assert world.state() == "PreparingRebalance"
    else:
        world.join(leader, group_instance_id="i1", **LONG_SESSION)
        world.sync(leader, 3)
        world.join(follower, group_instance_id="i2", **LONG_SESSION)
        newcomer = world.join(group_instance_id="i3", **LONG_SESSION)
        again = world.join(group_instance_id="i3", **LONG_SESSION)
        assert newcomer.result().error_code == ErrorCode.FENCED_INSTANCE_ID
        assert newcomer.result().member_id.startswith("i3-")
        assert not again.done


def test_former_id_of_a_static_member_is_fenced_everywhere() -> None:
    world = World()
    _, old = static_group(world)
    world.join(group_instance_id="i2", **LONG_SESSION)
    fenced = ErrorCode.FENCED_INSTANCE_ID
    assert world.heartbeat(old, 2, group_instance_id="i2") == fenced
    assert world.sync(old, 2, group_instance_id="i2").result().error_code == fenced
    assert world.join(old, group_instance_id="i2").result().error_code == fenced
    assert [each.error_code for each in world.leave((old, "i2")).members] == [fenced]
    assert codes(world.commit({("orders", 0): 1}, old, 2, group_instance_id="i2").result()) == [
        fenced
    ]
    assert world.heartbeat(old, 2) == ErrorCode.UNKNOWN_MEMBER_ID


def test_administrator_removes_a_static_member_by_instance_id_alone() -> None:
    world = World()
    leader, follower = static_group(world)
    assert [each.error_code for each in world.leave(("", "i2")).members] == [ErrorCode.NONE]
    assert world.heartbeat(follower, 2) == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.heartbeat(leader, 2) == ErrorCode.REBALANCE_IN_PROGRESS


def test_static_member_missing_at_the_join_deadline_stays() -> None:
    world = World()
    leader, _ = static_group(world)
    rejoined = world.join(leader, group_instance_id="i1", **LONG_SESSION)
    world.advance(60_000)
    assert rejoined.result().generation_id == 3
    assert [member.group_instance_id for member in rejoined.result().members] == ["i1", "i2"]


def test_barrier_with_only_absent_static_members_waits_for_one_of_them() -> None:
    world = World()
    _, follower = static_group(world)
    passing = world.new_member_id()
    world.join(passing)
    world.leave(passing)
    world.advance(60_000)
    assert world.state() == "PreparingRebalance"
    held = world.join(follower, group_instance_id="i2", **LONG_SESSION)
    world.advance(60_000)
    assert held.result().leader == follower
