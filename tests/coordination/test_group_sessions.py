"""Who counts as alive: session timeouts, and what keeps them from running out."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from tests.coordination.group_world import GROUP, World


def test_silent_member_is_removed_after_its_session_timeout() -> None:
    world = World()
    leader, follower = world.stable_group(2)
    world.advance(9_999)
    assert world.heartbeat(leader, 2) == ErrorCode.NONE
    assert world.state() == "Stable"
    world.advance(1)
    assert world.state() == "PreparingRebalance"
    assert world.heartbeat(follower, 2) == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.heartbeat(leader, 2) == ErrorCode.REBALANCE_IN_PROGRESS


def test_group_of_silent_members_becomes_empty_and_keeps_no_timer() -> None:
    world = World()
    world.stable_group(2)
    world.advance(70_000)
    assert world.state() == "Empty"
    assert len(world.timer) == 0


@pytest.mark.parametrize("sign", ["heartbeat", "commit", "sync", "join"])
def test_any_request_of_a_member_keeps_its_session(sign: str) -> None:
    world = World()
    leader, follower = world.stable_group(2)
    for _ in range(3):
        world.advance(9_000)
        world.heartbeat(leader, 2)
        match sign:
            case "heartbeat":
                world.heartbeat(follower, 2)
            case "commit":
                world.commit({("orders", 0): 1}, follower, 2)
            case "sync":
                world.sync(follower, 2)
            case _:
                world.join(follower)
    assert world.state() == "Stable"


def test_member_that_waits_at_the_join_barrier_does_not_expire() -> None:
    world = World()
    (leader,) = world.stable_group(session_timeout_ms=300_000)
    follower = world.new_member_id()
    held = world.join(follower)
    world.join(leader, session_timeout_ms=300_000)
    world.sync(leader, 2)
    world.sync(follower, 2)
    third = world.join(world.new_member_id())
    again = world.join(follower)
    assert held.done
    world.advance(30_000)
    assert not third.done
    assert not again.done, "three session timeouts have passed, but the member waits for us"
    world.join(leader, session_timeout_ms=300_000)
    assert again.result().generation_id == 3


def test_member_that_waits_for_its_assignment_does_not_expire() -> None:
    world = World()
    (leader,) = world.stable_group(session_timeout_ms=300_000)
    follower = world.new_member_id()
    world.join(follower)
    world.join(leader, session_timeout_ms=300_000)
    parked = world.sync(follower, 2)
    world.advance(30_000)
    assert not parked.done
    world.sync(leader, 2, {follower: b"f"})
    assert parked.result().assignment == b"f"


def test_session_starts_anew_when_the_assignment_is_handed_out() -> None:
    world = World()
    (leader,) = world.stable_group(session_timeout_ms=300_000)
    follower = world.new_member_id()
    world.join(follower)
    world.join(leader, session_timeout_ms=300_000)
    world.sync(follower, 2)
    world.advance(30_000)
    world.sync(leader, 2)
    world.advance(9_999)
    assert world.state() == "Stable"
    world.advance(1)
    assert world.state() == "PreparingRebalance"


def test_first_join_of_a_new_member_is_not_held_for_ever() -> None:
    world = World()
    (leader,) = world.stable_group(rebalance_timeout_ms=1_800_000)
    new = world.new_member_id()
    held = world.join(new)
    for _ in range(59):
        world.advance(5_000)
        world.heartbeat(leader, 1)
    assert not held.done
    world.advance(5_000)
    assert held.result().error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert held.result().member_id == ""


def test_id_that_is_never_used_is_forgotten() -> None:
    world = World()
    member = world.new_member_id()
    world.advance(10_000)
    assert world.join(member).result().error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert len(world.timer) == 0


def test_sessions_start_anew_when_a_partition_is_loaded() -> None:
    before = World()
    (member,) = before.stable_group()
    world = World(load=False)
    partition = world.coordinator.partition_for(GROUP)
    world.coordinator.load_partition(partition, before.log.records[partition])
    world.advance(9_999)
    assert world.heartbeat(member, 1) == ErrorCode.NONE
    world.advance(10_000)
    assert world.state() == "Empty"
