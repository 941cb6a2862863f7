"""Consumer groups (KIP-848): membership, reconciliation, commits, administration, and the records of it all."""

from __future__ import annotations

from typing import Any

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.requests.consumer_groups import (
    ask_masked,
    assign_at_once,
    beat,
    classic_join,
    describe_consumer,
    enter,
    topic_that_groups_see,
)
from kafkalite_compat.differential.requests.group_records import records_of
from kafkalite_compat.differential.requests.groups import (
    commit,
    coordinator_is_there,
    delete,
    delete_offsets,
    describe,
    fetch_offsets,
    heartbeat,
    join,
    leave,
    list_groups,
    sync,
)
from kafkalite_compat.differential.side import Side

_UNKNOWN = bytes(range(16))


def consumer_requests(side: Side) -> None:
    """What is wrong in itself."""
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-requests", 2)
    group = "consumer-requests-group"
    for version in (0, 1):
        for label, request in (
            ("no group id", enter("", "a", topic)),
            ("blank group id", enter(" ", "a", topic)),
            ("no member id, epoch 1", beat(group, "", 1)),
            ("blank member id, epoch 1", beat(group, " ", 1)),
            ("no member id, leaves", beat(group, "", -1)),
            ("no member id, goes away", beat(group, "", -2, instance_id="i")),
            ("no topics", enter(group, "a", names=None)),
            ("empty instance", enter(group, "a", topic, instance_id="")),
            ("blank instance", enter(group, "a", topic, instance_id=" ")),
            ("empty rack", enter(group, "a", topic, rack_id="")),
            ("blank rack", enter(group, "a", topic, rack_id=" ")),
            ("no rebalance timeout", enter(group, "a", topic, rebalance_timeout_ms=-1)),
            (
                "owns what it joins for",
                beat(group, "a", 0, [topic], {_UNKNOWN: [0]}, rebalance_timeout_ms=1),
            ),
            ("owns null", beat(group, "a", 0, [topic], rebalance_timeout_ms=1)),
            ("epoch -2 without instance", beat(group, "a", -2)),
            ("epoch -3", beat(group, "a", -3)),
            ("unknown assignor", enter(group, "a", topic, server_assignor="sticky")),
            ("empty assignor", enter(group, "a", topic, server_assignor="")),
            ("unknown group", beat(group, "a", 1)),
            ("leaves unknown group", beat(group, "a", -1)),
            ("goes away from unknown group", beat(group, "a", -2, instance_id="i")),
        ):
            side.ask(label, request, version)
    side.ask("no member id joins", enter(group, "", topic), 1)
    for expression in ("[", "a**", "(?=a)", "a{1001}", "\\", "(?P<>a)"):
        side.ask(
            f"regex {expression}",
            enter(group, "a", names=None, subscribed_topic_regex=expression),
            1,
        )
    side.ask("nothing came of it", describe_consumer(group), 1)
    side.ask("describe nothing", describe_consumer(), 1)
    side.ask("describe the empty id", describe_consumer(""), 1)


def consumer_life(side: Side) -> None:
    """Two members, one after the other, and what they give each other."""
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-life", 4)
    topic_id = side.topic_id(topic)
    group = "consumer-life-group"
    assign_at_once(side, group)
    a = side.ask("a joins", enter(group, "a", topic, "missing"), 1).member_epoch
    for label, request in (
        ("a alone", describe_consumer(group, operations=True)),
        ("a lives", beat(group, "a", a)),
        ("a tells what it owns", beat(group, "a", a, owned={topic_id: [0, 1, 2, 3]})),
        (
            "a tells everything",
            beat(group, "a", a, [topic, "missing"], {topic_id: [0]}, rebalance_timeout_ms=60_000),
        ),
        ("a names a topic twice", beat(group, "a", a, [topic, "missing", topic])),
        ("a from the future", beat(group, "a", a + 1)),
        ("a from the past", beat(group, "a", a - 1)),
        ("a from the past, owns nothing", beat(group, "a", a - 1, owned={})),
        ("a from long ago", beat(group, "a", 1, owned={})),
        ("unknown member", beat(group, "x", a)),
        ("unknown member leaves", beat(group, "x", -1)),
        ("unknown instance", beat(group, "a", a, instance_id="i")),
        ("unknown assignor", beat(group, "a", a, server_assignor="sticky")),
        ("b joins", enter(group, "b", topic)),
        ("b waits", beat(group, "b", a + 1)),
        ("both", describe_consumer(group)),
        ("a is to give up", beat(group, "a", a)),
        ("a is told once", beat(group, "a", a)),
        ("a still owns", beat(group, "a", a, owned={topic_id: [0, 1, 2, 3]})),
        ("a still owns some", beat(group, "a", a, owned={topic_id: [1, 2]})),
        ("both again", describe_consumer(group)),
        ("b still waits", beat(group, "b", a + 1)),
        ("a has given up", beat(group, "a", a, owned={topic_id: [0, 1]})),
        ("a missed the answer", beat(group, "a", a, owned={topic_id: [0, 1]})),
        ("a missed it and owns too much", beat(group, "a", a, owned={topic_id: [0, 1, 2]})),
        ("b gets it", beat(group, "b", a + 1)),
        ("b reads nothing more", beat(group, "b", a + 1, [], {topic_id: [2, 3]})),
        ("b has given up", beat(group, "b", a + 1, owned={})),
        ("b in the new epoch", beat(group, "b", a + 2, owned={})),
        ("a in the new epoch", beat(group, "a", a + 1, owned={topic_id: [0, 1]})),
        ("settled", describe_consumer(group)),
        ("b takes another rack", beat(group, "b", a + 2, rack_id="r")),
        ("a takes another assignor", beat(group, "a", a + 2, server_assignor="uniform")),
        ("a takes another timeout", beat(group, "a", a + 2, rebalance_timeout_ms=1000)),
        ("b leaves", beat(group, "b", -1)),
        ("b leaves again", beat(group, "b", -1)),
        ("a after that", beat(group, "a", a + 2)),
        ("a begins anew", enter(group, "a", topic)),
        ("described as a classic group", describe(group)),
    ):
        version = 6 if isinstance(request, type(describe(group))) else 1
        side.ask(label, request, version)
    side.ask("delete it with members", delete(group), 2)
    side.ask("a leaves", beat(group, "a", -1), 1)
    side.ask("empty", describe_consumer(group), 1)
    side.ask("delete", delete(group), 2)
    side.ask("gone", describe_consumer(group), 1)
    side.note("records", records_of(side, group))


def consumer_static(side: Side) -> None:
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-static", 2)
    group = "consumer-static-group"
    assign_at_once(side, group)
    epoch = side.ask("joins", enter(group, "a", topic, instance_id="i"), 1).member_epoch
    for label, request in (
        ("another takes the instance", enter(group, "b", topic, instance_id="i")),
        ("lives", beat(group, "a", epoch, instance_id="i")),
        ("lives without saying so", beat(group, "a", epoch)),
        ("another lives as it", beat(group, "b", epoch, instance_id="i")),
        ("another leaves as it", beat(group, "b", -1, instance_id="i")),
        ("another goes away as it", beat(group, "b", -2, instance_id="i")),
        ("goes away", beat(group, "a", -2, instance_id="i")),
        ("is away", describe_consumer(group)),
        ("lives although it is away", beat(group, "a", epoch, instance_id="i")),
        ("comes back", enter(group, "c", topic, instance_id="i")),
        ("is back", describe_consumer(group)),
        ("the former one lives", beat(group, "a", epoch, instance_id="i")),
        ("the former one lives without an instance", beat(group, "a", epoch)),
        ("goes away again", beat(group, "c", -2, instance_id="i")),
        (
            "comes back under the same id, for more",
            enter(group, "c", topic, "missing", instance_id="i"),
        ),
        ("leaves for good", beat(group, "c", -1, instance_id="i")),
        ("nobody", describe_consumer(group)),
    ):
        side.ask(label, request, 1)
    side.note("records", records_of(side, group))


def consumer_regex(side: Side) -> None:
    coordinator_is_there(side)
    topic_that_groups_see(side, "consumer-regex-a", 1)
    topic_that_groups_see(side, "consumer-regex-b", 2)
    other = topic_that_groups_see(side, "consumer-rege", 3)
    group = "consumer-regex-group"
    assign_at_once(side, group)
    fields = {"names": None, "subscribed_topic_regex": "consumer-regex-[ab]"}
    side.ask("joins", enter(group, "a", **fields), 1)
    eventually(
        "the expression is resolved",
        lambda: side.client.ask(describe_consumer(group), 1).groups[0].group_epoch == 2,
    )
    for label, request in (
        ("resolved", describe_consumer(group)),
        ("gets its topics", beat(group, "a", 1)),
        ("says it again", beat(group, "a", 2, subscribed_topic_regex="consumer-regex-[ab]")),
        (
            "b joins with the same",
            enter(group, "b", names=[other], subscribed_topic_regex="consumer-regex-[ab]"),
        ),
        ("b takes names alone", beat(group, "b", 3, subscribed_topic_regex="")),
        ("both", describe_consumer(group)),
        ("a takes a bad one", beat(group, "a", 2, subscribed_topic_regex="(")),
        ("b leaves", beat(group, "b", -1)),
        ("a leaves", beat(group, "a", -1)),
        ("nobody", describe_consumer(group)),
    ):
        side.ask(label, request, 1)
    side.note("records", records_of(side, group))


def consumer_commits(side: Side) -> None:
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-commits", 2)
    topic_id = side.topic_id(topic)
    group = "consumer-commits-group"
    assign_at_once(side, group)
    epoch = side.client.ask(enter(group, "a", topic), 1).member_epoch

    def committed(label: str, version: int = 9, **fields: Any) -> None:
        at = fields.pop("at", topic if version < 10 else topic_id)
        request = commit(group, (at, fields.pop("partition", 0), 5), **fields)
        side.ask(label, request, version)

    committed("in its epoch", generation_id=epoch, member_id="a")
    committed("in its epoch by id", 10, generation_id=epoch, member_id="a")
    committed("in its epoch in an old version", 8, generation_id=epoch, member_id="a")
    committed("in the next epoch", generation_id=epoch + 1, member_id="a")
    committed("in an older epoch than it has the partition", generation_id=epoch - 1, member_id="a")
    committed("by an unknown member", generation_id=epoch, member_id="x")
    committed("by nobody", generation_id=-1)
    committed("by nobody in an old version", 8, generation_id=-1)
    side.client.ask(enter(group, "b", topic), 1)
    side.client.ask(beat(group, "a", epoch), 1)
    committed("while it is to give up", generation_id=epoch, member_id="a")
    committed("what it is to give up", partition=1, generation_id=epoch, member_id="a")
    side.client.ask(beat(group, "a", epoch, owned={topic_id: [0]}), 1)
    committed("in the epoch before", generation_id=epoch, member_id="a")
    committed(
        "what it has no longer, in the epoch before",
        partition=1,
        generation_id=epoch,
        member_id="a",
    )
    committed(
        "what it has no longer, in its epoch", partition=1, generation_id=epoch + 1, member_id="a"
    )
    for label, fields in (
        ("nobody reads", {}),
        ("a reads in its epoch", {"member_id": "a", "member_epoch": epoch + 1}),
        ("a reads in the epoch before", {"member_id": "a", "member_epoch": epoch}),
        ("a reads in the next epoch", {"member_id": "a", "member_epoch": epoch + 2}),
        ("an unknown member reads", {"member_id": "x", "member_epoch": 1}),
        ("an unknown member reads in no epoch", {"member_id": "x", "member_epoch": -1}),
        ("null reads in an epoch", {"member_id": None, "member_epoch": 1}),
    ):
        side.ask(label, fetch_offsets(9, group, {topic: [0, 1]}, **fields), 9)
    side.ask("delete offsets of a topic that is read", delete_offsets(group, (topic, [0])), 0)
    side.client.ask(beat(group, "a", -1), 1)
    side.client.ask(beat(group, "b", -1), 1)
    committed("by nobody when nobody is there", generation_id=-1)
    committed("by a member when nobody is there", generation_id=epoch, member_id="a")
    side.ask("delete offsets that nobody reads", delete_offsets(group, (topic, [0])), 0)


def consumer_among_groups(side: Side) -> None:
    """A consumer group asked as a classic one, and the other way round."""
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-among", 1)
    group, plain_group, offsets_group = (
        "consumer-among-group",
        "consumer-among-connect",
        "consumer-among-offsets",
    )
    epoch = side.client.ask(enter(group, "a", topic), 1).member_epoch
    for label, request, version in (
        ("sync", sync(group, epoch, "a"), 3),
        ("heartbeat", heartbeat(group, epoch, "a"), 3),
        ("heartbeat of a stranger", heartbeat(group, epoch, "x"), 3),
        ("heartbeat of an instance", heartbeat(group, epoch, "a", "i"), 3),
        ("join as connect", join(group, protocol_type="connect"), 9),
        ("join without protocols", join(group, protocols={}), 9),
        ("join with a short session", classic_join(group, "", topic, session_timeout_ms=1), 9),
        ("join of a static stranger", classic_join(group, "x", topic, group_instance_id="i"), 9),
        ("leave of strangers", leave(group, "x", ("y", "i"), ("", "i")), 3),
        ("listed by type", list_groups(types=["Consumer"]), 5),
        ("leave by LeaveGroup", leave(group, "a"), 3),
        ("empty", describe_consumer(group), 1),
        ("listed empty", list_groups(states=["Empty"], types=["consumer"]), 5),
    ):
        side.ask(label, request, version)
    ask_masked(side, "join", classic_join(group, "", topic), 9)
    side.client.ask(join(plain_group, protocol_type="connect"), 3)
    side.ask("consumer into a group of others", enter(plain_group, "a", topic), 1)
    side.ask("consumer lives in a group of others", beat(plain_group, "a", 1), 1)
    side.ask("commit of nobody", commit(offsets_group, (topic, 0, 7)), 9)
    side.ask("consumer into a group of offsets", enter(offsets_group, "a", topic), 1)
    side.ask("offsets are kept", fetch_offsets(9, offsets_group, None), 9)
    side.ask("consumer leaves", beat(offsets_group, "a", -1), 1)
    side.ask(
        "classic into a consumer group without members", classic_join(offsets_group, "", topic), 3
    )
    side.ask("offsets are kept still", fetch_offsets(9, offsets_group, None), 9)
    side.note(
        "its records", [{**one, "member": ""} for one in records_of(side, offsets_group)][:-1]
    )


SCENARIOS = [
    consumer_requests,
    consumer_life,
    consumer_static,
    consumer_regex,
    consumer_commits,
    consumer_among_groups,
]
