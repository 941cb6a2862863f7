"""Streams groups (KIP-1071): topologies, tasks from member to member, statuses, offsets by member epoch, operators' requests."""

from __future__ import annotations

from typing import Any

from kafkalite_protocol.messages.streams_group_heartbeat import StreamsGroupHeartbeatRequest

from kafkalite_compat.differential.requests import groups
from kafkalite_compat.differential.requests.streams import (
    CopartitionGroup,
    Topology,
    configs_of,
    configure,
    delete,
    describe,
    grow,
    heartbeat,
    internal_topic,
    join,
    leave,
    note_records,
    owning,
    subtopology,
    tasks,
    topic,
    topology,
    wait_for_no_status,
)
from kafkalite_compat.differential.side import Side


def plain_topology(name: str, **fields: Any) -> Any:
    """One subtopology without state."""
    return topology(subtopology("0", name, **fields))


def bad_streams_heartbeats(side: Side) -> None:
    groups.coordinator_is_there(side)
    group = "streams-bad"
    what = plain_topology(topic(side, "streams-bad", 2))
    configure(side, "streams-none")
    requests = {
        "no member id": join(group, "", what),
        "blank member id": join(group, "  ", what),
        "no group id": join("", "m", what),
        "no rack id": join(group, "m", what, rack_id=""),
        "instance id": join(group, "m", what, instance_id="i"),
        "no rebalance timeout": join(group, "m", what, rebalance_timeout_ms=-1),
        "owns when joining": join(group, "m", what, active_tasks=tasks("0_0")),
        "has standbys when joining": join(group, "m", what, standby_tasks=tasks("0_0")),
        "says nothing of its tasks when joining": join(group, "m", what, active_tasks=None),
        "no topology": join(group, "m", None),
        "task offsets": join(group, "m", what, task_offsets=[]),
        "task end offsets": join(group, "m", what, task_end_offsets=[]),
        "warm-ups": owning(group, "m", 1, warmup_tasks=tasks("0_0")),
        "pattern": join(group, "m", topology(subtopology("0", source_topic_regex=["a.*"]))),
        "epoch -3": heartbeat(group, "m", -3),
        "epoch -2": heartbeat(group, "m", -2),
        "only active tasks": heartbeat(group, "m", 1, active_tasks=[]),
        "topology later": heartbeat(group, "m", 1, topology=what),
        "unknown group": heartbeat(group, "m", 1),
        "leave unknown group": leave(group, "m"),
        "topic of the broker's": join(group, "m", plain_topology("__consumer_offsets")),
        "topic that cannot be": join(group, "m", plain_topology("a/b")),
        "changelog of 3": join(
            group, "m", plain_topology("x", state_changelog_topics=[internal_topic("c", 3)])
        ),
        "negative topology epoch": join(group, "m", Topology(-1, what.subtopologies)),
        "no subtopologies": join("streams-none", "m", topology()),
        "reads nothing": join(group, "m", topology(subtopology("0"))),
        "same id twice": join(
            group, "m", topology(subtopology("0", "streams-bad"), subtopology("0", "streams-bad"))
        ),
        "copartition group that points nowhere": join(
            group, "m", plain_topology("streams-bad", copartition_groups=[CopartitionGroup([7])])
        ),
        "loop": join(
            group,
            "m",
            topology(
                subtopology(
                    "0",
                    repartition_source_topics=[internal_topic("loop")],
                    repartition_sink_topics=["loop"],
                )
            ),
        ),
        "nobody writes": join(
            group,
            "m",
            plain_topology("streams-bad", repartition_source_topics=[internal_topic("unwritten")]),
        ),
    }
    for label, request in requests.items():
        side.ask(label, request, 0)
    side.ask("describe what there is not", describe(group), 0)


def one_streams_member(side: Side) -> None:
    groups.coordinator_is_there(side)
    group = "streams-one"
    what = plain_topology(
        topic(side, "streams-one", 3),
        state_changelog_topics=[
            internal_topic(topic(side, "streams-one-changelog", 3), cleanup_policy="compact")
        ],
    )
    configure(side, group)
    joined = side.ask(
        "join",
        join(
            group,
            "m",
            what,
            rack_id="r",
            client_tags=[StreamsGroupHeartbeatRequest.KeyValue("k", "v")],
        ),
        0,
    )
    epoch = joined.member_epoch
    side.ask("describe", describe(group, authorized=True), 0)
    side.ask("list", groups.list_groups(types=["streams"], states=["Stable"]), 5)
    side.ask("nothing new", heartbeat(group, "m", epoch), 0)
    side.ask("says what it has", owning(group, "m", epoch, "0_0", "0_1", "0_2"), 0)
    side.ask("has no such subtopology", owning(group, "m", epoch, "7_0"), 0)
    side.ask("has no such task", owning(group, "m", epoch, "0_3"), 0)
    side.ask("has a negative task", owning(group, "m", epoch, "0_-1"), 0)
    side.ask("greater epoch", heartbeat(group, "m", epoch + 1), 0)
    side.ask("smaller epoch", heartbeat(group, "m", epoch - 1), 0)
    side.ask("joins again", join(group, "m", what), 0)
    side.ask("other process", heartbeat(group, "m", epoch + 1, process_id="another"), 0)
    side.ask("describe again", describe(group), 0)
    side.ask("unknown member", heartbeat(group, "n", 1), 0)
    side.ask("delete with members", groups.delete(group), 2)
    side.ask("unknown member leaves", leave(group, "n"), 0)
    side.ask("leave", leave(group, "m"), 0)
    side.ask("describe empty", describe(group), 0)
    side.ask("beats after leaving", heartbeat(group, "m", epoch + 2), 0)
    side.ask("leaves twice", leave(group, "m"), 0)
    side.ask("joins the empty group", join(group, "m2", what), 0)
    side.ask("describe once more", describe(group), 0)
    side.ask("leaves for a while", leave(group, "m2", -2), 0)
    side.ask("leave for good", leave(group, "m2"), 0)
    side.ask("delete", groups.delete(group), 2)
    side.ask("describe what was deleted", describe(group), 0)
    note_records(side, "records", group)


def tasks_from_member_to_member(side: Side) -> None:
    groups.coordinator_is_there(side)
    group = "streams-two"
    what = plain_topology(topic(side, "streams-two", 4))
    configure(side, group)
    side.ask("a joins", join(group, "a", what), 0)
    joined = side.ask("b joins", join(group, "b", what), 0)
    side.ask("describe while b waits", describe(group), 0)
    all_of_a = ("0_0", "0_1", "0_2", "0_3")
    side.ask("a is told to give up", owning(group, "a", 2, *all_of_a), 0)
    side.ask("describe while a gives up", describe(group), 0)
    side.ask("a says nothing", heartbeat(group, "a", 2), 0)
    side.ask("a still has them", owning(group, "a", 2, *all_of_a), 0)
    side.ask("b waits", heartbeat(group, "b", joined.member_epoch), 0)
    side.ask("a gave one up", owning(group, "a", 2, "0_0", "0_1", "0_2"), 0)
    side.ask("a gave both up", owning(group, "a", 2, "0_0", "0_1"), 0)
    side.ask("b gets them", heartbeat(group, "b", joined.member_epoch), 0)
    side.ask("describe when all is done", describe(group), 0)
    side.ask("a missed the answer", owning(group, "a", 2, "0_0", "0_1"), 0)
    side.ask("a missed it and has more", owning(group, "a", 2, "0_0", "0_1", "0_2"), 0)
    side.ask("a missed it and says nothing", heartbeat(group, "a", 2), 0)
    side.ask("b leaves", leave(group, "b"), 0)
    side.ask("a gets all back", owning(group, "a", 3, "0_0", "0_1"), 0)
    side.ask("describe at the end", describe(group), 0)
    note_records(side, "records", group)


def two_threads_of_one_process(side: Side) -> None:
    groups.coordinator_is_there(side)
    group = "streams-threads"
    changelog = internal_topic(topic(side, "streams-threads-changelog", 2))
    what = plain_topology(topic(side, "streams-threads", 2), state_changelog_topics=[changelog])
    configure(side, group, num_standby_replicas="1")
    side.ask("a joins", join(group, "a", what, process_id="p"), 0)
    side.ask("b joins", join(group, "b", what, process_id="p"), 0)
    side.ask("a gives one up", owning(group, "a", 2, "0_0"), 0)
    side.ask("b gets it", heartbeat(group, "b", 3), 0)
    side.ask("c joins", join(group, "c", what, process_id="q"), 0)
    side.ask("a stays", owning(group, "a", 3, "0_0"), 0)
    side.ask("b stays", owning(group, "b", 3, "0_1"), 0)
    side.ask("c is told", heartbeat(group, "c", 4), 0)
    side.ask("describe", describe(group), 0)
    configure(side, group, num_standby_replicas="0")
    side.ask(
        "c is told of other configs", owning(group, "c", 4, standby_tasks=tasks("0_0", "0_1")), 0
    )
    side.ask("c gave its copies up", owning(group, "c", 4), 0)
    side.ask("describe at the end", describe(group), 0)
    note_records(side, "records", group)


def topics_of_streams(side: Side) -> None:
    groups.coordinator_is_there(side)
    group = "streams-topics"
    configure(side, group)
    what = plain_topology("streams-topics")
    side.ask("join without source topic", join(group, "m", what), 0)
    side.ask("describe not ready", describe(group), 0)
    side.ask("list not ready", groups.list_groups(states=["NotReady"], types=["streams"]), 5)
    topic(side, "streams-topics", 2)
    side.ask("now it is there", heartbeat(group, "m", 2), 0)
    grow(side, "streams-topics", 3)
    side.ask("it has grown", owning(group, "m", 3, "0_0", "0_1"), 0)
    delete(side, "streams-topics")
    side.ask("it is gone", owning(group, "m", 4, "0_0", "0_1", "0_2"), 0)
    side.ask("tasks given up", owning(group, "m", 4), 0)
    side.ask("describe at the end", describe(group), 0)


def other_topologies(side: Side) -> None:
    groups.coordinator_is_there(side)
    group = "streams-epochs"
    name = topic(side, "streams-epochs", 2)
    configure(side, group)
    side.ask("join", join(group, "m", topology(subtopology("0", name), epoch=5)), 0)
    side.ask("older topology", join(group, "n", topology(subtopology("0", name), epoch=4)), 0)
    side.ask("same again", join(group, "o", topology(subtopology("0", name), epoch=5)), 0)
    side.ask("same epoch, other", join(group, "p", topology(subtopology("1", name), epoch=5)), 0)
    side.ask("newer", join(group, "p", topology(subtopology("0", name), epoch=6)), 0)
    side.ask("stale heartbeat", heartbeat(group, "n", 3), 0)
    side.ask("describe", describe(group), 0)


def partitions_of_streams(side: Side) -> None:
    groups.coordinator_is_there(side)
    wide, narrow = topic(side, "streams-wide", 4), topic(side, "streams-narrow", 2)
    together = CopartitionGroup([0, 1])
    unlike = plain_topology(wide)
    unlike.subtopologies[0].source_topics.append(narrow)
    unlike.subtopologies[0].copartition_groups = [together]
    configure(side, "streams-unlike")
    side.ask("sources unlike", join("streams-unlike", "m", unlike), 0)
    topic(side, "streams-rep-fixed", 3)
    fixed = topology(
        subtopology("0", wide, repartition_sink_topics=["streams-rep-fixed"]),
        subtopology(
            "1",
            narrow,
            repartition_source_topics=[internal_topic("streams-rep-fixed", 3)],
            copartition_groups=[CopartitionGroup([0], [], [0])],
        ),
    )
    configure(side, "streams-fixed")
    side.ask("fixed unlike its sources", join("streams-fixed", "m", fixed), 0)
    topic(side, "streams-old-changelog", 3)
    old = plain_topology(wide, state_changelog_topics=[internal_topic("streams-old-changelog")])
    configure(side, "streams-old")
    side.ask("changelog has other partitions", join("streams-old", "m", old), 0)
    topic(side, "streams-rep", 4)
    topic(side, "streams-rep-changelog", 4)
    wordcount = topology(
        subtopology("0", wide, narrow, repartition_sink_topics=["streams-rep"]),
        subtopology(
            "1",
            repartition_source_topics=[internal_topic("streams-rep", retention_ms="-1")],
            state_changelog_topics=[internal_topic("streams-rep-changelog")],
        ),
    )
    configure(side, "streams-wordcount")
    side.ask("two subtopologies", join("streams-wordcount", "m", wordcount), 0)
    side.ask("describe", describe("streams-wordcount", "streams-old", "streams-fixed"), 0)
    note_records(side, "records", "streams-wordcount")


def missing_internal_topics(side: Side) -> None:
    groups.coordinator_is_there(side)
    group = "streams-missing"
    what = topology(
        subtopology(
            "0", topic(side, "streams-missing", 3), repartition_sink_topics=["streams-missing-rep"]
        ),
        subtopology(
            "1",
            repartition_source_topics=[
                internal_topic("streams-missing-rep", segment_bytes="2097152")
            ],
            state_changelog_topics=[
                internal_topic("streams-missing-log", cleanup_policy="compact")
            ],
        ),
    )
    configure(side, group)
    side.ask("join", join(group, "m", what), 0)
    wait_for_no_status(side, join(group, "m", what))
    side.catch_up()
    side.ask("made", describe(group), 0)
    side.ask("what was made", configs_of("streams-missing-log", "streams-missing-rep"), 4)
    group, name = "streams-gone", topic(side, "streams-gone", 1)
    topic(side, "streams-gone-log", 1)
    log = internal_topic("streams-gone-log")
    configure(side, group)
    side.ask("all there", join(group, "m", plain_topology(name, state_changelog_topics=[log])), 0)
    delete(side, "streams-gone-log")
    side.ask("changelog gone", heartbeat(group, "m", 2), 0)
    wait_for_no_status(side, heartbeat(group, "m", 3))
    side.ask("tasks given up", owning(group, "m", 3), 0)
    bad = plain_topology(
        "streams-missing", state_changelog_topics=[internal_topic("streams-bad-log", no_such="x")]
    )
    configure(side, "streams-cannot")
    side.ask("cannot be made", join("streams-cannot", "m", bad), 0)


def endpoints_and_shutdown(side: Side) -> None:
    groups.coordinator_is_there(side)
    group = "streams-endpoints"
    what = plain_topology(topic(side, "streams-endpoints", 2))
    configure(side, group)
    endpoint = StreamsGroupHeartbeatRequest.Endpoint("app-1", 8080)
    side.ask("a joins", join(group, "a", what, user_endpoint=endpoint), 0)
    side.ask("a asks", heartbeat(group, "a", 2, endpoint_information_epoch=-1), 0)
    side.ask("b joins", join(group, "b", what), 0)
    side.ask("a gives one up", owning(group, "a", 2, "0_0"), 0)
    side.ask("b asks", heartbeat(group, "b", 3, endpoint_information_epoch=0), 0)
    side.ask("b knows", heartbeat(group, "b", 3, endpoint_information_epoch=1), 0)
    side.ask("describe", describe(group), 0)
    side.ask("b wants to stop", heartbeat(group, "b", 3, shutdown_application=True), 0)
    side.ask("a hears", heartbeat(group, "a", 3, endpoint_information_epoch=1), 0)
    side.ask("a leaves", leave(group, "a"), 0)
    side.ask("b leaves", leave(group, "b"), 0)
    side.ask("c joins", join(group, "c", what), 0)
    side.ask("c leaves and stops all", leave(group, "c", shutdown_application=True), 0)


def offsets_of_streams(side: Side) -> None:
    groups.coordinator_is_there(side)
    group, source, other = "streams-offsets", "streams-offsets", "streams-offsets-other"
    what = plain_topology(topic(side, source, 2))
    topic(side, other, 1)
    configure(side, group)
    side.ask("before anybody", groups.commit(group, (source, 0, 1)), 9)
    side.ask("join", join(group, "a", what), 0)
    side.ask("b joins", join(group, "b", what), 0)
    side.ask("a gives one up", owning(group, "a", 2, "0_0"), 0)
    side.ask("b gets it", heartbeat(group, "b", 3), 0)
    for version in (2, 8, 9):
        side.ask("nobody", groups.commit(group, (source, 0, 2)), version)
        side.ask(
            "stranger",
            groups.commit(group, (source, 0, 2), generation_id=3, member_id="x"),
            version,
        )
        side.ask("a", groups.commit(group, (source, 0, 2), generation_id=3, member_id="a"), version)
    by_a = {"member_id": "a"}
    side.ask("any partition", groups.commit(group, (other, 0, 2), generation_id=3, **by_a), 9)
    side.ask("future epoch", groups.commit(group, (source, 0, 2), generation_id=4, **by_a), 9)
    side.ask("epoch before", groups.commit(group, (source, 0, 3), generation_id=2, **by_a), 9)
    side.ask("older still", groups.commit(group, (source, 0, 3), generation_id=1, **by_a), 9)
    side.ask("other's", groups.commit(group, (source, 1, 3), generation_id=2, **by_a), 9)
    side.ask(
        "other's too",
        groups.commit(group, (source, 0, 4), (source, 1, 3), generation_id=2, **by_a),
        9,
    )
    side.ask("not read", groups.commit(group, (other, 0, 3), generation_id=2, **by_a), 9)
    side.ask("b too early", groups.commit(group, (source, 1, 3), generation_id=2, member_id="b"), 9)
    asked = {source: [0, 1], other: [0]}
    side.ask("fetch", groups.fetch_offsets(9, group, asked), 9)
    for epoch in (2, 3, 4):
        request = groups.fetch_offsets(9, group, asked, member_id="a", member_epoch=epoch)
        side.ask(f"fetch as a in {epoch}", request, 9)
    side.ask("fetch as x", groups.fetch_offsets(9, group, asked, member_id="x", member_epoch=3), 9)
    side.ask("delete what is read", groups.delete_offsets(group, (source, [0])), 0)
    side.ask("delete what is not", groups.delete_offsets(group, (other, [0])), 0)
    side.ask("a leaves", leave(group, "a"), 0)
    side.ask("b leaves", leave(group, "b"), 0)
    side.ask("nobody now", groups.commit(group, (source, 0, 9)), 9)
    side.ask("fetch at the end", groups.fetch_offsets(9, group, None), 9)
    side.ask("delete", groups.delete(group), 2)
    side.ask("fetch what was deleted", groups.fetch_offsets(9, group, None), 9)


def groups_of_other_types(side: Side) -> None:
    groups.coordinator_is_there(side)
    name = topic(side, "streams-types", 1)
    what = plain_topology(name)
    joined = groups.stable_group(side, "streams-classic")
    side.ask("into a classic group", join("streams-classic", "m", what), 0)
    side.ask("describe a classic group", describe("streams-classic"), 0)
    side.ask("heartbeat to a classic group", heartbeat("streams-classic", "m", 1), 0)
    side.ask("leave a classic group", leave("streams-classic", "m"), 0)
    side.ask("its member leaves", groups.leave("streams-classic", joined.member_id), 3)
    configure(side, "streams-classic")
    side.ask("into an empty classic group", join("streams-classic", "m", what), 0)
    side.ask("describe", describe("streams-classic", "", "streams-nothing"), 0)
    side.ask("classic joins", groups.join("streams-classic"), 3)
    side.ask("classic describe", groups.describe("streams-classic"), 5)
    side.ask("classic describe", groups.describe("streams-classic"), 6)
    side.ask("commits as a classic", groups.commit("streams-simple", (name, 0, 5)), 9)
    configure(side, "streams-simple")
    side.ask("into a group of offsets", join("streams-simple", "m", what), 0)
    side.ask("offsets stay", groups.fetch_offsets(9, "streams-simple", None), 9)
    side.ask("leave", leave("streams-simple", "m"), 0)
    side.ask("classic joins the empty one", groups.join("streams-simple"), 3)
    side.ask("describe a classic one", describe("streams-simple"), 0)


def delays_of_streams(side: Side) -> None:
    groups.coordinator_is_there(side)
    group = "streams-delays"
    what = plain_topology(topic(side, "streams-delays", 2))
    configure(side, group, initial_rebalance_delay_ms="600000")
    side.ask("join", join(group, "a", what), 0)
    side.ask("waits", heartbeat(group, "a", 1), 0)
    side.ask("b joins", join(group, "b", what), 0)
    side.ask("describe", describe(group), 0)
    group = "streams-interval"
    configure(side, group, assignment_interval_ms="15000")
    side.ask("first joins", join(group, "a", what), 0)
    side.ask("second joins", join(group, "b", what), 0)
    side.ask("first waits", heartbeat(group, "a", 2), 0)
    side.ask("describe", describe(group), 0)


SCENARIOS = [
    bad_streams_heartbeats,
    one_streams_member,
    tasks_from_member_to_member,
    two_threads_of_one_process,
    topics_of_streams,
    other_topologies,
    partitions_of_streams,
    missing_internal_topics,
    endpoints_and_shutdown,
    offsets_of_streams,
    groups_of_other_types,
    delays_of_streams,
]
