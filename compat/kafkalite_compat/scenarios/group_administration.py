"""Looking at groups and their offsets from outside, and changing them."""

from __future__ import annotations

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite_compat.checks import eventually, expect, expect_told, fails_with
from kafkalite_compat.scenario import scenario
from kafkalite_compat.scenarios.groups import committed_offsets
from kafkalite_compat.wire import groups
from kafkalite_compat.world import World

GROUP = "group administration"
ORDER = 8


@scenario("O01", "The offsets of a group are read from outside")
def read_offsets(world: World) -> None:
    """The suite commits offsets for two partitions. The admin client tells both."""
    topic, group = world.topic(partitions=2), world.name("group")
    groups.commit(world.wire, group, {(topic, 0): 3, (topic, 1): 7})
    told = world.steps.call("group_offsets", group=group)["offsets"]
    found = {(one["topic"], one["partition"]): one["offset"] for one in told}
    expect("offsets", found, {(topic, 0): 3, (topic, 1): 7})


@scenario("O02", "The offsets of an empty group are altered")
def alter_offsets(world: World) -> None:
    """The group has committed 3; the admin client sets 1. The suite sees 1."""
    topic, group = world.topic(), world.name("group")
    groups.commit(world.wire, group, {(topic, 0): 3})
    offsets = [{"topic": topic, "partition": 0, "offset": 1}]
    world.steps.call("alter_group_offsets", group=group, offsets=offsets)
    expect("offsets afterwards", committed_offsets(world, group), {(topic, 0): 1})


@scenario("O03", "An offset of an empty group is deleted")
def delete_offsets(world: World) -> None:
    """The group has offsets for two partitions; the admin client deletes one. The other remains."""
    topic, group = world.topic(partitions=2), world.name("group")
    groups.commit(world.wire, group, {(topic, 0): 3, (topic, 1): 7})
    partitions = [{"topic": topic, "partition": 0}]
    world.steps.call("delete_group_offsets", group=group, partitions=partitions)
    expect("offsets afterwards", committed_offsets(world, group), {(topic, 1): 7})


@scenario("O04", "An empty group is deleted")
def delete_group(world: World) -> None:
    """The group has offsets and no members. After the admin client has deleted it, it is not listed and has no offsets."""
    topic, group = world.topic(), world.name("group")
    groups.commit(world.wire, group, {(topic, 0): 3})
    world.steps.call("delete_group", group=group)
    eventually("the group is gone", lambda: groups.state(world.wire, group) is None)
    expect("offsets afterwards", committed_offsets(world, group), {})


@scenario("O05", "A group with members is not deleted")
def delete_group_with_members(world: World) -> None:
    """The suite is a member of the group. Deleting the group fails with NON_EMPTY_GROUP, and it is still there."""
    group = world.name("group")
    groups.Member(world.wire, group, world.topic())
    fails_with(lambda: world.steps.call("delete_group", group=group), ErrorCode.NON_EMPTY_GROUP)
    expect("state of the group", groups.state(world.wire, group), "Stable")


@scenario("O06", "An offset that a member's subscription covers is not deleted")
def delete_subscribed_offset(world: World) -> None:
    """The suite is a member that subscribes to the topic. Deleting its offset fails with GROUP_SUBSCRIBED_TO_TOPIC."""
    topic, group = world.topic(), world.name("group")
    groups.commit(world.wire, group, {(topic, 0): 3})
    groups.Member(world.wire, group, topic)
    partitions = [{"topic": topic, "partition": 0}]
    fails_with(
        lambda: world.steps.call("delete_group_offsets", group=group, partitions=partitions),
        ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
    )
    expect("offsets afterwards", committed_offsets(world, group), {(topic, 0): 3})


@scenario("O07", "A group that is not there cannot be deleted")
def delete_unknown_group(world: World) -> None:
    """Deleting a group that nobody has used fails with GROUP_ID_NOT_FOUND."""
    group = world.name("nobody-used-it")
    fails_with(lambda: world.steps.call("delete_group", group=group), ErrorCode.GROUP_ID_NOT_FOUND)


@scenario("O08", "Groups are listed and described with their members")
def describe_group(world: World) -> None:
    """The suite is the only member of a group, with both partitions of a topic. The admin client lists the group, and describes it as
    Stable, with that member and its partitions."""
    topic, group = world.topic(partitions=2), world.name("group")
    member = groups.Member(world.wire, group, topic, partitions=2)
    listed = {one["group"]: one for one in world.steps.call("list_groups")["groups"]}
    assert group in listed, f"the group is not among the {len(listed)} that are listed"
    expect_told("state in the list", _letters(listed[group].get("state")), "stable")
    told = world.steps.call("describe_group", group=group)
    expect("state", _letters(told["state"]), "stable")
    expect("members", [one["member_id"] for one in told["members"]], [member.member_id])
    owned = sorted((one["topic"], one["partition"]) for one in told["members"][0]["partitions"])
    expect("partitions of the member", owned, [(topic, 0), (topic, 1)])
    member.leave()
    expect(
        "state when it has left",
        _letters(world.steps.call("describe_group", group=group)["state"]),
        "empty",
    )


def _letters(state: str | None) -> str | None:
    """Clients write a state as they like: "Stable", "STABLE"."""
    return None if state is None else state.lower()
