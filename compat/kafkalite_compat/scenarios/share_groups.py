"""Share groups (KIP-932): members take records one by one, and say what became of them."""

from __future__ import annotations

from kafkalite_compat.checks import expect, expect_told
from kafkalite_compat.reading import SHORT_POLL_MS, collect, poll_until
from kafkalite_compat.scenario import scenario
from kafkalite_compat.steps import Consumer, Polled
from kafkalite_compat.wire import topics
from kafkalite_compat.world import World

GROUP = "share groups"
ORDER = 14


@scenario("S01", "Two members of a share group share one partition")
def shared(world: World) -> None:
    """One partition, two members. Ten batches of ten records are written, and both poll in turn. Together they get each record once."""
    topic, group = world.topic(), _share_group(world)
    members = [_member(world, group, topic, "implicit") for _ in range(2)]
    for batch in range(10):
        world.write(topic, [b"%d" % n for n in range(batch * 10, batch * 10 + 10)])
    got = collect(members, 100)
    expect("values", sorted(int(one.value or b"-1") for one in got), list(range(100)))


@scenario("S02", "A released record is delivered again")
def released(world: World) -> None:
    """The member releases the one record it has got. It gets it again, with a delivery count of 2, and accepts it."""
    topic, group = world.topic(), _share_group(world)
    member = _member(world, group, topic, "explicit")
    world.write(topic, [b"again"])
    (first,) = collect([member], 1)
    expect_told("delivery count", first.delivery_count, 1)
    member.acknowledge(first, "release")
    member.commit_share()
    (second,) = collect([member], 1)
    expect("the record delivered again", (second.offset, second.value), (0, b"again"))
    expect_told("delivery count", second.delivery_count, 2)
    member.acknowledge(second, "accept")
    member.commit_share()


@scenario("S03", "A rejected record is not delivered again")
def rejected(world: World) -> None:
    """Of two records the first is rejected, the second accepted. What comes next is a third one, and nothing else."""
    topic, group = world.topic(), _share_group(world)
    member = _member(world, group, topic, "explicit")
    world.write(topic, [b"bad", b"good"])
    first, second = collect([member], 2)
    member.acknowledge(first, "reject")
    member.acknowledge(second, "accept")
    member.commit_share()
    world.write(topic, [b"third"])
    (third,) = collect([member], 1)
    expect("the next record", third.value, b"third")
    member.acknowledge(third, "accept")
    member.commit_share()


@scenario("S04", "Accepted records stay accepted when the member leaves")
def accepted(world: World) -> None:
    """A member accepts three of five records, releases the others, and leaves. The next member gets those two."""
    topic, group = world.topic(), _share_group(world)
    first = _member(world, group, topic, "explicit")
    world.write(topic, [b"%d" % n for n in range(5)])
    for record in collect([first], 5):
        first.acknowledge(record, "accept" if record.offset < 3 else "release")
    first.commit_share()
    first.close()
    second = _member(world, group, topic, "implicit")
    got: list[Polled] = []
    poll_until([second], lambda: len(got) >= 2, got, what="2 records")
    got += second.poll(SHORT_POLL_MS)
    expect("values for the next member", sorted(one.value or b"" for one in got), [b"3", b"4"])


def _share_group(world: World) -> str:
    """A share group that starts at the beginning of its topics."""
    group = world.name("share")
    topics.set_config(world.wire, topics.GROUP, group, "share.auto.offset.reset", "earliest")
    return group


def _member(world: World, group: str, topic: str, acknowledgement: str) -> Consumer:
    member = world.steps.share_consumer(group, acknowledgement)
    member.subscribe(topic)
    return member
