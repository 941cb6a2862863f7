"""Groups of the new protocol (KIP-848): the broker assigns."""

from __future__ import annotations

from kafkalite_compat.checks import expect
from kafkalite_compat.reading import collect, settle
from kafkalite_compat.scenario import scenario
from kafkalite_compat.scenarios.groups import check_ranges, committed_offsets, partitions_of
from kafkalite_compat.steps import Consumer, Polled
from kafkalite_compat.world import World

GROUP = "groups (KIP-848)"
ORDER = 7


@scenario("N01", "A member of the new protocol reads, commits, and is resumed", smoke=True)
def read_commit_resume(world: World) -> None:
    """group.protocol=consumer. The member reads five records of two partitions and commits; the next member reads on from there."""
    topic, group = world.topic(partitions=2), world.name("group")
    for partition in range(2):
        world.write(topic, [b"%d" % n for n in range(5)], partition)
    first = _member(world, group, topic)
    collect([first], 10)
    first.commit()
    first.close()
    expect("committed", committed_offsets(world, group), {(topic, 0): 5, (topic, 1): 5})
    world.write(topic, [b"5"], 1)
    second = _member(world, group, topic)
    got = collect([second], 1)
    expect(
        "records read by the next member", [(one.partition, one.offset) for one in got], [(1, 5)]
    )


@scenario("N02", "Members of the new protocol share, and take over when one leaves")
def join_and_leave(world: World) -> None:
    """One member has four partitions; a second joins and gets two of them; it leaves and the first has all four again."""
    topic, group = world.topic(partitions=4), world.name("group")
    first = _member(world, group, topic)
    settle([first], partitions_of(topic, 4))
    second = _member(world, group, topic)
    owned = settle([first, second], partitions_of(topic, 4))
    expect("partitions of each", [len(one) for one in owned], [2, 2])
    second.close()
    settle([first], partitions_of(topic, 4))


@scenario("N03", "The uniform assignor shares evenly")
def uniform(world: World) -> None:
    """group.remote.assignor=uniform; two topics of three partitions, two members: each gets three."""
    owned = _shares(world, "uniform")
    expect("number of partitions of each member", [len(one) for one in owned], [3, 3])


@scenario("N04", "The broker's range assignor gives runs of partitions")
def server_side_range(world: World) -> None:
    """group.remote.assignor=range; two topics of three partitions: one member gets 0 and 1 of both, the other 2 of both."""
    check_ranges(_shares(world, "range"))


def _shares(world: World, assignor: str) -> list[frozenset[tuple[str, int]]]:
    names = [world.topic(partitions=3), world.topic(partitions=3)]
    group = world.name("group")
    members = [
        world.steps.consumer(group=group, protocol="consumer", assignor=assignor) for _ in range(2)
    ]
    for member in members:
        member.subscribe(*names)
    return settle(members, partitions_of(names[0], 3) | partitions_of(names[1], 3))


@scenario("N05", "A pattern subscribes in the new protocol")
def pattern(world: World) -> None:
    """Two topics match the pattern, one does not. The member is assigned the two, whether broker or client looks for them."""
    matching = [world.topic(hint="match-a"), world.topic(hint="match-b")]
    world.topic(hint="other")
    consumer = world.steps.consumer(group=world.name("group"), protocol="consumer")
    consumer.subscribe(pattern=f"^{world.prefix}-match-.*")
    settle([consumer], {(topic, 0) for topic in matching})


@scenario("N06", "A static member of the new protocol returns to its partitions")
def static_member(world: World) -> None:
    """Two members with a group.instance.id share four partitions. One is closed and opened again: it has the same two as before, and
    the other has kept its own."""
    topic, group = world.topic(partitions=4), world.name("group")
    members = [_member(world, group, topic, name) for name in ("first", "second")]
    before = settle(members, partitions_of(topic, 4))
    members[1].close()
    members[1] = _member(world, group, topic, "second")
    got: list[Polled] = []
    expect("assignments", settle(members, partitions_of(topic, 4), got), before)


def _member(world: World, group: str, topic: str, instance_id: str | None = None) -> Consumer:
    member = world.steps.consumer(group=group, protocol="consumer", instance_id=instance_id)
    member.subscribe(topic)
    return member
