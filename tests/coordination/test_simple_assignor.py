"""The assignor of share groups: what every assignment has to be, and how it compares with Kafka's own."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafkalite.coordination.group.modern.assignor import Subscriber
from kafkalite.coordination.group.modern.partitions import pairs_of
from kafkalite.coordination.group.share.simple_assignor import SimpleAssignor
from kafkalite.types import MemberId
from tests.coordination.java_groups import ask_kafka
from tests.coordination.test_consumer_group_assignors import Case, Targets, read_targets, topic

if TYPE_CHECKING:
    from collections.abc import Iterator

SIMPLE = SimpleAssignor()


def assigned(case: Case) -> Targets:
    return SIMPLE.assign(case.subscribers, case.assignable)


def with_targets(case: Case, targets: Targets) -> Case:
    return case._replace(
        subscribers={
            member_id: each._replace(target=targets.get(member_id, {}))
            for member_id, each in case.subscribers.items()
        }
    )


def shared(targets: Targets) -> Counter[tuple[bytes, int]]:
    """By how many members each partition is shared."""
    return Counter(pair for target in targets.values() for pair in pairs_of(target))


def kept(case: Case, targets: Targets) -> int:
    """How many of the partitions that members had they have still."""
    return sum(
        pair in set(pairs_of(targets.get(member_id, {})))
        for member_id, each in case.subscribers.items()
        for pair in pairs_of(each.target)
    )


def sizes(case: Case, targets: Targets) -> list[int]:
    return sorted(len(list(pairs_of(targets.get(each, {})))) for each in case.subscribers)


def all_read(counts: list[int], members: int) -> Case:
    everything = frozenset(topic(index) for index in range(len(counts)))
    return Case(counts, {MemberId(f"m{n:02}"): Subscriber(everything, {}) for n in range(members)})


def cases(seed: int, count: int, *, alike: bool) -> Iterator[Case]:
    """Groups with a past: members have come and gone, topics grew."""
    random = Random(seed)
    for _ in range(count):
        counts = [random.randint(1, 6) for _ in range(random.randint(1, 4))]
        everything = [topic(index) for index in range(len(counts))]

        def read(everything: list[bytes] = everything) -> frozenset[bytes]:
            few = random.randint(1, len(everything))
            return frozenset(everything if alike else random.sample(everything, few))

        before = Case(
            [max(1, each - random.randint(0, 2)) for each in counts],
            {MemberId(f"m{n}"): Subscriber(read(), {}) for n in range(random.randint(1, 9))},
        )
        grown = with_targets(before, assigned(before))._replace(counts=counts)
        stayed = {
            member_id: each
            for member_id, each in grown.subscribers.items()
            if random.random() < 0.7
        }
        new = {
            MemberId(f"n{n}"): Subscriber(read(), {})
            for n in range(random.randint(0 if stayed else 1, 4))
        }
        yield Case(counts, stayed | new)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 12), st.data())
@settings(max_examples=150)
def test_places_are_even_over_partitions_and_over_members(counts, members, data):
    case = all_read(counts, members)
    for _ in range(data.draw(st.integers(1, 3))):
        targets = assigned(case)
        partitions = sum(case.counts)
        sharing = -(-members // partitions) if partitions else 0
        assert sum(shared(targets).values()) <= sharing * partitions
        assert set(shared(targets)) == {
            (topic_id, n) for topic_id, numbers in case.assignable.items() for n in numbers
        }
        spread = sizes(case, targets)
        assert spread[-1] - spread[0] <= 2
        assert max(shared(targets).values(), default=0) <= sharing
        case = with_targets(case, targets)
        case = case._replace(counts=[each + data.draw(st.integers(0, 2)) for each in case.counts])


def test_asked_again_nothing_moves():
    for alike in (True, False):
        for case in cases(1, 200, alike=alike):
            targets = assigned(case)
            assert assigned(with_targets(case, targets)) == targets


def test_nobody_gets_what_they_do_not_read_nor_what_may_not_be_assigned():
    for case in cases(2, 200, alike=False):
        for member_id, target in assigned(case).items():
            assert target.keys() <= case.subscribers[member_id].topic_ids
    member = Subscriber(
        frozenset({topic(0)}), {topic(0): frozenset({0, 1}), topic(3): frozenset({0})}
    )
    assert SIMPLE.assign({MemberId("a"): member}, {topic(0): [1, 2]}) == {
        "a": {topic(0): frozenset({1, 2})}
    }
    assert SIMPLE.assign({MemberId("a"): member}, {topic(0): []}) == {"a": {}}


def test_second_member_takes_over_half_and_the_first_loses_no_more():
    first = all_read([4], 1)
    case = with_targets(first, assigned(first))
    case.subscribers[MemberId("x")] = Subscriber(frozenset({topic(0)}), {})
    assert assigned(case) == {
        "m00": {topic(0): frozenset({2, 3})},
        "x": {topic(0): frozenset({0, 1})},
    }


def test_three_members_share_the_one_partition():
    assert shared(assigned(all_read([1], 3))) == {(topic(0), 0): 3}


@pytest.mark.java
@pytest.mark.parametrize("alike", [True, False], ids=["all read the same", "each reads some"])
def test_simple_spreads_as_evenly_as_kafka_and_moves_as_little(alike):
    """Which of equal members gets what depends on the order of hash maps in Kafka, so what is compared is over all
    groups. Measured on 3000: of the places Kafka fills 15174 and 18796, we 15180 and 18875; kept are 7146 and 9128 there,
    7523 and 9513 here."""
    asked = list(cases(3, 400, alike=alike))
    answers = ask_kafka([case.question("simple") for case in asked])
    total, of_kafka = Counter[str](), Counter[str]()
    for case, answer in zip(asked, answers, strict=True):
        for sums, targets in ((total, assigned(case)), (of_kafka, read_targets(answer))):
            sums["places"] += sum(shared(targets).values())
            sums["kept"] += kept(case, targets)
            sums["squares"] += sum(size * size for size in sizes(case, targets))
    assert total["places"] >= of_kafka["places"]
    assert total["kept"] >= of_kafka["kept"]
    assert total["squares"] <= of_kafka["squares"] * 1.01
