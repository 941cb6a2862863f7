"""The assignors `uniform` and `range`: what every assignment has to be, and how it compares with Kafka's own."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from kafkalite.coordination.group.consumer.range_assignor import RangeAssignor
from kafkalite.coordination.group.consumer.uniform_assignor import UniformAssignor
from kafkalite.coordination.group.modern.assignor import Subscriber
from kafkalite.coordination.group.modern.partitions import Partitions, pairs_of
from kafkalite.types import MemberId, Uuid
from tests.coordination.java_groups import ask_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator

Targets = dict[MemberId, Partitions]


class Case(NamedTuple):
    counts: list[int]
    """Partitions of each topic."""
    subscribers: dict[MemberId, Subscriber]

    @property
    def assignable(self) -> dict[Uuid, range]:
        read = set().union(*(each.topic_ids for each in self.subscribers.values()))
        return {
            topic(index): range(count)
            for index, count in enumerate(self.counts)
            if topic(index) in read
        }

    def question(self, assignor: str) -> list[str]:
        return [
            "assign",
            assignor,
            ",".join(map(str, self.counts)),
            *map(self._member, self.subscribers),
        ]

    def _member(self, member_id: MemberId) -> str:
        each = self.subscribers[member_id]
        topics = ",".join(str(index_of(topic_id)) for topic_id in sorted(each.topic_ids))
        return f"{member_id}|{each.instance_id or ''}|{topics}|{text_of(each.target)}"


def topic(index: int) -> Uuid:
    return Uuid((1).to_bytes(8, "big") + index.to_bytes(8, "big"))


def index_of(topic_id: Uuid) -> int:
    return int.from_bytes(topic_id[8:], "big")


def text_of(partitions: Partitions) -> str:
    return ",".join(
        f"{index_of(topic_id)}:{'+'.join(map(str, sorted(partitions[topic_id])))}"
        for topic_id in sorted(partitions)
    )


def cases(seed: int, count: int, *, alike: bool | None = None) -> Iterator[Case]:
    """Groups with a past: each has been assigned before members came and went, and topics grew."""
    random = Random(seed)
    for _ in range(count):
        counts = [random.randint(1, 8) for _ in range(random.randint(1, 5))]
        same = random.random() < 0.5 if alike is None else alike
        everything = frozenset(topic(index) for index in range(len(counts)))

        def topics_of_one(
            same: bool = same, everything: frozenset[Uuid] = everything
        ) -> frozenset[Uuid]:
            if same:
                return everything
            return frozenset(random.sample(sorted(everything), random.randint(1, len(everything))))

        subscribers = {
            MemberId(f"m{random.randrange(10**6)}"): Subscriber(
                topics_of_one(),
                {},
                f"i{random.randrange(99)}{n}" if random.random() < 0.3 else None,
            )
            for n in range(random.randint(1, 7))
        }
        before = Case([max(1, n - random.randint(0, 2)) for n in counts], subscribers)
        targets = UniformAssignor().assign(before.subscribers, before.assignable)
        changed = {
            member_id: each._replace(
                target=targets.get(member_id, {}),
                topic_ids=topics_of_one() if random.random() < 0.2 else each.topic_ids,
            )
            for member_id, each in subscribers.items()
            if random.random() < 0.8
        }
        for n in range(random.randint(0 if changed else 1, 2)):
            changed[MemberId(f"n{n}")] = Subscriber(topics_of_one(), {}, None)
        yield Case(counts, changed)


def check_complete(case: Case, targets: Targets) -> None:
    """Every partition of every topic that is read has one owner, who reads it."""
    owned = Counter(pair for target in targets.values() for pair in pairs_of(target))
    wanted = {(topic_id, n) for topic_id, numbers in case.assignable.items() for n in numbers}
    assert set(owned) == wanted
    assert set(owned.values()) <= {1}
    for member_id, target in targets.items():
        assert target.keys() <= case.subscribers[member_id].topic_ids


def sizes(case: Case, targets: Targets) -> list[int]:
    return [len(list(pairs_of(targets.get(each, {})))) for each in case.subscribers]


def moved(case: Case, targets: Targets) -> int:
    """Partitions that somebody had and has no longer."""
    return sum(
        pair not in set(pairs_of(targets.get(member_id, {})))
        for member_id, each in case.subscribers.items()
        for pair in pairs_of(each.target)
    )


@pytest.mark.parametrize("assignor", [UniformAssignor(), RangeAssignor()], ids=lambda one: one.name)
def test_every_partition_has_one_owner_who_reads_its_topic(assignor):
    for case in cases(1, 300):
        check_complete(case, assignor.assign(case.subscribers, case.assignable))


def test_uniform_gives_members_with_one_subscription_numbers_that_differ_by_one_at_most():
    for case in cases(2, 300, alike=True):
        if len({each.topic_ids for each in case.subscribers.values()}) == 1:
            counts = sizes(case, UniformAssignor().assign(case.subscribers, case.assignable))
            assert max(counts) - min(counts) <= 1


def test_uniform_asked_again_moves_nothing():
    for case in cases(3, 300):
        first = UniformAssignor().assign(case.subscribers, case.assignable)
        again = {
            member_id: each._replace(target=first.get(member_id, {}))
            for member_id, each in case.subscribers.items()
        }
        assert UniformAssignor().assign(again, case.assignable) == first


def test_uniform_moves_one_partition_to_a_second_member_of_a_topic_with_three():
    has_all = Subscriber(frozenset({topic(0)}), {topic(0): frozenset({0, 1, 2})})
    comes = Subscriber(frozenset({topic(0)}), {})
    members = {MemberId("a"): has_all, MemberId("b"): comes}
    targets = UniformAssignor().assign(members, {topic(0): range(3)})
    assert targets == {"a": {topic(0): frozenset({0, 1})}, "b": {topic(0): frozenset({2})}}


def test_uniform_evens_out_over_topics_that_only_some_read():
    """One reads both topics, the other only the second: that one gets all of the second."""
    members = {
        MemberId("both"): Subscriber(frozenset({topic(0), topic(1)}), {}),
        MemberId("second"): Subscriber(frozenset({topic(1)}), {}),
    }
    targets = UniformAssignor().assign(members, {topic(0): range(3), topic(1): range(3)})
    assert targets == {
        "both": {topic(0): frozenset(range(3))},
        "second": {topic(1): frozenset(range(3))},
    }


def test_uniform_does_not_go_on_for_ever_where_subscriptions_overlap_in_a_chain():
    members = {
        MemberId(f"m{n}"): Subscriber(
            frozenset({topic(n), topic(n + 1)}),
            {topic(n): frozenset(range(50))} if n == 0 else {},
        )
        for n in range(30)
    }
    assignable = {topic(n): range(50) for n in range(31)}
    check = Case([50] * 31, members)
    check_complete(check, UniformAssignor().assign(members, assignable))


def test_range_gives_neighbours_and_the_longer_runs_first():
    members = {
        MemberId("b"): Subscriber(frozenset({topic(0)}), {}),
        MemberId("a"): Subscriber(frozenset({topic(0)}), {}),
    }
    assert RangeAssignor().assign(members, {topic(0): range(3)}) == {
        "a": {topic(0): frozenset({0, 1})},
        "b": {topic(0): frozenset({2})},
    }


def test_range_lets_a_static_member_have_the_same_under_any_member_id():
    first = {
        MemberId("x"): Subscriber(frozenset({topic(0)}), {}, "one"),
        MemberId("a"): Subscriber(frozenset({topic(0)}), {}),
    }
    second = {MemberId("z"): first[MemberId("x")], MemberId("a"): first[MemberId("a")]}
    before = RangeAssignor().assign(first, {topic(0): range(3)})
    after = RangeAssignor().assign(second, {topic(0): range(3)})
    assert after[MemberId("z")] == before[MemberId("x")]


def test_members_more_than_partitions_leave_some_without():
    members = {MemberId(f"m{n}"): Subscriber(frozenset({topic(0)}), {}) for n in range(3)}
    for assignor in (UniformAssignor(), RangeAssignor()):
        assert len(assignor.assign(members, {topic(0): range(2)})) == 2


def test_a_target_of_a_partition_that_is_gone_is_forgotten():
    member = Subscriber(
        frozenset({topic(0)}), {topic(0): frozenset({0, 5}), topic(7): frozenset({0})}
    )
    targets = UniformAssignor().assign({MemberId("a"): member}, {topic(0): range(2)})
    assert targets == {"a": {topic(0): frozenset({0, 1})}}


@pytest.mark.java
def test_range_assigns_as_kafka_does():
    asked = list(cases(4, 400))
    answers = ask_kafka([case.question("range") for case in asked])
    for case, answer in zip(asked, answers, strict=True):
        targets = RangeAssignor().assign(case.subscribers, case.assignable)
        ours = {f"{member_id}={text_of(target)}" for member_id, target in targets.items()}
        theirs = {each for each in answer.split("\t") if each and not each.endswith("=")}
        assert ours == theirs


@pytest.mark.java
def test_uniform_spreads_as_evenly_as_kafka_and_moves_as_little():
    """Which of equal members gets what depends on the order of a hash map in Kafka, so what is compared is over all
    groups, and chance may make a difference of one in a hundred."""
    asked = list(cases(5, 400))
    answers = ask_kafka([case.question("uniform") for case in asked])
    moves, kafka_moves, uneven, kafka_uneven = 0, 0, 0, 0
    for case, answer in zip(asked, answers, strict=True):
        ours = UniformAssignor().assign(case.subscribers, case.assignable)
        theirs = read_targets(answer)
        check_complete(case, theirs)
        spread, kafka_spread = sizes(case, ours), sizes(case, theirs)
        if len({each.topic_ids for each in case.subscribers.values()}) == 1:
            assert sorted(spread) == sorted(kafka_spread)
        uneven += sum(n * n for n in spread)
        kafka_uneven += sum(n * n for n in kafka_spread)
        moves += moved(case, ours)
        kafka_moves += moved(case, theirs)
    print(f"moved {moves}, by Kafka {kafka_moves}; sum of squares {uneven}, {kafka_uneven}")
    assert moves <= kafka_moves * 1.01
    assert uneven <= kafka_uneven * 1.01


def read_targets(answer: str) -> Targets:
    targets: Targets = {}
    for each in filter(None, answer.split("\t")):
        member_id, _, text = each.partition("=")
        targets[MemberId(member_id)] = {
            topic(int(part.split(":")[0])): frozenset(map(int, part.split(":")[1].split("+")))
            for part in filter(None, text.split(","))
        }
    return targets
