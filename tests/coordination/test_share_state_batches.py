"""How an update is laid over what is known of a share partition."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from kafkalite.coordination.share.persister import StateBatch
from kafkalite.coordination.share.state_batches import merge
from kafkalite.types import Offset

AVAILABLE, ACKNOWLEDGED, ARCHIVED = 0, 2, 4


def batch(first: int, last: int, state: int = AVAILABLE, count: int = 1) -> StateBatch:
    return StateBatch(Offset(first), Offset(last), state, count)


def test_an_acknowledgement_cuts_the_batch_that_it_lies_in() -> None:
    merged = merge([batch(0, 9)], [batch(3, 5, ACKNOWLEDGED)], Offset(0))
    assert merged == [batch(0, 2), batch(3, 5, ACKNOWLEDGED), batch(6, 9)]


def test_neighbours_of_one_state_and_count_are_joined() -> None:
    merged = merge([batch(0, 4), batch(10, 14)], [batch(5, 9)], Offset(0))
    assert merged == [batch(0, 14)]


def test_neighbours_of_another_count_are_not_joined() -> None:
    assert merge([batch(0, 4)], [batch(5, 9, count=2)], Offset(0)) == [
        batch(0, 4),
        batch(5, 9, count=2),
    ]


def test_more_deliveries_win_whatever_the_order() -> None:
    assert merge([batch(0, 9, count=3)], [batch(0, 9, count=2)], Offset(0)) == [
        batch(0, 9, count=3)
    ]
    assert merge([batch(0, 9, count=2)], [batch(0, 9, count=3)], Offset(0)) == [
        batch(0, 9, count=3)
    ]


def test_a_start_offset_inside_a_batch_cuts_it() -> None:
    assert merge([batch(0, 9), batch(20, 29)], [], Offset(5)) == [batch(5, 9), batch(20, 29)]


def test_a_start_offset_behind_a_batch_drops_it() -> None:
    assert merge([batch(0, 9)], [batch(12, 13)], Offset(10)) == [batch(12, 13)]


def test_a_batch_that_ends_before_it_begins_says_nothing() -> None:
    assert merge([batch(0, 9)], [batch(7, 3, ACKNOWLEDGED)], Offset(0)) == [batch(0, 9)]


BATCHES = st.lists(
    st.builds(
        lambda first, length, state, count: batch(first, first + length, state, count),
        st.integers(0, 40),
        st.integers(0, 12),
        st.sampled_from([AVAILABLE, ACKNOWLEDGED, ARCHIVED]),
        st.integers(1, 3),
    ),
    max_size=8,
)


@settings(derandomize=True, max_examples=200)
@given(st.lists(BATCHES, max_size=4), st.integers(0, 30))
def test_every_offset_has_the_strongest_state_that_was_ever_written(
    updates: list[list[StateBatch]], start: int
) -> None:
    merged: list[StateBatch] = []
    for update in updates:
        merged = merge(merged, update, Offset(start))
    by_offset = {
        offset: (each.delivery_count, each.delivery_state)
        for each in merged
        for offset in range(each.first_offset, each.last_offset + 1)
    }
    written = [each for update in updates for each in update]
    for offset in range(60):
        covering = [
            (each.delivery_count, each.delivery_state)
            for each in written
            if each.first_offset <= offset <= each.last_offset
        ]
        expected = max(covering) if covering and offset >= start else None
        assert by_offset.get(offset) == expected
    assert all(a.last_offset < b.first_offset for a, b in itertools.pairwise(merged))
