"""Groups with members of both protocols, classic and consumer, that go from one to the other (KIP-848)."""

from __future__ import annotations

from kafkalite_compat.differential.requests.consumer_groups import (
    ask_masked,
    assign_at_once,
    assigned,
    beat,
    classic_group,
    classic_join,
    describe_consumer,
    enter,
    subscribed,
    topic_that_groups_see,
)
from kafkalite_compat.differential.requests.group_records import records_of
from kafkalite_compat.differential.requests.groups import (
    commit,
    coordinator_is_there,
    describe,
    fetch_offsets,
    heartbeat,
    join,
    sync,
)
from kafkalite_compat.differential.side import Side


def consumer_upgrade(side: Side) -> None:
    """A classic group that a consumer joins, and that is left by it."""
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-upgrade", 4)
    group = "consumer-upgrade-group"
    assign_at_once(side, group)
    member, generation = classic_group(side, group, topic, [0, 1, 2, 3])
    side.client.ask(commit(group, (topic, 0, 5), generation_id=generation, member_id=member), 8)
    everything = {"consumer_upgrade": [0, 1, 2, 3]}

    ask_masked(side, "consumer joins", enter(group, "new", topic, server_assignor="uniform"), 1)
    ask_masked(side, "classic heartbeat", heartbeat(group, generation, member), 3)
    ask_masked(
        side, "classic heartbeat of another generation", heartbeat(group, generation + 1, member), 3
    )
    ask_masked(side, "classic sync before it joins", sync(group, generation, member), 3)
    ask_masked(side, "classic heartbeat of the new one", heartbeat(group, generation + 1, "new"), 3)
    ask_masked(
        side, "classic joins owning all", classic_join(group, member, topic, owned=everything), 9
    )
    ask_masked(
        side,
        "classic sync",
        sync(group, generation, member, protocol_type="consumer", protocol_name="range"),
        5,
    )
    ask_masked(
        side,
        "classic sync of another protocol",
        sync(group, generation, member, protocol_type="consumer", protocol_name="sticky"),
        5,
    )
    ask_masked(
        side,
        "classic sync of another type",
        sync(group, generation, member, protocol_type="connect", protocol_name="range"),
        5,
    )
    ask_masked(side, "classic sync of another generation", sync(group, 9, member), 3)
    ask_masked(side, "classic is to give up", heartbeat(group, generation, member), 3)
    ask_masked(
        side,
        "classic commits",
        commit(group, (topic, 0, 6), generation_id=generation, member_id=member),
        8,
    )
    ask_masked(
        side,
        "classic commits in a later generation",
        commit(group, (topic, 0, 6), generation_id=9, member_id=member),
        8,
    )
    joined = ask_masked(
        side,
        "classic joins with half",
        classic_join(group, member, topic, owned={"consumer_upgrade": [0, 1]}),
        9,
    )
    ask_masked(side, "classic sync again", sync(group, joined.generation_id, member), 3)
    ask_masked(
        side, "classic heartbeat, settled", heartbeat(group, joined.generation_id, member), 3
    )
    ask_masked(side, "consumer gets it", beat(group, "new", joined.generation_id), 1)
    ask_masked(
        side,
        "another classic without protocols in common",
        classic_join(group, "", topic, protocols={"sticky": subscribed(topic)}),
        3,
    )
    ask_masked(
        side,
        "another classic with no subscription's bytes",
        join(group, "", protocols={"range": subscribed(topic, version=0)}),
        9,
    )
    described = side.client.ask(describe_consumer(group), 1)
    for each in described.groups[0].members:
        each.member_id = each.member_id if each.member_id == "new" else "some"
    described.groups[0].members.sort(key=lambda each: each.member_id)
    side.note("both", described)
    ask_masked(side, "consumer leaves", beat(group, "new", -1), 1)
    ask_masked(side, "classic is to join", heartbeat(group, joined.generation_id, member), 3)
    ask_masked(side, "offsets are kept", fetch_offsets(9, group, None), 9)
    records = records_of(side, group, {member: "classic"})
    for one in records:
        if one["type"] == 2 and one["value"] is not None and one["value"].members:
            one["value"].leader = "some"
            one["value"].members[0].member_id = "some"
    side.note("records", records)


def consumer_static_of_both_protocols(side: Side) -> None:
    """A static member that comes back speaking the other protocol."""
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-both", 2)
    group = "consumer-both-group"
    assign_at_once(side, group)

    first = ask_masked(side, "classic", classic_join(group, "", topic, group_instance_id="i"), 9)
    old_id = side.client.ask(describe(group), 5).groups[0].members[0].member_id
    request = sync(
        group, first.generation_id, old_id, {old_id: assigned(topic, [0, 1])}, group_instance_id="i"
    )
    ask_masked(side, "classic sync", request, 3)
    ask_masked(side, "comes back as a consumer", enter(group, "a", topic, instance_id="i"), 1)
    ask_masked(side, "consumer", describe_consumer(group), 1)
    ask_masked(side, "the former one", heartbeat(group, first.generation_id, old_id, "i"), 3)
    ask_masked(
        side, "a consumer takes it, unreleased", enter(group, "b", topic, instance_id="i"), 1
    )
    ask_masked(
        side, "comes back as classic", classic_join(group, "", topic, group_instance_id="i"), 9
    )
    described = side.client.ask(describe(group), 6).groups[0]
    described.members[0].member_id = "some"
    side.note("a classic group again", described)


SCENARIOS = [consumer_upgrade, consumer_static_of_both_protocols]
