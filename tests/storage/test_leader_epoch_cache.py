"""The leader epoch cache against a plain account of which epoch wrote which offset."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafkalite.storage.checkpoints import CorruptCheckpointError
from kafkalite.storage.leader_epoch_cache import LeaderEpochCache
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.types import LeaderEpoch, Offset


def cache_of(directory: Path, *entries: tuple[int, int]) -> LeaderEpochCache:
    cache = LeaderEpochCache(RealFileSystem(), directory / "leader-epoch-checkpoint")
    for epoch, start_offset in entries:
        cache.assign(LeaderEpoch(epoch), Offset(start_offset))
    return cache


def end_of(cache: LeaderEpochCache, epoch: int, log_end: int = 200) -> tuple[int, int]:
    return cache.end_offset_for(LeaderEpoch(epoch), Offset(log_end))


@pytest.mark.parametrize(
    ("epoch", "answer"),
    [
        (-1, (-1, -1)),
        (0, (0, 100)),
        (1, (0, 100)),
        (2, (2, 150)),
        (3, (3, 200)),
        (4, (-1, -1)),
    ],
)
def test_end_offset_is_where_the_next_epoch_begins(
    tmp_path: Path, epoch: int, answer: tuple[int, int]
) -> None:
    assert end_of(cache_of(tmp_path, (0, 0), (2, 100), (3, 150)), epoch) == answer


def test_an_epoch_before_the_first_known_one_ends_where_that_begins(tmp_path: Path) -> None:
    assert end_of(cache_of(tmp_path, (5, 30), (6, 40)), 3) == (3, 30)


def test_an_empty_cache_knows_nothing(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    assert end_of(cache, 0) == (-1, -1)
    assert cache.latest_epoch == -1
    assert cache.epoch_for_offset(Offset(0)) == -1
    assert not cache.path.exists()


@pytest.mark.parametrize(
    ("assigned", "left"),
    [
        ((4, 200), [(0, 0), (2, 100), (3, 150), (4, 200)]),
        ((3, 180), [(0, 0), (2, 100), (3, 150)]),
        ((3, 120), [(0, 0), (2, 100), (3, 120)]),
        ((4, 120), [(0, 0), (2, 100), (4, 120)]),
        ((4, 150), [(0, 0), (2, 100), (4, 150)]),
        ((2, 160), [(0, 0), (2, 160)]),
        ((1, 50), [(0, 0), (1, 50)]),
        ((9, 0), [(9, 0)]),
    ],
)
def test_assign_drops_what_contradicts_it(
    tmp_path: Path, assigned: tuple[int, int], left: list[tuple[int, int]]
) -> None:
    cache = cache_of(tmp_path, (0, 0), (2, 100), (3, 150), assigned)
    assert cache.entries() == left
    cache.save()
    again = cache_of(tmp_path)
    again.load()
    assert again.entries() == left


@pytest.mark.parametrize(
    ("end", "left"),
    [
        (151, [(0, 0), (2, 100), (3, 150)]),
        (150, [(0, 0), (2, 100)]),
        (100, [(0, 0)]),
        (1, [(0, 0)]),
        (0, []),
    ],
)
def test_truncate_from_end_drops_epochs_that_begin_at_the_new_end_or_later(
    tmp_path: Path, end: int, left: list[tuple[int, int]]
) -> None:
    cache = cache_of(tmp_path, (0, 0), (2, 100), (3, 150))
    cache.truncate_from_end(Offset(end))
    assert cache.entries() == left
    cache.save()
    again = cache_of(tmp_path)
    again.load()
    assert again.entries() == left


@pytest.mark.parametrize(
    ("start", "left"),
    [
        (0, [(0, 10), (2, 100), (3, 150)]),
        (10, [(0, 10), (2, 100), (3, 150)]),
        (11, [(0, 11), (2, 100), (3, 150)]),
        (100, [(2, 100), (3, 150)]),
        (120, [(2, 120), (3, 150)]),
        (900, [(3, 900)]),
    ],
)
def test_truncate_from_start_keeps_the_epoch_of_the_new_start(
    tmp_path: Path, start: int, left: list[tuple[int, int]]
) -> None:
    cache = cache_of(tmp_path, (0, 10), (2, 100), (3, 150))
    cache.truncate_from_start(Offset(start))
    assert cache.entries() == left
    cache.save()
    again = cache_of(tmp_path)
    again.load()
    assert again.entries() == left


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    history=st.lists(
        st.one_of(
            st.tuples(st.just("lead"), st.integers(1, 3)),
            st.tuples(st.just("append"), st.integers(1, 5)),
            st.tuples(st.just("truncate"), st.integers(0, 8)),
            st.tuples(st.just("delete"), st.integers(1, 8)),
            st.tuples(st.just("reopen"), st.just(0)),
        ),
        max_size=25,
    )
)
def test_the_cache_knows_which_epoch_wrote_each_offset(history: list[tuple[str, int]]) -> None:
    """A leader appends, loses its tail, deletes its head: as the log does it, epochs never go back."""
    with TemporaryDirectory() as directory:
        cache = cache_of(Path(directory))
        epoch, start = -1, 0
        written: list[int] = []  # the epoch of each offset from `start` on
        for what, number in [("lead", 1), *history]:
            end = start + len(written)
            if what == "lead":
                epoch += number
                cache.assign(LeaderEpoch(epoch), Offset(end))
            elif what == "append":
                cache.assign(LeaderEpoch(epoch), Offset(end))
                written += [epoch] * number
            elif what == "truncate":
                del written[max(0, len(written) - number) :]
                cache.truncate_from_end(Offset(start + len(written)))
            elif what == "delete":
                gone = min(number, len(written))
                del written[:gone]
                start += gone
                cache.truncate_from_start(Offset(start))
            else:
                cache.save()
                cache = cache_of(Path(directory))
                cache.load()
            for place, by in enumerate(written):
                assert cache.epoch_for_offset(Offset(start + place)) == by
            for asked in set(written):
                last = max(place for place, by in enumerate(written) if by == asked)
                answer = end_of(cache, asked, start + len(written))
                assert answer == (asked, start + last + 1)


def test_a_corrupt_file_leaves_an_empty_cache_to_be_filled_again(tmp_path: Path) -> None:
    (tmp_path / "leader-epoch-checkpoint").write_text("0\n1\nnonsense\n")
    cache = cache_of(tmp_path)
    with pytest.raises(CorruptCheckpointError):
        cache.load()
    assert cache.entries() == []
    cache.clear()
    assert (tmp_path / "leader-epoch-checkpoint").read_text() == "0\n0\n"


def test_entries_of_a_file_that_contradict_each_other_are_dropped_as_kafka_does(
    tmp_path: Path,
) -> None:
    (tmp_path / "leader-epoch-checkpoint").write_text("0\n3\n1 10\n2 30\n3 20\n")
    cache = cache_of(tmp_path)
    cache.load()
    assert cache.entries() == [(1, 10), (3, 20)]


def test_nothing_is_written_when_nothing_changes(tmp_path: Path) -> None:
    cache = cache_of(tmp_path, (0, 0), (2, 100))
    assert cache.save()
    cache.path.unlink()
    cache.assign(LeaderEpoch(2), Offset(150))
    cache.truncate_from_end(Offset(101))
    cache.truncate_from_start(Offset(0))
    assert not cache.save()
    assert not cache.path.exists()
