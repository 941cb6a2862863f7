"""Streams groups: who joins, what they are told, what they hand over, and who is removed."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.streams.tasks import Tasks
from tests.coordination.group_world import CLIENT
from tests.coordination.streams_world import (
    APP,
    STATEFUL,
    StreamsWorld,
    active_tasks,
    endpoint,
    join_request,
    statuses,
    subtopology,
    tasks,
    topic_info,
    topology,
)

STALE_TOPOLOGY, MISSING_SOURCE_TOPICS, WRONG_PARTITIONS, MISSING_INTERNAL_TOPICS = range(4)
SHUTDOWN_APPLICATION, ASSIGNMENT_DELAYED = 4, 5

ALL = tasks("0_0", "0_1", "0_2")


def test_first_member_gets_all_tasks_with_the_first_answer() -> None:
    world = StreamsWorld()
    answer = world.join("a")
    assert answer.error_code == ErrorCode.NONE
    assert active_tasks(answer) == ALL
    assert world.app().state_name == "Stable"


def test_heartbeat_without_news_writes_nothing_and_says_nothing_of_tasks() -> None:
    world = StreamsWorld()
    epoch = world.join("a").member_epoch
    written = len(world.log.all)
    answer = world.beat("a", epoch)
    assert (answer.member_epoch, active_tasks(answer)) == (epoch, None)
    assert len(world.log.all) == written


def test_task_is_handed_over_only_when_its_owner_has_given_it_up() -> None:
    world = StreamsWorld()
    world.join("a")
    b = world.join("b")
    assert active_tasks(b) == frozenset()
    told = world.beat("a", 2, Tasks(ALL))
    kept = active_tasks(told)
    assert kept is not None
    assert kept < ALL
    assert active_tasks(world.beat("b", b.member_epoch)) is None, "a has not given anything up yet"
    assert world.app().state_name == "Reconciling"
    world.beat("a", 2, Tasks(kept))
    assert active_tasks(world.beat("b", b.member_epoch)) == ALL - kept
    assert world.app().state_name == "Stable"


def test_member_that_gives_nothing_up_is_removed_after_its_rebalance_timeout() -> None:
    world = StreamsWorld()
    world.join("a", rebalance_timeout_ms=20_000)
    b = world.join("b")
    world.beat("a", 2, Tasks(ALL))
    world.advance(19_999)
    assert "a" in world.app().members
    world.advance(1)
    assert "a" not in world.app().members
    assert active_tasks(world.beat("b", b.member_epoch)) == ALL


def test_silent_member_is_removed_after_its_session_timeout() -> None:
    world = StreamsWorld(streams_session_timeout_ms=45_000)
    epoch = world.join("a").member_epoch
    world.advance(44_999)
    assert world.beat("a", epoch).error_code == ErrorCode.NONE
    world.advance(45_000)
    assert world.app().state_name == "Empty"
    assert world.beat("a", epoch).error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert len(world.timer) == 0


def test_leaving_member_makes_room_at_once() -> None:
    world = StreamsWorld()
    world.join("a")
    b = world.join("b")
    assert world.beat("a", -1).member_epoch == -1
    assert active_tasks(world.beat("b", b.member_epoch)) == ALL


def test_member_that_missed_the_answer_may_repeat_the_epoch_before() -> None:
    world = StreamsWorld()
    world.join("a")
    world.join("b")
    kept = active_tasks(world.beat("a", 2, Tasks(ALL)))
    assert kept is not None
    world.beat("a", 2, Tasks(kept))
    assert world.app().member("a").epoch == 3
    assert world.beat("a", 2, Tasks(kept)).error_code == ErrorCode.NONE
    assert world.beat("a", 2, Tasks(ALL)).error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert world.beat("a", 2).error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert world.beat("a", 1, Tasks()).error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert world.beat("a", 4).error_code == ErrorCode.FENCED_MEMBER_EPOCH


@pytest.mark.parametrize("says_what_it_has", [True, False])
def test_member_that_missed_the_news_of_its_tasks_is_told_again(says_what_it_has: bool) -> None:
    world = StreamsWorld()
    world.join("a")
    b = world.join("b")
    kept = active_tasks(world.beat("a", 2, Tasks(ALL)))
    assert kept is not None
    world.beat("a", 2, Tasks(kept))
    world.beat("b", b.member_epoch)  # the answer to this one is lost
    if says_what_it_has:
        assert active_tasks(world.beat("b", b.member_epoch, Tasks())) == ALL - kept
    else:
        assert active_tasks(world.beat("a", 2, Tasks(kept))) == kept


def test_standbys_are_copies_on_other_processes() -> None:
    world = StreamsWorld(standby_replicas=1)
    world.join("a", STATEFUL, process_id="p")
    world.join("b", STATEFUL, process_id="q")
    target = world.app().targets
    assert {name: len(each.standby) for name, each in target.items()} in (
        {"a": 1, "b": 2},
        {"a": 2, "b": 1},
    )
    assert all(not each.active & each.standby for each in target.values())


def test_change_of_standby_replicas_is_a_new_target_with_the_next_heartbeat() -> None:
    world = StreamsWorld()
    world.join("a", STATEFUL)
    b = world.join("b", STATEFUL)
    world.settings = world.settings._replace(streams_num_standby_replicas=1)
    epoch = world.app().epoch
    world.beat("b", b.member_epoch)
    assert world.app().epoch == epoch + 1
    assert any(each.standby for each in world.app().targets.values())


def test_group_waits_for_its_source_topics() -> None:
    world = StreamsWorld()
    answer = world.join("a", topology(subtopology("0", "missing")))
    assert statuses(answer) == [MISSING_SOURCE_TOPICS]
    assert world.app().state_name == "NotReady"
    world.topics.partitions["missing"] = 2
    world.topics.ids["missing"] = bytes(16)  # type: ignore[assignment]
    world.coordinator.on_topics_changed()
    answer = world.beat("a", answer.member_epoch)
    assert active_tasks(answer) == tasks("0_0", "0_1")
    assert statuses(answer) == []


def test_group_goes_back_to_waiting_when_a_topic_is_deleted() -> None:
    world = StreamsWorld()
    epoch = world.join("a").member_epoch
    del world.topics.partitions["orders"], world.topics.ids["orders"]
    world.coordinator.on_topics_changed()
    answer = world.beat("a", epoch, Tasks(ALL))
    assert statuses(answer) == [MISSING_SOURCE_TOPICS]
    assert active_tasks(answer) == frozenset()


def test_missing_internal_topics_are_named_with_their_partitions() -> None:
    world = StreamsWorld()
    what = topology(
        subtopology("0", "orders", "other", repartition_sink_topics=["by-customer"]),
        subtopology(
            "1",
            repartition_source_topics=[topic_info("by-customer")],
            state_changelog_topics=[topic_info("counts")],
        ),
    )
    result = world.ask(join_request("a", what))
    assert [(topic.name, topic.partitions) for topic in result.missing_topics] == [
        ("by-customer", 3),
        ("counts", 3),
    ]
    assert statuses(result.response) == [MISSING_INTERNAL_TOPICS]
    assert active_tasks(result.response) == frozenset()


def test_topics_are_made_first_only_for_a_new_group() -> None:
    world = StreamsWorld()
    what = topology(subtopology("0", "orders", state_changelog_topics=[topic_info("counts")]))
    request = join_request("a", what)
    needed = world.coordinator.streams.topics_to_make_first(request)
    assert [topic.name for topic in needed] == ["counts"]
    world.ask(request)
    assert world.coordinator.streams.topics_to_make_first(request) == ()


def test_nothing_is_made_for_a_request_that_will_be_refused() -> None:
    world = StreamsWorld()
    what = topology(subtopology("0", "orders", state_changelog_topics=[topic_info("counts")]))
    refused = join_request("a", what, rebalance_timeout_ms=-1)
    assert world.coordinator.streams.topics_to_make_first(refused) == ()


def test_member_with_an_older_topology_is_told_and_runs_the_groups() -> None:
    world = StreamsWorld()
    world.join("a", topology(subtopology("0", "orders"), epoch=2))
    answer = world.join("b", topology(subtopology("7", "other"), epoch=1))
    assert statuses(answer) == [STALE_TOPOLOGY]
    assert world.app().targets.keys() == {"a", "b"}


@pytest.mark.parametrize(
    "what",
    [topology(subtopology("1", "orders")), topology(subtopology("0", "orders"), epoch=1)],
    ids=["other", "newer"],
)
def test_topology_of_a_group_cannot_be_changed(what: object) -> None:
    world = StreamsWorld()
    world.join("a")
    assert world.join("b", what).error_code == ErrorCode.INVALID_REQUEST
    assert "b" not in world.app().members


def test_shutdown_is_told_to_all_until_the_group_is_empty() -> None:
    world = StreamsWorld()
    epoch = world.join("a").member_epoch
    b = world.join("b")
    assert SHUTDOWN_APPLICATION in statuses(
        world.beat("b", b.member_epoch, shutdown_application=True)
    )
    assert SHUTDOWN_APPLICATION in statuses(world.beat("a", epoch))
    world.beat("a", -1)
    world.beat("b", -1)
    assert SHUTDOWN_APPLICATION not in statuses(world.join("c"))


def test_initial_delay_waits_for_more_members_and_assigns_once() -> None:
    world = StreamsWorld(streams_initial_rebalance_delay_ms=3_000)
    a, b = world.join("a"), world.join("b")
    assert statuses(a) == statuses(b) == [ASSIGNMENT_DELAYED]
    assert world.app().state_name == "Assigning"
    world.advance(3_000)
    assert world.app().state_name == "Reconciling"
    got = [active_tasks(world.beat(name, each.member_epoch)) for name, each in (("a", a), ("b", b))]
    assert sorted(len(each or ()) for each in got) == [1, 2]
    assert world.app().assignment_epoch == world.app().epoch


def test_assignment_interval_keeps_the_target_for_a_while() -> None:
    world = StreamsWorld(streams_assignment_interval_ms=1_000)
    epoch = world.join("a").member_epoch
    world.advance(999)
    assert statuses(world.join("b")) == [ASSIGNMENT_DELAYED]
    world.advance(1)
    world.beat("a", epoch)
    assert world.app().assignment_epoch == world.app().epoch


def test_full_group_takes_no_more_but_lets_members_rejoin() -> None:
    world = StreamsWorld(streams_max_size=1)
    world.join("a")
    assert world.join("b").error_code == ErrorCode.GROUP_MAX_SIZE_REACHED
    assert world.join("a").error_code == ErrorCode.NONE


def test_endpoints_are_told_when_tasks_have_moved() -> None:
    world = StreamsWorld()
    world.join("a", user_endpoint=endpoint("app-1", 8080))
    answer = world.beat("a", 2, endpoint_information_epoch=-1)
    assert answer.partitions_by_user_endpoint is not None
    (entry,) = answer.partitions_by_user_endpoint
    assert (entry.user_endpoint.host, entry.user_endpoint.port) == ("app-1", 8080)
    assert [(each.topic, each.partitions) for each in entry.active_partitions] == [
        ("orders", [0, 1, 2])
    ]
    known = answer.endpoint_information_epoch
    again = world.beat("a", 2, endpoint_information_epoch=known)
    assert again.partitions_by_user_endpoint is None


def test_commit_with_the_epoch_before_is_taken_for_tasks_held_since_then() -> None:
    world = StreamsWorld()
    world.join("a")
    world.join("b")
    kept = active_tasks(world.beat("a", 2, Tasks(ALL)))
    assert kept is not None
    world.beat("a", 2, Tasks(kept))
    mine = min(kept).partition
    others = min(ALL - kept).partition

    def commit(partition: int, epoch: int) -> int:
        answer = world.commit({("orders", partition): 1}, "a", epoch, group_id=APP).result()
        return answer.topics[0].partitions[0].error_code

    assert commit(mine, 3) == ErrorCode.NONE
    assert commit(others, 3) == ErrorCode.NONE, "in its own epoch a member is trusted"
    assert commit(mine, 2) == ErrorCode.NONE
    assert commit(mine, 1) == ErrorCode.STALE_MEMBER_EPOCH
    assert commit(others, 2) == ErrorCode.STALE_MEMBER_EPOCH
    assert commit(mine, 4) == ErrorCode.STALE_MEMBER_EPOCH


def test_restart_brings_the_group_back_with_new_sessions() -> None:
    world = StreamsWorld()
    world.join("a")
    b = world.join("b")
    world.beat("a", 2, Tasks(ALL))
    world.restart()
    kept = world.app().member("a").assigned.active.keys()
    assert world.beat("a", 2, Tasks(frozenset(kept))).error_code == ErrorCode.NONE
    assert active_tasks(world.beat("b", b.member_epoch)) == ALL - kept
    world.advance(45_000)
    assert world.app().state_name == "Empty"


def test_rebalance_timeout_goes_on_after_a_restart() -> None:
    world = StreamsWorld()
    world.join("a", rebalance_timeout_ms=20_000)
    world.join("b")
    world.beat("a", 2, Tasks(ALL))
    world.restart()
    world.advance(20_000)
    assert world.app().members.keys() == {"b"}


def test_lost_records_are_forgotten_and_the_member_finds_another_coordinator() -> None:
    world = StreamsWorld()
    epoch = world.join("a").member_epoch
    world.log.hold = True
    held = world.coordinator.streams.heartbeat(join_request("b"), CLIENT)
    world.log.fail_next(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    assert held.result().response.error_code == ErrorCode.NOT_COORDINATOR  # type: ignore[union-attr]
    assert world.beat("a", epoch).error_code == ErrorCode.NOT_COORDINATOR
