"""Folders `since-V` and `before-V` of a driver: what differs between versions of its library."""

from __future__ import annotations

from pathlib import Path


def belongs(folder: Path, version: str) -> bool:
    """Whether what is in `folder` is for `version` of the library: `since-1.9` is for 1.9 and 1.10, `before-1.9` for 1.8.5."""
    word, _, bound = folder.name.partition("-")
    assert word in {"since", "before"}, f"{folder} is neither since-V nor before-V"
    return (_numbers(version) >= _numbers(bound)) == (word == "since")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
