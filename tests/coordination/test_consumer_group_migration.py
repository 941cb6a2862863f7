"""Members of the classic protocol in consumer groups, and groups that change their type while they have members."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from tests.coordination.consumer_group_world import (
    INTERVAL_MS,
    NOTHING,
    ClassicClient,
    ConsumerClient,
    ConsumerWorld,
    assignment,
    read_assignment,
    settle,
    subscription,
)

ALL = frozenset({("orders", 0), ("orders", 1), ("orders", 2)})
REJOIN = ErrorCode.REBALANCE_IN_PROGRESS


@pytest.fixture
def world() -> ConsumerWorld:
    world = ConsumerWorld()
    world.settings = GroupConfig(consumer_assignment_interval_ms=0)
    return world


def classic_member(world: ConsumerWorld, **fields: object) -> ClassicClient:
    client = ClassicClient(world, "classic", **fields)  # type: ignore[arg-type]
    settle(world, [client])
    return client


def join(world, member_id="", owned=NOTHING, topics=("orders",), **fields):
    """One JoinGroup of a classic member that is answered at once."""
    values = {"protocols": {"range": subscription(topics, owned)}} | fields
    return world.join(member_id, **values).result()


# Upgrade


def test_a_consumer_makes_a_consumer_group_of_a_classic_one_and_its_members_keep_what_they_have(
    world,
):
    classic = classic_member(world)
    world.commit({("orders", 0): 7}, classic.member_id, classic.generation_id).result()
    answer = world.enter("new")
    assert answer.error_code == 0
    assert answer.member_epoch == classic.generation_id + 1
    assert world.by_name(answer) == NOTHING
    group = world.consumer_group
    assert set(group.members) == {classic.member_id, "new"}
    assert len(group.members[classic.member_id].current.assigned) == 1
    assert world.committed() == 7
    world.check_replay()


def test_a_classic_member_gives_up_and_the_new_one_gets_it(world):
    classic, new = classic_member(world), ConsumerClient(world, "new")
    settle(world, [classic, new])
    assert classic.owned | new.owned == ALL
    assert not classic.owned & new.owned


def test_an_empty_classic_group_becomes_a_consumer_group_whatever_the_policy():
    world = ConsumerWorld(consumer_migration_policy="disabled")
    classic = classic_member(world)
    classic.leave()
    assert world.enter("new").error_code == 0
    world.check_replay()


def test_a_group_of_offsets_alone_becomes_a_consumer_group_and_keeps_them(world):
    world.commit({("orders", 0): 7}).result()
    assert world.enter("new").error_code == 0
    assert world.committed() == 7


@pytest.mark.parametrize("policy", ["disabled", "downgrade"])
def test_a_policy_may_keep_a_classic_group_classic(policy):
    world = ConsumerWorld(consumer_migration_policy=policy)
    classic = classic_member(world)
    answer = world.enter("new")
    assert answer.error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert "migration.policy" in answer.error_message
    assert isinstance(world.any_group(), ClassicGroup)
    assert world.heartbeat(classic.member_id, classic.generation_id) == 0


def test_a_group_of_others_than_consumers_stays_what_it_is(world):
    world.stable_group(protocol_type="connect")
    assert world.enter("new").error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_a_group_too_large_for_a_consumer_group_stays_classic():
    world = ConsumerWorld(consumer_max_size=1)
    clients = [ClassicClient(world, "one"), ClassicClient(world, "two")]
    settle(world, clients)
    assert world.enter("new").error_code == ErrorCode.GROUP_ID_NOT_FOUND


@pytest.mark.parametrize(
    "told", [b"\0", b"\xff\xff\0\0\0\0", assignment([("orders", 0)])[:-4] + b"\0\0\0\1x"]
)
def test_an_assignment_that_only_its_assignor_understands_keeps_the_group_classic(world, told):
    member_id = world.new_member_id(protocols={"own": subscription(["orders"])})
    joined = world.join(member_id, protocols={"own": subscription(["orders"])}).result()
    world.sync(member_id, joined.generation_id, {member_id: told}).result()
    answer = world.enter("new")
    assert answer.error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert world.state() == "Stable"


def test_parked_requests_of_a_rebalance_are_answered_when_the_group_is_upgraded(world):
    first = classic_member(world)
    second = world.new_member_id(protocols={"range": subscription(["orders"])})
    parked = world.join(second, protocols={"range": subscription(["orders"])})
    assert not parked.done
    world.enter("new")
    assert parked.result().error_code == REJOIN
    assert world.heartbeat(first.member_id, first.generation_id) == REJOIN


# Classic members in a consumer group


def test_a_classic_member_joins_a_consumer_group_without_waiting_for_anybody(world):
    world.enter("new")
    asked = join(world)
    assert asked.error_code == ErrorCode.MEMBER_ID_REQUIRED
    joined = join(world, asked.member_id)
    assert (joined.error_code, joined.leader, joined.members) == (0, "", [])
    synced = world.sync(asked.member_id, joined.generation_id).result()
    assert (synced.error_code, read_assignment(synced.assignment)) == (0, NOTHING)


def test_a_classic_member_of_an_old_version_is_given_its_id_as_it_joins(world):
    world.enter("new")
    joined = join(world, version=3)
    assert joined.error_code == 0
    assert joined.member_id in world.consumer_group.members


def test_a_classic_member_is_told_to_join_when_there_is_something_to_do(world):
    world.enter("new")
    classic = ClassicClient(world, "classic")
    settle(world, [classic])
    assert world.heartbeat(classic.member_id, classic.generation_id) == 0
    world.make_topic("orders", 5)
    world.beat("new", world.consumer_group.members["new"].epoch)
    assert world.heartbeat(classic.member_id, classic.generation_id) == REJOIN


def test_a_classic_member_that_does_not_join_again_in_time_is_put_out(world):
    classic = classic_member(world)
    epoch = world.enter("new").member_epoch
    assert world.heartbeat(classic.member_id, classic.generation_id) == REJOIN
    for _ in range(7):
        world.advance(9_000)
        world.heartbeat(classic.member_id, classic.generation_id)
        world.beat("new", epoch)
    assert set(world.consumer_group.members) == {"new"}


def test_a_classic_member_that_does_not_sync_in_time_is_put_out(world):
    epoch = world.enter("new").member_epoch
    joined = join(world, join(world).member_id)
    for _ in range(7):
        world.advance(9_000)
        world.heartbeat(joined.member_id, joined.generation_id)
        epoch = world.beat("new", epoch).member_epoch
    assert set(world.consumer_group.members) == {"new"}


def test_a_classic_members_session_is_the_one_it_asked_for(world):
    world.enter("new")
    client = ClassicClient(world, "classic")
    settle(world, [client])
    world.heartbeat(client.member_id, client.generation_id)
    world.advance(9_999)
    assert client.member_id in world.consumer_group.members
    world.advance(1)
    assert client.member_id not in world.consumer_group.members


def test_generations_are_the_members_own_epochs(world):
    classic = classic_member(world)
    world.enter("new")
    wrong = ErrorCode.ILLEGAL_GENERATION
    assert world.heartbeat(classic.member_id, classic.generation_id + 1) == wrong
    assert world.sync(classic.member_id, 9).result().error_code == wrong
    stale = world.commit({("orders", 0): 1}, classic.member_id, 9).result()
    assert stale.topics[0].partitions[0].error_code == wrong


def test_a_member_of_the_new_protocol_is_no_classic_member(world):
    epoch = world.enter("new").member_epoch
    assert world.heartbeat("new", epoch) == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.sync("new", epoch).result().error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_classic_member_needs_a_protocol_that_all_classic_members_have(world):
    world.enter("new")
    classic = ClassicClient(world, "classic")
    settle(world, [classic])
    refused = join(world, protocols={"sticky": subscription(["orders"])})
    assert refused.error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert join(world).error_code == ErrorCode.MEMBER_ID_REQUIRED


@pytest.mark.parametrize(
    "fields",
    [
        {"protocol_type": "connect"},
        {"protocols": {}},
        {"protocols": {"range": b"?"}},
        {"protocols": {"range": b"\0\1\0\0\0\x7f"}},
    ],
)
def test_who_is_no_consumer_does_not_join_a_consumer_group(world, fields):
    world.enter("new")
    assert join(world, **fields).error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


def test_a_session_timeout_out_of_bounds_is_refused(world):
    world.enter("new")
    assert join(world, session_timeout_ms=1).error_code == ErrorCode.INVALID_SESSION_TIMEOUT


def test_a_full_consumer_group_takes_no_classic_member():
    world = ConsumerWorld(consumer_max_size=1)
    world.enter("new")
    assert join(world).error_code == ErrorCode.GROUP_MAX_SIZE_REACHED


def test_an_administrator_takes_members_of_either_protocol_out(world):
    world.enter("new", instance_id="i")
    world.enter("other")
    answer = world.leave(("", "i"), "other", "stranger", ("x", "i"))
    unknown, fenced = ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID
    assert [each.error_code for each in answer.members] == [0, 0, unknown, fenced]
    assert not world.consumer_group.members
    assert len(world.timer) == 0


def test_an_unlucky_leave_is_answered_with_the_reason(world):
    world.enter("new")
    world.log.fail_with = ErrorCode.NOT_ENOUGH_REPLICAS
    assert world.leave("new").error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert "new" in world.consumer_group.members


# Downgrade


def test_when_the_last_consumer_leaves_the_others_are_a_classic_group(world):
    classic, new = classic_member(world), ConsumerClient(world, "new")
    settle(world, [classic, new])
    world.commit({("orders", 0): 7}, new.member_id, new.epoch).result()
    new.leave()
    group = world.any_group()
    assert isinstance(group, ClassicGroup)
    assert group.state_name == "PreparingRebalance"
    assert world.committed() == 7
    settle(world, [classic])
    assert classic.owned == ALL


def test_when_the_last_consumer_is_put_out_the_others_are_a_classic_group(world):
    classic, new = classic_member(world), ConsumerClient(world, "new")
    settle(world, [classic, new])
    for _ in range(60):
        world.advance(INTERVAL_MS)
        classic.beat()
    assert isinstance(world.any_group(), ClassicGroup)
    settle(world, [classic])
    assert classic.owned == ALL


@pytest.mark.parametrize("policy", ["disabled", "upgrade"])
def test_a_policy_may_keep_a_consumer_group(policy):
    world = ConsumerWorld(consumer_migration_policy=policy)
    world.settings = GroupConfig(consumer_assignment_interval_ms=0)
    new, classic = ConsumerClient(world, "new"), ClassicClient(world, "classic")
    settle(world, [new, classic])
    new.leave()
    assert isinstance(world.any_group(), ConsumerGroup)
    settle(world, [classic])
    assert classic.owned == ALL


def test_a_group_too_large_for_a_classic_group_stays_a_consumer_group():
    world = ConsumerWorld(max_size=1)
    clients = [ClassicClient(world, "one"), ClassicClient(world, "two")]
    new = ConsumerClient(world, "new")
    settle(world, [new, *clients])
    new.leave()
    assert isinstance(world.any_group(), ConsumerGroup)


def test_the_last_of_all_leaves_an_empty_consumer_group_and_a_classic_member_makes_it_classic(
    world,
):
    world.enter("new")
    world.commit({("orders", 0): 7}, "new", 2).result()
    world.beat("new", -1)
    assert isinstance(world.any_group(), ConsumerGroup)
    client = ClassicClient(world, "classic")
    settle(world, [client])
    assert isinstance(world.any_group(), ClassicGroup)
    assert world.committed() == 7
    world.check_replay()


def test_a_refused_join_leaves_an_empty_consumer_group_as_it_is(world):
    world.enter("new")
    world.beat("new", -1)
    assert join(world, "x").error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert join(world, protocols={}).error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert isinstance(world.any_group(), ConsumerGroup)
    world.check_replay()


def test_a_static_member_changes_its_protocol_there_and_back(world):
    first = join(world, version=5, group_instance_id="i")
    world.sync(
        first.member_id, 1, {first.member_id: assignment(ALL)}, group_instance_id="i"
    ).result()
    answer = world.enter("a", instance_id="i")
    assert world.by_name(answer) == ALL
    assert isinstance(world.any_group(), ConsumerGroup)
    back = join(world, version=5, group_instance_id="i")
    assert back.error_code == 0
    group = world.any_group()
    assert isinstance(group, ClassicGroup)
    assert (set(group.members), group.state_name) == ({back.member_id}, "Stable")
    synced = world.sync(back.member_id, back.generation_id, group_instance_id="i").result()
    assert read_assignment(synced.assignment) == ALL
    assert world.beat("a", 3, instance_id="i").error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_a_static_member_that_reads_something_else_as_a_classic_one_is_rebalanced(world):
    world.enter("a", instance_id="i")
    back = join(world, version=5, group_instance_id="i", topics=("orders", "other"))
    assert back.error_code == 0
    assert world.state() == "PreparingRebalance"


def test_a_group_that_could_not_be_changed_stays_what_it_was(world):
    classic, new = classic_member(world), ConsumerClient(world, "new")
    settle(world, [classic, new])
    world.log.fail_with = ErrorCode.NOT_ENOUGH_REPLICAS
    assert world.beat("new", -1).error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert isinstance(world.any_group(), ConsumerGroup)
    world.log.fail_with = None
    assert world.beat("new", new.epoch).error_code == 0
    new.leave()
    assert isinstance(world.any_group(), ClassicGroup)


def test_a_group_of_both_protocols_survives_a_takeover(world):
    classic, new = classic_member(world), ConsumerClient(world, "new")
    settle(world, [classic, new])
    world.fail_over()
    world.check_replay()
    settle(world, [classic, new])
    assert classic.owned | new.owned == ALL
