"""Every client, with every codec: 100 000 records through a group that rebalances midway."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.clients.group_member import GroupMember, wait_for_members
from tests.clients.stock_clients import CLIENTS, CODECS, Received, Record, StockClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

pytestmark = [pytest.mark.clients, pytest.mark.timeout(240)]

PARTITIONS = 4
RECORDS = 100_000
FIRST_PART, SECOND_PART = RECORDS * 2 // 5, RECORDS * 4 // 5
REBALANCES = 2
"""The second member's join, and once more for a client that joins again to settle."""


def record(number: int) -> Record:
    """Record `number`: its partition, key and value can be told from its number, and back."""
    value = b"%d:" % number + b"abcdefghij"[number % 10 :] * 8
    return Record(number % PARTITIONS, b"key-%d" % number, value)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_no_record_is_lost_or_reordered_when_a_second_member_joins_midway(
    client: StockClient, codec: str, bootstrap: str, create_topic: Callable[[str, int], str]
) -> None:
    topic = create_topic(bootstrap, PARTITIONS)

    def produce(first: int, end: int) -> None:
        client.produce(bootstrap, topic, map(record, range(first, end)), codec)

    def member() -> GroupMember:
        return GroupMember(lambda: client.consumer(bootstrap, topic, f"group-{topic}"))

    produce(0, FIRST_PART)
    with member() as one:
        wait_for_members([one], lambda: len(one.received) >= FIRST_PART // 2, "the first records")
        producing = threading.Thread(target=produce, args=(FIRST_PART, SECOND_PART))
        producing.start()
        with member() as two:
            both = [one, two]
            wait_for_members(both, lambda: bool(one.owned and two.owned), "a second assignment")
            producing.join()
            produce(SECOND_PART, RECORDS)
            wait_for_members(
                both, lambda: len(distinct(one.received + two.received)) >= RECORDS, "all records"
            )
    assert two.received, "the second member took no part"
    for member_received in (one.received, two.received):
        assert_offsets_rise_between_rebalances(member_received)
    assert_complete_and_in_order(one.received + two.received)


def distinct(received: Iterable[Received]) -> set[tuple[int, int]]:
    return {(got.partition, got.offset) for got in received}


def assert_complete_and_in_order(received: Iterable[Received]) -> None:
    """Each partition holds its records in the order produced, at offsets 0, 1, 2... without a gap.

    A group gives every record at least once: given twice, it must be the same record.
    """
    by_place: dict[tuple[int, int], tuple[bytes, bytes]] = {}
    for got in received:
        first_seen = by_place.setdefault((got.partition, got.offset), (got.key, got.value))
        assert first_seen == (got.key, got.value)
    assert len(by_place) == RECORDS
    for number in range(RECORDS):
        expected = record(number)
        place = (expected.partition, number // PARTITIONS)
        assert by_place[place] == (expected.key, expected.value)


def assert_offsets_rise_between_rebalances(received: Iterable[Received]) -> None:
    """A member goes back to a committed offset after a rebalance, and otherwise only forward."""
    next_offset: dict[int, int] = {}
    steps_back: Counter[int] = Counter()
    for got in received:
        steps_back[got.partition] += got.offset < next_offset.get(got.partition, 0)
        next_offset[got.partition] = got.offset + 1
    assert all(count <= REBALANCES for count in steps_back.values())
