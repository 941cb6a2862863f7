"""What the Go runtime hands to the go command."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafkalite_compat.catalogue import CLIENTS, load_clients
from kafkalite_compat.runtimes import go


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    for name in ("main.go", "notes.txt", "since-0.4.47/new.go", "before-0.4.47/new.go"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("version", "folder"),
    [
        ("0.4.47", "since-0.4.47"),
        ("0.10.1", "since-0.4.47"),
        ("0.4.9", "before-0.4.47"),
    ],
)
def test_what_differs_between_versions_is_taken_once(
    driver: Path, version: str, folder: str
) -> None:
    assert set(go.sources(driver, version)) == {driver / "main.go", driver / folder / "new.go"}


def test_a_folder_that_names_no_version_is_no_part_of_a_driver(driver: Path) -> None:
    (driver / "extras").mkdir()
    with pytest.raises(AssertionError, match="neither since-V nor before-V"):
        go.sources(driver, "0.4.51")


GO_CLIENTS = [client for client in load_clients(CLIENTS) if client.runtime == "go"]


@pytest.mark.parametrize("client", GO_CLIENTS, ids=lambda client: client.name)
def test_no_two_sources_of_a_version_have_the_same_name(client: go.Client) -> None:
    """They are copied into one folder, where the one would be written over by the other."""
    for version in client.versions:
        names = [path.name for path in go.sources(client.driver_path, version.version)]
        assert len(names) == len(set(names)), f"{client.name} {version.version}"


@pytest.mark.parametrize("client", GO_CLIENTS, ids=lambda client: client.name)
def test_a_version_requires_the_module_in_that_version(client: go.Client) -> None:
    """The report shows the one, the driver is built with the other."""
    for version in client.versions:
        assert version.requires[0].endswith(f"@v{version.version}")
