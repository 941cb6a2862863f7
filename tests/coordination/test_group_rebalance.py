"""The rebalance of a classic group, one edge at a time. Expectations were measured on Apache Kafka 4.3.0."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.classic.states import GroupState
from tests.coordination.group_world import GROUP, World


def test_first_member_is_given_an_id_and_has_to_join_again_with_it() -> None:
    world = World()
    first = world.join(version=4).result()
    assert first.error_code == ErrorCode.MEMBER_ID_REQUIRED
    assert first.member_id.startswith("app-")
    assert len(first.member_id) == len("app-") + 36
    second = world.join(first.member_id).result()
    assert (second.error_code, second.generation_id, second.member_id) == (0, 1, first.member_id)
    assert (second.leader, second.protocol_type, second.protocol_name) == (
        first.member_id,
        "consumer",
        "range",
    )
    assert [(member.member_id, member.metadata) for member in second.members] == [
        (first.member_id, b"subscription")
    ]


def test_before_v4_a_new_member_joins_at_once() -> None:
    response = World().join(version=3).result()
    assert (response.error_code, response.generation_id) == (0, 1)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"group_id": ""}, ErrorCode.INVALID_GROUP_ID),
        ({"session_timeout_ms": 5_999}, ErrorCode.INVALID_SESSION_TIMEOUT),
        ({"session_timeout_ms": 1_800_001}, ErrorCode.INVALID_SESSION_TIMEOUT),
        ({"protocols": {}}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocol_type": ""}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"member_id": "nobody"}, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_join_that_is_refused_leaves_no_group_behind(
    fields: dict[str, object], code: ErrorCode
) -> None:
    world = World()
    response = world.join(**fields).result()  # type: ignore[arg-type]
    assert response.error_code == code
    assert response.member_id == fields.get("member_id", "")
    assert (response.generation_id, response.protocol_name, response.leader) == (-1, None, "")
    assert world.group() is None
    assert world.log.all == []


def test_join_is_held_back_until_the_other_member_rejoins() -> None:
    world = World()
    (leader,) = world.stable_group()
    newcomer = world.new_member_id()
    held = world.join(newcomer)
    assert not held.done
    assert world.state() == "PreparingRebalance"
    assert world.heartbeat(leader, 1) == ErrorCode.REBALANCE_IN_PROGRESS
    assert world.sync(leader, 1).result().error_code == ErrorCode.REBALANCE_IN_PROGRESS
    rejoined = world.join(leader)
    assert (held.result().generation_id, rejoined.result().generation_id) == (2, 2)
    assert held.result().leader == leader
    assert held.result().members == []
    assert {member.member_id for member in rejoined.result().members} == {leader, newcomer}


def test_assignments_wait_for_the_leader_and_missing_ones_are_empty() -> None:
    world = World()
    (leader,) = world.stable_group()
    newcomer = world.new_member_id()
    world.join(newcomer)
    world.join(leader)
    follower = world.sync(newcomer, 2)
    assert not follower.done
    assert world.heartbeat(newcomer, 2) == ErrorCode.NONE
    assert world.sync(leader, 2, {leader: b"all", "stranger": b"x"}).result().assignment == b"all"
    assert (follower.result().error_code, follower.result().assignment) == (0, b"")
    assert (follower.result().protocol_type, follower.result().protocol_name) == (
        "consumer",
        "range",
    )
    assert world.state() == "Stable"


def test_sync_in_a_stable_group_repeats_the_assignment() -> None:
    world = World()
    leader, follower = world.stable_group(2)
    assert world.sync(follower, 2).result().assignment == follower.encode()
    assert world.sync(leader, 2, {leader: b"changed"}).result().assignment == leader.encode()


def test_assignment_is_handed_out_only_when_it_is_committed() -> None:
    world = World()
    (member,) = [world.new_member_id()]
    world.join(member)
    world.log.hold = True
    sync = world.sync(member, 1, {member: b"mine"})
    assert not sync.done
    assert world.state() == "CompletingRebalance"
    world.log.commit_next()
    assert sync.result().assignment == b"mine"
    assert world.state() == "Stable"


def test_assignment_that_cannot_be_written_starts_another_rebalance() -> None:
    world = World()
    member = world.new_member_id()
    world.join(member)
    world.log.hold = True
    sync = world.sync(member, 1, {member: b"mine"})
    world.log.fail_next(ErrorCode.NOT_ENOUGH_REPLICAS)
    assert sync.result().error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert world.state() == "PreparingRebalance"
    world.log.hold = False
    assert world.join(member).result().generation_id == 2


def test_assignment_of_a_generation_that_is_over_is_not_handed_out() -> None:
    world = World()
    member = world.new_member_id()
    world.join(member)
    world.log.hold = True
    late = world.sync(member, 1, {member: b"old"})
    newcomer = world.join(world.new_member_id())
    assert late.result().error_code == ErrorCode.REBALANCE_IN_PROGRESS
    world.log.commit_next()
    assert world.state() == "PreparingRebalance"
    assert world.join(member).result().generation_id == 2
    assert newcomer.result().generation_id == 2


def test_late_assignment_does_not_end_the_sync_barrier_of_the_next_generation() -> None:
    world = World()
    member = world.new_member_id()
    world.join(member)
    world.log.hold = True
    world.sync(member, 1, {member: b"old"})
    world.join(world.new_member_id())
    world.join(member)
    assert world.state() == "CompletingRebalance"
    world.log.commit_next()
    assert world.state() == "CompletingRebalance"


@pytest.mark.parametrize(
    ("generation_id", "fields", "code"),
    [
        (7, {}, ErrorCode.ILLEGAL_GENERATION),
        (1, {"protocol_name": "roundrobin"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        (1, {"protocol_type": "connect"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        (1, {"member_id": "nobody"}, ErrorCode.UNKNOWN_MEMBER_ID),
        (1, {"group_id": "elsewhere"}, ErrorCode.UNKNOWN_MEMBER_ID),
        (1, {"group_id": ""}, ErrorCode.INVALID_GROUP_ID),
        (1, {"group_instance_id": "unheard-of"}, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_sync_that_does_not_fit_is_refused(
    generation_id: int, fields: dict[str, str], code: ErrorCode
) -> None:
    world = World()
    (member,) = world.stable_group()
    response = world.sync(member, generation_id, **fields).result()
    assert (response.error_code, response.assignment) == (code, b"")
    assert (response.protocol_type, response.protocol_name) == (None, None)
    assert world.state() == "Stable"


@pytest.mark.parametrize(
    ("generation_id", "fields", "code"),
    [
        (1, {}, ErrorCode.NONE),
        (2, {}, ErrorCode.ILLEGAL_GENERATION),
        (-1, {}, ErrorCode.ILLEGAL_GENERATION),
        (1, {"member_id": "nobody"}, ErrorCode.UNKNOWN_MEMBER_ID),
        (1, {"group_id": "elsewhere"}, ErrorCode.UNKNOWN_MEMBER_ID),
        (1, {"group_id": ""}, ErrorCode.INVALID_GROUP_ID),
        (1, {"group_instance_id": "unheard-of"}, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_heartbeat_is_answered_by_member_and_generation(
    generation_id: int, fields: dict[str, str], code: ErrorCode
) -> None:
    world = World()
    (member,) = world.stable_group()
    assert world.heartbeat(member, generation_id, **fields) == code


def test_follower_that_rejoins_unchanged_keeps_the_generation() -> None:
    world = World()
    leader, follower = world.stable_group(2)
    response = world.join(follower).result()
    assert (response.generation_id, response.leader, response.members) == (2, leader, [])
    assert world.state() == "Stable"


def test_follower_with_changed_metadata_starts_a_rebalance() -> None:
    world = World()
    _, follower = world.stable_group(2)
    assert not world.join(follower, protocols={"range": b"other topics"}).done
    assert world.state() == "PreparingRebalance"


def test_leader_that_rejoins_unchanged_starts_a_rebalance() -> None:
    world = World()
    leader, _ = world.stable_group(2)
    assert not world.join(leader).done
    assert world.state() == "PreparingRebalance"


def test_member_that_missed_its_join_answer_gets_it_again() -> None:
    world = World()
    member = world.new_member_id()
    first = world.join(member).result()
    assert world.state() == "CompletingRebalance"
    again = world.join(member).result()
    assert (again.generation_id, len(again.members)) == (first.generation_id, 1)


def test_second_join_of_a_member_releases_the_first() -> None:
    world = World()
    world.stable_group()
    newcomer = world.new_member_id()
    first = world.join(newcomer)
    second = world.join(newcomer)
    assert first.result().error_code == ErrorCode.REBALANCE_IN_PROGRESS
    assert not second.done


def test_second_sync_of_a_member_releases_the_first() -> None:
    world = World()
    (leader,) = world.stable_group()
    newcomer = world.new_member_id()
    world.join(newcomer)
    world.join(leader)
    first = world.sync(newcomer, 2)
    second = world.sync(newcomer, 2)
    assert first.result().error_code == ErrorCode.REBALANCE_IN_PROGRESS
    world.sync(leader, 2, {newcomer: b"n"})
    assert second.result().assignment == b"n"


def test_protocol_that_all_support_and_most_prefer_is_chosen() -> None:
    world = World()
    offers = [
        {"sticky": b"1", "range": b"1", "only-mine": b""},
        {"range": b"2", "sticky": b"2"},
        {"sticky": b"3", "range": b"3"},
    ]
    ids = [world.join(version=3, protocols=offers[0]).result().member_id]
    second = world.join(version=3, protocols=offers[1])
    third = world.join(version=3, protocols=offers[2])
    leader = world.join(ids[0], protocols=offers[0])
    assert leader.result().protocol_name == "sticky"
    assert [member.metadata for member in leader.result().members] == [b"1", b"2", b"3"]
    assert second.result().protocol_name == third.result().protocol_name == "sticky"


def test_member_without_a_common_protocol_is_refused() -> None:
    world = World()
    world.stable_group()
    for fields in ({"protocols": {"roundrobin": b""}}, {"protocol_type": "connect"}):
        response = world.join(**fields).result()  # type: ignore[arg-type]
        assert response.error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert world.state() == "Stable"


def test_join_deadline_goes_on_without_dynamic_members_that_are_missing() -> None:
    world = World()
    leader, follower = world.stable_group(2, session_timeout_ms=300_000)
    newcomer = world.join(
        world.new_member_id(session_timeout_ms=300_000), session_timeout_ms=300_000
    )
    rejoined = world.join(follower, session_timeout_ms=300_000)
    world.advance(59_999)
    assert not newcomer.done
    world.advance(1)
    assert newcomer.result().generation_id == 3
    assert rejoined.result().leader == follower
    assert leader not in {member.member_id for member in rejoined.result().members}
    assert world.heartbeat(leader, 2) == ErrorCode.UNKNOWN_MEMBER_ID


def test_join_deadline_is_the_longest_that_a_member_asked_for() -> None:
    world = World()
    (leader,) = world.stable_group(session_timeout_ms=600_000, rebalance_timeout_ms=90_000)
    newcomer = world.join(
        world.new_member_id(session_timeout_ms=600_000),
        session_timeout_ms=600_000,
        rebalance_timeout_ms=1_000,
    )
    world.advance(89_999)
    assert not newcomer.done
    world.advance(1)
    assert newcomer.result().generation_id == 2
    assert world.heartbeat(leader, 2) == ErrorCode.UNKNOWN_MEMBER_ID


def test_sync_deadline_removes_members_that_did_not_sync() -> None:
    world = World()
    (leader,) = world.stable_group(session_timeout_ms=600_000)
    newcomer = world.new_member_id(session_timeout_ms=600_000)
    world.join(newcomer, session_timeout_ms=600_000)
    world.join(leader, session_timeout_ms=600_000)
    waiting = world.sync(newcomer, 2)
    world.advance(59_999)
    assert not waiting.done
    world.advance(1)
    assert waiting.result().error_code == ErrorCode.REBALANCE_IN_PROGRESS
    assert world.join(newcomer).result().leader == newcomer


def test_sync_deadline_passes_quietly_when_all_have_synced() -> None:
    world = World()
    (member,) = world.stable_group(session_timeout_ms=600_000)
    world.advance(60_000)
    assert world.heartbeat(member, 1) == ErrorCode.NONE


def test_new_member_during_the_sync_barrier_sends_everybody_back() -> None:
    world = World()
    (leader,) = world.stable_group()
    second = world.new_member_id()
    world.join(second)
    world.join(leader)
    waiting = world.sync(second, 2)
    world.join(world.new_member_id())
    assert waiting.result().error_code == ErrorCode.REBALANCE_IN_PROGRESS
    assert world.state() == "PreparingRebalance"


def test_pending_member_holds_the_join_barrier_until_it_comes_or_expires() -> None:
    world = World()
    (leader,) = world.stable_group()
    world.new_member_id()  # never used
    rejoined = world.join(leader)
    assert not rejoined.done
    world.advance(9_999)
    assert not rejoined.done
    world.advance(1)
    assert rejoined.result().generation_id == 2


def test_initial_delay_gathers_members_that_start_together() -> None:
    world = World(initial_rebalance_delay_ms=3_000)
    first = world.join(world.new_member_id())
    world.advance(2_000)
    second = world.join(world.new_member_id())
    world.advance(1_000)
    assert not first.done, "somebody joined in the first three seconds, so three more are given"
    world.advance(2_999)
    assert not first.done
    world.advance(1)
    assert first.result().generation_id == second.result().generation_id == 1
    assert len(first.result().members) == 2


def test_initial_delay_is_not_prolonged_beyond_the_rebalance_timeout() -> None:
    world = World(initial_rebalance_delay_ms=3_000)
    first = world.join(world.new_member_id(), rebalance_timeout_ms=5_000)
    for _ in range(4):
        world.advance(1_000)
        world.join(world.new_member_id(), rebalance_timeout_ms=5_000)
    world.advance(999)
    assert not first.done
    world.advance(1)
    assert first.result().generation_id == 1


def test_initial_delay_with_everybody_gone_leaves_an_empty_group() -> None:
    world = World(initial_rebalance_delay_ms=3_000)
    member = world.new_member_id()
    held = world.join(member)
    assert world.leave(member).members[0].error_code == ErrorCode.NONE
    assert held.result().error_code == ErrorCode.UNKNOWN_MEMBER_ID
    world.advance(3_000)
    assert world.state() == "Empty"


def test_group_of_maximal_size_turns_newcomers_away() -> None:
    world = World(max_size=2)
    world.stable_group(2)
    assert world.join().result().error_code == ErrorCode.GROUP_MAX_SIZE_REACHED
    assert world.state() == "Stable"


def test_group_of_maximal_size_keeps_members_that_rejoin() -> None:
    world = World(max_size=2)
    leader, follower = world.stable_group(2)
    world.join(leader)
    assert world.join(follower).result().generation_id == 3


def test_members_beyond_the_maximal_size_are_removed_as_they_rejoin_last() -> None:
    before = World()
    members = before.stable_group(3)
    world = World(load=False, max_size=2)
    partition = world.coordinator.partition_for(GROUP)
    world.coordinator.load_partition(partition, before.log.records[partition])
    assert world.state() == "PreparingRebalance"
    joins = [world.join(member) for member in members]
    assert joins[2].result().error_code == ErrorCode.GROUP_MAX_SIZE_REACHED
    assert joins[2].result().member_id == ""
    assert [join.result().generation_id for join in joins[:2]] == [4, 4]


def test_member_that_leaves_at_the_sync_barrier_has_its_sync_answered() -> None:
    world = World()
    (leader,) = world.stable_group()
    newcomer = world.new_member_id()
    world.join(newcomer)
    world.join(leader)
    waiting = world.sync(newcomer, 2)
    world.leave(newcomer)
    assert waiting.result().error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.state() == "PreparingRebalance"


def test_last_member_that_leaves_empties_the_group_and_writes_it() -> None:
    world = World()
    (member,) = world.stable_group()
    written = len(world.log.all)
    assert [each.error_code for each in world.leave(member).members] == [ErrorCode.NONE]
    group = world.group()
    assert group is not None
    assert (group.state, group.generation_id, group.leader_id) == (GroupState.EMPTY, 2, None)
    assert len(world.log.all) == written + 1
    assert len(world.timer) == 0
    assert world.join(member).result().error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_leave_answers_each_member_for_itself() -> None:
    world = World()
    leader, _ = world.stable_group(2)
    pending = world.new_member_id()
    response = world.leave(
        "nobody", (leader, "unheard-of"), ("", "unheard-of"), "", pending, leader
    )
    assert [each.error_code for each in response.members] == [25, 25, 25, 25, 0, 0]
    assert response.error_code == ErrorCode.NONE
    assert world.state() == "PreparingRebalance"


def test_leave_of_nobody_known_changes_nothing() -> None:
    world = World()
    world.stable_group()
    assert [each.error_code for each in world.leave("nobody").members] == [25]
    assert world.state() == "Stable"
    assert [each.error_code for each in world.leave("nobody", group_id="elsewhere").members] == [25]
    assert world.leave("nobody", group_id="").error_code == ErrorCode.INVALID_GROUP_ID


def test_pending_member_that_leaves_lets_the_barrier_down() -> None:
    world = World()
    (leader,) = world.stable_group()
    pending = world.new_member_id()
    rejoined = world.join(leader)
    world.leave(pending)
    assert rejoined.result().generation_id == 2
