"""Stopped at every operation, by a kill or a power cut: both brokers can go on, and doing it again ends where it would have."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from kafkalite.metadata.metadata_directory import MetadataOwner
from tests.adoption.data_world import (
    adopt,
    copy,
    essence,
    graduate,
    make_kafkas,
    owner,
    topic_files,
)
from tests.storage.faulty_filesystem import FaultyFileSystem, Stopped

UNCLEAN = ".kafka_cleanshutdown"
Move = Callable[..., list[str]]


def kafkalites(data: Path) -> None:
    """It is that already."""


def killed_kafkas(data: Path) -> None:
    make_kafkas(data)
    (data / UNCLEAN).unlink()


def killed_kafkalites(data: Path) -> None:
    (data / UNCLEAN).unlink()


@pytest.mark.parametrize("end", ["after_kill", "after_power_loss"])
@pytest.mark.parametrize(
    ("make", "move", "back"),
    [
        (kafkalites, graduate, adopt),
        (killed_kafkalites, graduate, adopt),
        (make_kafkas, adopt, graduate),
        (killed_kafkas, adopt, graduate),
    ],
)
def test_stopped_at_any_operation_nothing_is_lost(
    filled: Path, tmp_path: Path, make: Callable[[Path], None], move: Move, back: Move, end: str
) -> None:
    stopped_at, finished = 0, False
    seen = set()
    while not finished:
        data = copy(filled, tmp_path / "data")
        make(data)
        before, files = essence(data), topic_files(data)
        filesystem = FaultyFileSystem(data, stop_at=stopped_at, seed=stopped_at)
        with suppress(Stopped):
            move(data, filesystem)
            finished = not filesystem.stopped
        getattr(filesystem, end)()
        assert essence(data) == before, filesystem.operations[-3:]
        seen.add(owner(data))
        # The one that it was meant for, and the other one after all.
        again = copy(data, tmp_path / "again")
        move(again)
        assert essence(again) == before
        if move is adopt:
            assert owner(again) is MetadataOwner.KAFKALITE
        else:
            assert owner(again) is MetadataOwner.PREPARED
        back(again)
        assert essence(again) == before
        if make in (kafkalites, make_kafkas):
            assert topic_files(again) == files
        # Recovery does the same for each of many logs, and has tests of its own.
        stopped_at += 1 if make in (kafkalites, make_kafkas) else 9
    assert MetadataOwner.PREPARED in seen, "the bridge was crossed"
