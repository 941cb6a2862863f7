"""ConsumerGroupHeartbeat: joining, reconciling, fencing, static members, sessions, commits, and what cannot be written."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)

from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.group.consumer.assignors import assignors_of
from kafkalite.coordination.group.consumer.regexes import RegexResolver
from kafkalite.coordination.group.modern.group import ModernGroupState
from kafkalite.deferred import Deferred
from tests.coordination.consumer_group_world import (
    INTERVAL_MS,
    NOTHING,
    SESSION_MS,
    ConsumerClient,
    ConsumerWorld,
    settle,
)
from tests.coordination.group_world import CLIENT, GROUP, deferred

ALL = frozenset({("orders", 0), ("orders", 1), ("orders", 2)})
GONE = 10_000


@pytest.fixture
def world() -> ConsumerWorld:
    return ConsumerWorld()


# Joining


def test_the_first_member_gets_everything_in_the_answer_to_its_first_heartbeat(world):
    answer = world.enter("a")
    assert (answer.error_code, answer.member_epoch, answer.heartbeat_interval_ms) == (0, 2, 5000)
    assert world.by_name(answer) == ALL
    assert world.consumer_group.state is ModernGroupState.STABLE


def test_a_heartbeat_that_changes_nothing_writes_nothing_and_says_nothing_of_the_assignment(world):
    epoch = world.enter("a").member_epoch
    before = len(world.log.all)
    answer = world.beat("a", epoch)
    assert answer.assignment is None
    assert len(world.log.all) == before


def test_a_heartbeat_that_tells_everything_is_told_everything(world):
    epoch = world.enter("a").member_epoch
    answer = world.beat("a", epoch, ["orders"], ALL, rebalance_timeout_ms=60_000)
    assert world.by_name(answer) == ALL


def test_a_member_without_an_id_is_given_one_by_version_0_alone(world):
    answer = world.enter("", version=0)
    assert len(answer.member_id) == 22
    assert world.by_name(answer) == ALL
    assert world.enter("", version=1).error_code == ErrorCode.INVALID_REQUEST


def test_topics_that_do_not_exist_are_waited_for(world):
    epoch = world.enter("a", ["missing"]).member_epoch
    assert world.consumer_group.metadata_hash == 0
    world.make_topic("missing", 2)
    world.advance(INTERVAL_MS)
    answer = world.beat("a", epoch)
    assert world.by_name(answer) == {("missing", 0), ("missing", 1)}


def test_a_topic_that_grows_is_assigned_anew_at_the_next_heartbeat(world):
    epoch = world.enter("a").member_epoch
    world.make_topic("orders", 4)
    world.advance(INTERVAL_MS)
    assert world.by_name(world.beat("a", epoch)) == ALL | {("orders", 3)}


def test_a_topic_that_nobody_reads_changes_nothing(world):
    epoch = world.enter("a").member_epoch
    world.make_topic("unread", 4)
    assert world.beat("a", epoch).member_epoch == epoch


def test_a_full_group_takes_nobody_else():
    world = ConsumerWorld(consumer_max_size=1)
    epoch = world.enter("a").member_epoch
    answer = world.enter("b")
    assert answer.error_code == ErrorCode.GROUP_MAX_SIZE_REACHED
    assert answer.error_message
    assert world.beat("a", epoch).error_code == 0
    assert world.enter("a").error_code == 0


def test_assignments_are_computed_once_in_an_interval(world):
    """Who comes within a second of the last assignment waits for the next one, and is then assigned with the others."""
    first = world.enter("a").member_epoch
    second = world.enter("b")
    assert (second.member_epoch, world.by_name(second)) == (first, NOTHING)
    assert world.consumer_group.state is ModernGroupState.ASSIGNING
    world.advance(INTERVAL_MS)
    assert world.beat("b", first).member_epoch == first + 1


def test_an_interval_of_a_group_of_its_own_acts(world):
    world.settings = GroupConfig(
        consumer_assignment_interval_ms=0, consumer_heartbeat_interval_ms=7
    )
    first = world.enter("a")
    assert first.heartbeat_interval_ms == 7
    assert world.enter("b").member_epoch == first.member_epoch + 1


# Reconciling


def test_a_partition_has_a_new_owner_only_after_the_old_one_has_reported_it_gone(world):
    first, second = ConsumerClient(world, "a"), ConsumerClient(world, "b")
    first.beat()
    first.obey()
    world.advance(INTERVAL_MS)
    second.beat()
    first.beat()
    assert first.told == {("orders", 0), ("orders", 1)}
    second.beat()
    assert second.told == NOTHING
    assert world.consumer_group.state is ModernGroupState.RECONCILING
    first.obey()
    first.beat()
    second.beat()
    assert second.told == {("orders", 2)}
    assert world.consumer_group.state is ModernGroupState.STABLE


def test_a_member_keeps_its_epoch_until_it_has_given_up(world):
    first, second = ConsumerClient(world, "a"), ConsumerClient(world, "b")
    first.beat()
    first.obey()
    world.advance(INTERVAL_MS)
    epoch = first.epoch
    second.beat()
    for _ in range(3):
        first.beat()
        assert first.epoch == epoch
    first.obey()
    first.beat()
    assert first.epoch == epoch + 1 == second.epoch


def test_a_member_that_does_not_give_up_in_its_rebalance_timeout_is_put_out(world):
    first = world.enter("a", rebalance_timeout_ms=10_000).member_epoch
    world.advance(INTERVAL_MS)
    second = ConsumerClient(world, "b")
    second.beat()
    world.beat("a", first, owned=ALL)
    world.advance(9_999)
    assert "a" in world.consumer_group.members
    world.advance(1)
    assert "a" not in world.consumer_group.members
    settle(world, [second])
    assert second.owned == ALL


def test_a_member_that_gives_up_in_time_is_not_put_out_later(world):
    first = world.enter("a", rebalance_timeout_ms=10_000).member_epoch
    world.advance(INTERVAL_MS)
    world.enter("b")
    world.beat("a", first, owned=ALL)
    epoch = world.beat("a", first, owned=frozenset({("orders", 0), ("orders", 1)})).member_epoch
    world.advance(10_000)
    assert world.beat("a", epoch).error_code == 0


def test_what_is_no_longer_read_is_given_up_at_once_though_the_next_assignment_has_to_wait(world):
    epoch = world.enter("a", ["orders", "other"]).member_epoch
    answer = world.beat("a", epoch, ["orders"])
    assert answer.member_epoch == epoch
    assert world.by_name(answer) == ALL


def test_everything_is_assigned_in_the_end_and_only_once(world):
    owned = world.settled("a", "b", "c")
    assert sorted(map(len, owned.values())) == [1, 1, 1]
    assert frozenset().union(*owned.values()) == ALL


def test_members_more_than_partitions_wait_in_the_group(world):
    owned = world.settled("a", "b", "c", "d")
    assert sorted(map(len, owned.values())) == [0, 1, 1, 1]
    assert world.consumer_group.state is ModernGroupState.STABLE


def test_most_wanted_assignor_assigns(world):
    world.settings = GroupConfig(consumer_assignment_interval_ms=0)
    world.enter("b", server_assignor="range")
    assert world.coordinator.consumer.describe(GROUP).assignor_name == "range"
    world.enter("c", server_assignor="uniform")
    world.enter("d", server_assignor="uniform")
    assert world.coordinator.consumer.describe(GROUP).assignor_name == "uniform"


def test_a_java_class_among_the_assignors_is_passed_over():
    assert list(assignors_of(["org.example.Own", "range"])) == ["range"]
    assert list(assignors_of(["org.example.Own"])) == ["uniform", "range"]


# Fencing


def test_an_epoch_greater_than_the_members_is_fenced(world):
    epoch = world.enter("a").member_epoch
    answer = world.beat("a", epoch + 1)
    assert answer.error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert str(epoch + 1) in answer.error_message


def test_the_epoch_before_is_taken_from_a_member_that_owns_no_more_than_it_should(world):
    """It did not get the answer that told of the new one."""
    epoch = world.enter("a").member_epoch
    world.make_topic("orders", 4)
    world.advance(INTERVAL_MS)
    assert world.beat("a", epoch).member_epoch == epoch + 1
    assert world.beat("a", epoch, owned=ALL).member_epoch == epoch + 1
    assert world.beat("a", epoch).error_code == ErrorCode.FENCED_MEMBER_EPOCH
    too_much = ALL | {("other", 0)}
    assert world.beat("a", epoch, owned=too_much).error_code == ErrorCode.FENCED_MEMBER_EPOCH


def test_an_unknown_member_is_told_so(world):
    world.enter("a")
    assert world.beat("x", 5).error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.beat("x", -1).error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_group_that_does_not_exist_is_made_by_a_join_alone(world):
    assert world.beat("a", 1).error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert world.beat("a", -1).error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert world.any_group() is None


def test_a_member_that_joins_again_keeps_what_it_has_if_it_is_its_own(world):
    world.enter("a")
    answer = world.enter("a")
    assert world.by_name(answer) == ALL
    assert len(world.consumer_group.members) == 1


def test_a_refused_heartbeat_changes_nothing(world):
    epoch = world.enter("a").member_epoch
    before = len(world.log.all)
    refused = world.beat("a", epoch, ["other"], subscribed_topic_regex="(")
    assert refused.error_code == ErrorCode.INVALID_REGULAR_EXPRESSION
    assert len(world.log.all) == before
    world.check_replay()


# Sessions


def test_a_member_that_is_not_heard_of_is_put_out_and_others_get_what_it_had(world):
    world.settled("a", "b")
    survivor = ConsumerClient(world, "b")
    survivor.epoch = world.consumer_group.members["b"].epoch
    for _ in range(4):
        world.advance(SESSION_MS // 4)
        world.beat("b", survivor.epoch)
    assert set(world.consumer_group.members) == {"b"}
    survivor.beat(full=True)
    settle(world, [survivor])
    assert survivor.owned == ALL


def test_every_heartbeat_makes_the_session_start_anew(world):
    epoch = world.enter("a").member_epoch
    for _ in range(3):
        world.advance(SESSION_MS - 1)
        assert world.beat("a", epoch).error_code == 0
    world.advance(SESSION_MS)
    assert world.beat("a", epoch).error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_after_a_takeover_every_member_has_a_whole_session(world):
    epoch = world.enter("a").member_epoch
    world.advance(SESSION_MS - 1)
    world.fail_over()
    world.advance(SESSION_MS - 1)
    assert world.beat("a", epoch).error_code == 0


def test_after_a_takeover_a_member_that_is_to_give_up_has_its_whole_rebalance_timeout(world):
    first = world.enter("a", rebalance_timeout_ms=10_000).member_epoch
    world.advance(INTERVAL_MS)
    world.enter("b")
    world.beat("a", first, owned=ALL)
    world.fail_over()
    world.advance(9_999)
    assert "a" in world.consumer_group.members
    world.advance(1)
    assert "a" not in world.consumer_group.members


def test_a_member_whose_removal_could_not_be_written_is_removed_soon_after(world):
    world.enter("a")
    world.log.fail_with = ErrorCode.KAFKA_STORAGE_ERROR
    world.advance(SESSION_MS)
    assert "a" in world.consumer_group.members
    world.log.fail_with = None
    world.advance(500)
    assert not world.consumer_group.members


def test_timers_of_members_who_left_are_gone(world):
    world.enter("a")
    world.enter("b", instance_id="i")
    world.beat("a", -1)
    world.beat("b", -1, instance_id="i")
    assert len(world.timer) == 0


def test_nothing_runs_on_after_the_groups_are_served_elsewhere(world):
    world.enter("a")
    world.enter("b", names=None, subscribed_topic_regex="o.*")
    world.coordinator.close()
    world.advance(SESSION_MS)
    assert len(world.timer) == 0


# Static members


def test_a_static_member_comes_back_to_what_it_had(world):
    epoch = world.enter("a", instance_id="i").member_epoch
    assert world.beat("a", -2, instance_id="i").member_epoch == -2
    answer = world.enter("b", instance_id="i")
    assert (answer.member_epoch, world.by_name(answer)) == (epoch, ALL)
    assert set(world.consumer_group.members) == {"b"}
    assert world.consumer_group.epoch == epoch


def test_a_static_member_that_has_not_left_is_not_replaced(world):
    world.enter("a", instance_id="i")
    assert world.enter("b", instance_id="i").error_code == ErrorCode.UNRELEASED_INSTANCE_ID


def test_the_former_holder_of_an_instance_id_is_fenced(world):
    epoch = world.enter("a", instance_id="i").member_epoch
    world.beat("a", -2, instance_id="i")
    world.enter("b", instance_id="i")
    fenced = ErrorCode.FENCED_INSTANCE_ID
    assert world.beat("a", epoch, instance_id="i").error_code == fenced
    assert world.beat("a", -1, instance_id="i").error_code == fenced
    assert world.beat("a", epoch, instance_id="x").error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_member_that_comes_back_with_another_instance_id_gives_up_the_first(world):
    world.enter("a", instance_id="i")
    epoch = world.enter("a", instance_id="j").member_epoch
    unknown = ErrorCode.UNKNOWN_MEMBER_ID
    assert world.beat("a", epoch, instance_id="i").error_code == unknown
    assert world.beat("a", epoch, instance_id="j").error_code == ErrorCode.NONE
    world.beat("a", -1, instance_id="j")
    assert world.beat("a", -1, instance_id="i").error_code == unknown
    assert world.enter("b", instance_id="i").error_code == ErrorCode.NONE
    world.check_replay()


def test_a_static_member_that_does_not_come_back_in_its_session_is_put_out(world):
    world.enter("a", instance_id="i")
    world.beat("a", -2, instance_id="i")
    world.advance(SESSION_MS - 1)
    assert "a" in world.consumer_group.members
    world.advance(1)
    assert not world.consumer_group.members


def test_nobody_else_gets_what_a_static_member_has_while_it_is_away(world):
    world.enter("a", instance_id="i")
    world.beat("a", -2, instance_id="i")
    world.advance(INTERVAL_MS)
    other = ConsumerClient(world, "b")
    for _ in range(3):
        other.beat()
        assert other.told == NOTHING
        world.advance(INTERVAL_MS)


# Regular expressions


def test_topics_that_match_are_read_once_they_have_been_found(world):
    answer = world.enter("a", names=None, subscribed_topic_regex="o.*")
    assert world.by_name(answer) == NOTHING
    world.advance(0)
    answer = world.beat("a", answer.member_epoch)
    assert world.by_name(answer) == ALL | {("other", 0)}
    world.check_replay()


def test_a_topic_that_is_made_later_is_found_within_ten_seconds_of_heartbeats(world):
    client = ConsumerClient(world, "a", names=[], subscribed_topic_regex="o.*|new")
    settle(world, [client])
    world.make_topic("new", 1)
    for _ in range(12):
        world.advance(INTERVAL_MS)
        client.beat()
        client.obey()
    assert ("new", 0) in client.owned


def test_expressions_are_not_looked_at_all_the_time(world):
    client = ConsumerClient(world, "a", names=[], subscribed_topic_regex="o.*")
    settle(world, [client])
    before = len(world.log.all)
    world.advance(30_000)
    client.beat()
    world.advance(0)
    assert len(world.log.all) == before
    for _ in range(20):
        world.advance(30_000)
        client.beat()
        world.advance(0)
    assert len(world.log.all) == before + 1


def test_the_last_subscriber_takes_the_expression_along(world):
    for name in ("a", "b"):
        world.enter(name, names=None, subscribed_topic_regex="o.*")
    world.advance(0)
    world.beat("a", -1)
    assert set(world.consumer_group.regexes) == {"o.*"}
    world.beat("b", -1)
    assert not world.consumer_group.regexes
    world.check_replay()


def test_an_expression_that_only_an_older_broker_took_matches_nothing(world, caplog):
    found = []
    resolver = RegexResolver(world.timer, world.topics, lambda _, each: found.append(each))
    resolver.resolve(GROUP, ["[", "o.*"], 0)
    world.advance(0)
    assert [sorted(each.topics) for each in found[0].values()] == [[], ["orders", "other"]]
    assert "matches nothing" in caplog.text


def test_many_topics_are_matched_in_pieces(world, monkeypatch):
    monkeypatch.setattr("kafkalite.coordination.group.consumer.regexes._WORK_AT_A_TIME", 100)
    for number in range(2_000):
        world.topics.ids[f"t{number}"] = number.to_bytes(16, "big")
        world.topics.partitions[f"t{number}"] = 1
    world.enter("a", names=None, subscribed_topic_regex="t[0-9]*[05]")
    world.advance(1)
    assert not world.consumer_group.regexes
    world.advance(100)
    assert len(world.consumer_group.regexes["t[0-9]*[05]"].topics) == 400


# Commits and fetches


def test_a_member_commits_in_its_epoch(world):
    client = ConsumerClient(world, "a")
    client.beat()
    assert client.commit("orders", 0) == 0
    assert client.commit("orders", 0, client.epoch + 1) == ErrorCode.STALE_MEMBER_EPOCH
    assert world.committed() == 1


def test_a_member_commits_in_an_older_epoch_what_it_has_had_since(world):
    """A heartbeat brings the next epoch while the commit is under way (KIP-1251)."""
    client = ConsumerClient(world, "a")
    client.beat()
    world.make_topic("orders", 4)
    world.advance(INTERVAL_MS)
    client.beat()
    assert client.commit("orders", 0, client.epoch - 1) == 0
    assert client.commit("orders", 3, client.epoch - 1) == ErrorCode.STALE_MEMBER_EPOCH
    assert client.commit("orders", 3, client.epoch) == 0


def test_a_member_that_was_put_out_commits_nothing(world):
    client = ConsumerClient(world, "a")
    client.beat()
    world.advance(SESSION_MS)
    world.enter("b")
    assert client.commit("orders", 0) == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.committed() == -1


def test_what_was_given_up_is_not_committed_in_an_epoch_before(world):
    owned = world.settled("a")
    client = ConsumerClient(world, "a")
    client.epoch, client.owned = world.consumer_group.members["a"].epoch, owned["a"]
    old_epoch = client.epoch
    settle(world, [client, ConsumerClient(world, "b")])
    given_up = next(iter(ALL - client.owned))
    assert client.commit(*given_up, epoch=old_epoch) == ErrorCode.STALE_MEMBER_EPOCH


def test_a_client_without_a_group_commits_while_nobody_is_there(world):
    world.enter("a")
    stranger = {("orders", 0): 5}
    assert world.commit(stranger).result().topics[0].partitions[0].error_code == (
        ErrorCode.UNKNOWN_MEMBER_ID
    )
    world.beat("a", -1)
    assert world.commit(stranger).result().topics[0].partitions[0].error_code == 0


def test_offsets_do_not_expire_while_somebody_reads_the_topic(world):
    world.enter("a")
    group = world.consumer_group
    assert group.offsets_expire_from_ms(GONE, "orders") is None
    assert group.offsets_expire_from_ms(GONE, "other") == GONE


# What cannot be written


def test_a_heartbeat_whose_records_cannot_be_written_changes_nothing(world):
    world.log.fail_with = ErrorCode.NOT_ENOUGH_REPLICAS
    answer = world.enter("a")
    assert answer.error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE
    world.log.fail_with = None
    assert world.any_group() is None
    assert world.by_name(world.enter("a")) == ALL


def test_the_next_heartbeat_builds_on_what_is_on_its_way_to_the_log(world):
    world.settings = GroupConfig(consumer_assignment_interval_ms=0)
    world.log.hold = True
    first, second = send_enter(world, "a"), send_enter(world, "b")
    assert not first.done
    assert not second.done
    assert world.consumer_group.epoch == 3
    world.log.commit_next()
    assert first.result().member_epoch == 2
    assert not second.done
    world.log.commit_next()
    assert second.result().member_epoch == 3


def send_enter(world: ConsumerWorld, member_id: str) -> Deferred[ConsumerGroupHeartbeatResponse]:
    request = ConsumerGroupHeartbeatRequest(
        group_id=GROUP,
        member_id=member_id,
        instance_id=None,
        rack_id=None,
        server_assignor=None,
        rebalance_timeout_ms=1000,
        subscribed_topic_names=["orders"],
        subscribed_topic_regex=None,
        topic_partitions=[],
    )
    return deferred(world.coordinator.consumer.heartbeat(request, CLIENT, 1))
