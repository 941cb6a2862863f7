"""The map of keys and their last offsets."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kafkalite.storage.cleaner.offset_map import NOT_FOUND, SLOT_BYTES, OffsetMap


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    keys=st.lists(st.binary(max_size=3), max_size=60),
    others=st.lists(st.binary(max_size=3), max_size=20),
)
def test_map_behaves_as_a_dict_at_any_load(keys: list[bytes], others: list[bytes]) -> None:
    offsets = OffsetMap(61 * SLOT_BYTES, 0.99, 60)
    model: dict[bytes, int] = {}
    for offset, key in enumerate(keys):
        offsets.put(key, offset)
        model[key] = offset
        assert offsets.latest_offset == offset
    assert len(offsets) == len(model)
    for key in keys + others:
        assert offsets.get(key) == model.get(key, NOT_FOUND)


def test_a_full_map_is_bounded_and_still_answers() -> None:
    offsets = OffsetMap(10 * SLOT_BYTES, 0.5, 1_000_000)
    count = 0
    while not offsets.is_full:
        offsets.put(b"%d" % count, count)
        count += 1
    assert count == 5
    assert offsets.get(b"not there") == NOT_FOUND
    assert [offsets.get(b"%d" % number) for number in range(5)] == list(range(5))


def test_a_full_table_still_ends_the_search_for_a_key_that_is_not_there() -> None:
    offsets = OffsetMap(3 * SLOT_BYTES, 1.0, 1000)
    while not offsets.is_full:
        offsets.put(b"%d" % len(offsets), len(offsets))
    assert [offsets.get(b"%d" % number) for number in range(100, 200)] == [NOT_FOUND] * 100


def test_a_map_without_room_takes_one_key_so_that_there_is_progress() -> None:
    offsets = OffsetMap(0, 0.9, 1000)
    assert not offsets.is_full
    offsets.put(b"a", 3)
    assert offsets.is_full
    assert offsets.get(b"a") == 3


def test_all_expected_keys_have_room() -> None:
    offsets = OffsetMap(1 << 30, 0.9, 1000)
    for number in range(1000):
        assert not offsets.is_full
        offsets.put(b"%d" % number, number)


def test_offset_0_is_an_offset() -> None:
    offsets = OffsetMap(1000, 0.9, 10)
    offsets.put(b"", 0)
    assert offsets.get(b"") == 0
