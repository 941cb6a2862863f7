"""Places for the tests that stop a broker at every step it takes on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fsync promises is kept by the faulty file system; the process that comes after is not stopped any more."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def disk(no_waiting_for_the_disk: None) -> Iterator[Path]:
    """A directory in memory where there is such a thing: thousands of small files are made here."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)
