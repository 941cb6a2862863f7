"""Which clients and scenarios a run is about."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kafkalite_compat.catalogue import Client, ClientVersion, load_clients
from kafkalite_compat.scenario import Scenario, load_scenarios


def chosen_clients(
    wanted: Sequence[str], languages: Sequence[str], *, newest: bool, smoke: bool
) -> list[ClientVersion]:
    """`wanted` are NAME or NAME@VERSION, none: all. Raises click.UsageError for what is not in the catalogue."""
    known = load_clients()
    labels = {f"{one.name}@{version.version}" for one in known for version in one.versions}
    for name in wanted:
        if name not in labels | {one.name for one in known}:
            raise click.UsageError(f"there is no client {name!r}; kafkalite-compat list shows them")
    spoken = {language.lower() for language in languages}
    chosen = [
        ClientVersion(client, version)
        for client in known
        if not spoken or client.language.lower() in spoken
        for version in client.versions
        if _is_wanted(client, version.version, wanted, newest=newest, smoke=smoke)
    ]
    if not chosen:
        raise click.UsageError("no client version is left of what was asked for")
    return chosen


def _is_wanted(
    client: Client, version: str, wanted: Sequence[str], *, newest: bool, smoke: bool
) -> bool:
    if f"{client.name}@{version}" in wanted:
        return True
    if wanted and client.name not in wanted:
        return False
    is_newest = version == client.versions[0].version
    if smoke and not wanted:
        return client.smoke and is_newest
    return is_newest or not newest


def chosen_scenarios(wanted: Sequence[str], *, smoke: bool) -> list[Scenario]:
    """`wanted` are numbers (T03), letters (T) or groups, none: all. Raises click.UsageError if that leaves none."""
    chosen = [
        one
        for one in load_scenarios()
        if (
            {one.number, one.number[0], one.group} & set(wanted)
            if wanted
            else one.smoke or not smoke
        )
    ]
    if not chosen:
        raise click.UsageError("there is no such scenario; kafkalite-compat list shows them")
    return chosen
