"""The clients under test: one TOML file each, read into plain values."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = Path(__file__).parent
CLIENTS: Final = PACKAGE / "clients"
DRIVERS: Final = PACKAGE / "drivers"


@dataclass(frozen=True)
class Version:
    """One pinned version of a client.

    Attributes:
        requires: What the runtime installs for it; what the lines mean is the runtime's.
        options: Everything else in its table, for the runtime.
    """

    version: str
    requires: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Limit:
    """What versions of a client are known not to do: shown as not supported by the client, with the reason."""

    versions: tuple[str, ...]
    scenarios: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Client:
    """A client library. `versions` are newest first; `driver` is a path below `drivers/`."""

    name: str
    language: str
    runtime: str
    driver: str
    smoke: bool
    versions: tuple[Version, ...]
    limits: tuple[Limit, ...]

    @property
    def driver_path(self) -> Path:
        return DRIVERS / self.driver

    def limit(self, version: str, scenario: str) -> str | None:
        """Why this version cannot do this scenario, or None."""
        for limit in self.limits:
            if version in limit.versions and scenario in limit.scenarios:
                return limit.reason
        return None


@dataclass(frozen=True, eq=False)
class ClientVersion:
    """What one run is about: a client in one of its versions. Each is made once, and is itself alone."""

    client: Client
    version: Version

    @property
    def label(self) -> str:
        return f"{self.client.name} {self.version.version}"


def load_clients(folder: Path = CLIENTS) -> list[Client]:
    """Every client of the catalogue, by language and name."""
    clients = [_client(tomllib.loads(path.read_text())) for path in sorted(folder.glob("*.toml"))]
    return sorted(clients, key=lambda client: (client.language, client.name))


def _client(table: Mapping[str, Any]) -> Client:
    return Client(
        name=table["name"],
        language=table["language"],
        runtime=table["runtime"],
        driver=table["driver"],
        smoke=table.get("smoke", False),
        versions=tuple(map(_version, table["versions"])),
        limits=tuple(
            Limit(tuple(limit["versions"]), tuple(limit["scenarios"]), limit["reason"])
            for limit in table.get("limits", [])
        ),
    )


def _version(table: Mapping[str, Any]) -> Version:
    options = {name: value for name, value in table.items() if name not in {"version", "requires"}}
    return Version(table["version"], tuple(table.get("requires", ())), options)
