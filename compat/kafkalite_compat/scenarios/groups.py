"""Consumer groups: who gets which partition, and what becomes of it when members come, go, crash and return."""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite_compat.checks import eventually, expect, expect_told
from kafkalite_compat.reading import collect, poll_until, settle
from kafkalite_compat.scenario import scenario
from kafkalite_compat.steps import Consumer, Polled, TopicPartition
from kafkalite_compat.wire import groups, topics
from kafkalite_compat.world import World

GROUP = "groups"
ORDER = 6

SAFE_SESSION_TIMEOUT_MS = 6_000  # group.min.session.timeout.ms of a broker with its defaults
SHORT_SESSION_TIMEOUT_MS = 2_000
HEARTBEAT_MS = 300  # a member learns of a rebalance by its next heartbeat


@scenario("G01", "A member alone in its group gets every partition", smoke=True)
def alone(world: World) -> None:
    """Four partitions with a record each. The only member is assigned all four and reads all four records."""
    topic = _with_records(world, 4)
    consumer = world.steps.consumer(group=world.name("group"))
    consumer.subscribe(topic)
    got: list[Polled] = []
    settle([consumer], partitions_of(topic, 4), got)
    poll_until([consumer], lambda: len(got) >= 4, got, what="4 records")
    expect("partitions read", sorted(one.partition for one in got), [0, 1, 2, 3])


@scenario("G02", "Two members share the partitions")
def share(world: World) -> None:
    """Two members subscribe to a topic of four partitions. Each is assigned two of them, and together they read a record of each."""
    topic = world.topic(partitions=4)
    consumers = _two_members(world, topic)
    for partition in range(4):
        world.write(topic, [b"%d" % partition], partition)
    got: list[Polled] = []
    poll_until(consumers, lambda: len({one.partition for one in got}) == 4, got, what="4 records")


@scenario("G03", "When a member leaves, the other takes its partitions")
def leave(world: World) -> None:
    """Of two members one is closed. The other is assigned all four partitions, long before the first one's session would time out."""
    topic = world.topic(partitions=4)
    stays, leaves = _two_members(world, topic, session_timeout_ms=60_000)
    leaves.close()
    settle([stays], partitions_of(topic, 4))


@scenario("G04", "When a member crashes, the other takes its partitions")
def crash(world: World) -> None:
    """One of two members, a process of its own, is killed. After its session timeout the other has all partitions."""
    topic = world.topic(partitions=4)
    group = world.name("group")
    timing = {
        "session_timeout_ms": session_timeout_ms(world),
        "heartbeat_interval_ms": HEARTBEAT_MS,
    }
    other = world.second_client()
    crashes = other.consumer(group=group, **timing)
    stays = world.steps.consumer(group=group, **timing)
    for consumer in (crashes, stays):
        consumer.subscribe(topic)
    settle([crashes, stays], partitions_of(topic, 4))
    other.driver.kill()
    settle([stays], partitions_of(topic, 4))


@scenario("G05", "A static member returns to its partitions, and nobody else notices")
def static_member(world: World) -> None:
    """KIP-345: two members with a group.instance.id. One is closed and opened again. It gets the partitions it had, the other keeps
    its own, and the group's generation is still the same."""
    topic = world.topic(partitions=4)
    group = world.name("group")
    names = ("first", "second")
    members = [_static_member(world, group, name, topic) for name in names]
    before = settle(members, partitions_of(topic, 4))
    generation = members[0].assignment().generation
    members[0].rebalances()
    members[1].close()
    members[1] = _static_member(world, group, names[1], topic)
    expect("assignments", settle(members, partitions_of(topic, 4)), before)
    events = [event.kind for event in members[0].rebalances()]
    expect("rebalances that the other member saw", events, [])
    if generation is not None:
        expect("generation", members[0].assignment().generation, generation)


def _static_member(world: World, group: str, name: str, topic: str) -> Consumer:
    member = world.steps.consumer(group=group, instance_id=name, session_timeout_ms=30_000)
    member.subscribe(topic)
    return member


@scenario("G06", "Cooperative rebalancing takes away only what has to move")
def cooperative(world: World) -> None:
    """KIP-429: a member with cooperative-sticky has four partitions, a second one joins. The first loses two of them, and only those
    were revoked: the other two it had all the time."""
    topic = world.topic(partitions=4)
    group = world.name("group")
    first = world.steps.consumer(
        group=group, assignor="cooperative-sticky", heartbeat_interval_ms=HEARTBEAT_MS
    )
    first.subscribe(topic)
    settle([first], partitions_of(topic, 4))
    first.rebalances()
    second = world.steps.consumer(
        group=group, assignor="cooperative-sticky", heartbeat_interval_ms=HEARTBEAT_MS
    )
    second.subscribe(topic)
    kept, moved = settle([first, second], partitions_of(topic, 4), enough=_even)
    revoked = {
        one for event in first.rebalances() if event.kind != "assigned" for one in event.partitions
    }
    expect("partitions that the first member kept", len(kept), 2)
    expect("partitions that it had to give up", revoked, set(moved))


@scenario("G07", "The range assignor gives each member a run of partitions, the same of each topic")
def range_assignor(world: World) -> None:
    """Two topics of three partitions, two members. One gets two neighbours, the other the third partition, and the same of both topics."""
    check_ranges(_two_topics(world, "range"))


def check_ranges(owned: Sequence[frozenset[TopicPartition]]) -> None:
    """Of two topics with three partitions, as the range assignor shares them: which member gets two is the assignor's choice."""
    for one in owned:
        by_topic = {topic: [n for t, n in sorted(one) if t == topic] for topic, _ in one}
        runs = list(by_topic.values())
        expect("partitions of a member in the two topics", runs, [runs[0]] * 2)
        expect(
            "partitions of a member in a topic", runs[0], list(range(runs[0][0], runs[0][-1] + 1))
        )
    expect("number of partitions of each", sorted(len(one) for one in owned), [2, 4])


@scenario("G08", "The round-robin assignor deals out partitions one by one")
def roundrobin_assignor(world: World) -> None:
    """Two topics of three partitions, two members: no member gets two neighbours of the same topic."""
    for one in _two_topics(world, "roundrobin"):
        for topic, partition in one:
            next_one = (topic, partition + 1)
            assert next_one not in one, f"a member has {partition} and its neighbour of {topic}"


@scenario("G09", "The sticky assignor shares evenly")
def sticky_assignor(world: World) -> None:
    """Two topics of three partitions, two members: each gets three."""
    owned = _two_topics(world, "sticky")
    expect("number of partitions of each member", [len(one) for one in owned], [3, 3])


def _two_topics(world: World, assignor: str) -> list[frozenset[TopicPartition]]:
    names = [world.topic(partitions=3), world.topic(partitions=3)]
    group = world.name("group")
    options = {"assignor": assignor, "heartbeat_interval_ms": HEARTBEAT_MS}
    consumers = [world.steps.consumer(group=group, **options) for _ in range(2)]
    for consumer in consumers:
        consumer.subscribe(*names)
    return settle(consumers, partitions_of(names[0], 3) | partitions_of(names[1], 3))


@scenario("G10", "A pattern subscribes to the topics it matches")
def pattern(world: World) -> None:
    """Two topics match the pattern, one does not. The member is assigned the partitions of the two."""
    matching = [world.topic(hint="match-a"), world.topic(hint="match-b")]
    world.topic(hint="other")
    consumer = world.steps.consumer(group=world.name("group"))
    consumer.subscribe(pattern=f"^{world.prefix}-match-.*")
    settle([consumer], {(topic, 0) for topic in matching})


@scenario("G11", "Committed offsets are where the next member goes on", smoke=True)
def commit_and_resume(world: World) -> None:
    """A member reads four of ten records and commits after them, then leaves. The next member of the group starts at offset 4."""
    topic, group = world.topic(), world.name("group")
    world.write(topic, [b"%d" % n for n in range(10)])
    first = world.steps.consumer(group=group)
    first.subscribe(topic)
    poll_until([first], lambda: first.assignment().partitions, [])
    first.commit({(topic, 0): 4})
    first.close()
    expect(
        "committed, as the suite sees it",
        groups.committed(world.wire, group),
        {(topic, 0): (4, "")},
    )
    second = world.steps.consumer(group=group)
    second.subscribe(topic)
    expect("offsets read", [one.offset for one in collect([second], 6)], list(range(4, 10)))


@scenario("G12", "Committing after polling commits what was polled")
def commit_polled(world: World) -> None:
    """The member polls all five records and commits without naming offsets. The group's offset is 5: the next record."""
    topic, group = world.topic(), world.name("group")
    world.write(topic, [b"v"] * 5)
    consumer = world.steps.consumer(group=group)
    consumer.subscribe(topic)
    collect([consumer], 5)
    consumer.commit()
    told = [(one.partition, one.offset) for one in consumer.committed((topic, 0))]
    expect("committed, as the client tells it", told, [(0, 5)])
    expect("committed, as the suite sees it", committed_offsets(world, group), {(topic, 0): 5})


@scenario("G13", "A text may be committed beside an offset")
def commit_metadata(world: World) -> None:
    """The member commits offset 2 with a text. The client reads both back, and so does the suite; for a partition without a commit
    the client tells none."""
    topic, group = world.topic(partitions=2), world.name("group")
    consumer = world.steps.consumer(group=group)
    consumer.subscribe(topic)
    settle([consumer], partitions_of(topic, 2))
    consumer.commit({(topic, 0): 2}, metadata="node 7 ü")
    told = {one.partition: one for one in consumer.committed((topic, 0), (topic, 1))}
    expect("committed offset", told[0].offset, 2)
    expect("offset of the partition without a commit", told[1].offset if 1 in told else None, None)
    ((offset, text),) = groups.committed(world.wire, group).values()
    text = text.rstrip("\0")  # confluent-kafka for Python sends the end mark of a C string along
    expect("committed, as the suite sees it", (offset, text), (2, "node 7 ü"))
    expect_told("text, as the client tells it", told[0].metadata, "node 7 ü")


@scenario("G14", "With auto-commit offsets are committed by themselves")
def auto_commit(world: World) -> None:
    """enable.auto.commit with an interval of 200 ms. The member reads five records and goes on polling; the group's offset becomes 5."""
    topic, group = world.topic(), world.name("group")
    world.write(topic, [b"v"] * 5)
    consumer = world.steps.consumer(group=group, auto_commit=True, auto_commit_interval_ms=200)
    consumer.subscribe(topic)
    collect([consumer], 5)

    def committed() -> bool:
        consumer.poll(100)
        return committed_offsets(world, group).get((topic, 0)) == 5

    eventually("offset 5 is committed", committed)


@scenario("G15", "A group that has committed nothing starts where auto.offset.reset says")
def reset(world: World) -> None:
    """Two records are there. A member of a new group with reset "earliest" reads them. One of another with "latest" gets, of records
    written after it has its partition, only new ones."""
    topic = world.topic()
    world.write(topic, [b"old", b"old"])
    earliest = world.steps.consumer(group=world.name("earliest"), reset="earliest")
    earliest.subscribe(topic)
    expect("offsets from the earliest", [one.offset for one in collect([earliest], 2)], [0, 1])
    latest = world.steps.consumer(group=world.name("latest"), reset="latest")
    latest.subscribe(topic)
    got: list[Polled] = []
    settle([latest], {(topic, 0)}, got)

    def new_record_read() -> bool:
        world.write(topic, [b"new"])
        got.extend(latest.poll(200))
        return bool(got)

    eventually("a new record is read", new_record_read)
    expect("values from the latest", {one.value for one in got}, {b"new"})


@scenario("G16", "A partition assigned by hand starts at the committed offset")
def from_committed(world: World) -> None:
    """The suite commits offset 3 for a group. A consumer with that group's name, assigned the partition at "committed", starts there."""
    topic, group = world.topic(), world.name("group")
    world.write(topic, [b"%d" % n for n in range(5)])
    groups.commit(world.wire, group, {(topic, 0): 3})
    consumer = world.steps.consumer(group=group)
    consumer.assign({(topic, 0): "committed"})
    expect("offsets", [one.offset for one in collect([consumer], 2)], [3, 4])


def partitions_of(topic: str, count: int) -> set[TopicPartition]:
    return {(topic, partition) for partition in range(count)}


def committed_offsets(world: World, group: str) -> dict[TopicPartition, int]:
    """The group's offsets as the suite sees them."""
    return {key: offset for key, (offset, _) in groups.committed(world.wire, group).items()}


def session_timeout_ms(world: World) -> int:
    """The shortest that makes a crash quick to see and that the broker takes."""
    minimum = topics.broker_config(world.wire, "group.min.session.timeout.ms")
    if minimum is not None and int(minimum) <= SHORT_SESSION_TIMEOUT_MS:
        return SHORT_SESSION_TIMEOUT_MS
    return SAFE_SESSION_TIMEOUT_MS


def _even(owned: Sequence[frozenset[TopicPartition]]) -> bool:
    return len({len(one) for one in owned}) == 1


def _with_records(world: World, partitions: int) -> str:
    topic = world.topic(partitions=partitions)
    for partition in range(partitions):
        world.write(topic, [b"%d" % partition], partition)
    return topic


def _two_members(world: World, topic: str, session_timeout_ms: int | None = None) -> list[Consumer]:
    """Two members that share the topic's four partitions evenly."""
    options = {
        "group": world.name("group"),
        "session_timeout_ms": session_timeout_ms,
        "heartbeat_interval_ms": HEARTBEAT_MS,
    }
    consumers = [world.steps.consumer(**options) for _ in range(2)]
    for consumer in consumers:
        consumer.subscribe(topic)
    settle(consumers, partitions_of(topic, 4), enough=_even)
    return consumers
