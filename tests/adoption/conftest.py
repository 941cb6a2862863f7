"""One directory that was filled and stopped; tests take copies of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adoption.data_world import copy, fill


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("filled") / "data"
    fill(data)
    return data


@pytest.fixture
def data(filled: Path, tmp_path: Path) -> Path:
    return copy(filled, tmp_path / "data")
