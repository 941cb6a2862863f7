"""Run the suite on kafkalite with each of the faults in it: `python -m compat.mutations` from the repository.

A fault is caught when a scenario fails that passes on kafkalite as it is, or, failing that, when the differential mode shows a
difference. The scenario that is known to catch it (`caught_by`) comes first, so that the rest need not be run. The
outcome is written to MUTATIONS.md beside this file when all were tried.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from kafkalite_compat.results import Cell, Outcome, Results
from kafkalite_compat.results_file import load

from compat.mutations.faults import ROOT, Fault, kafkalite_with, load_faults

CLIENTS: Final = ("confluent-kafka", "kafka-clients")
"""Two families of client, each in its newest version: what the fault must get past."""

_NOTICED: Final = (Outcome.FAIL, Outcome.UNSUPPORTED)

_SUITE: Final = (sys.executable, "-m", "kafkalite_compat")


@dataclass(frozen=True)
class Caught:
    """What became of a fault: the scenarios that failed, or whether the differential mode showed it."""

    fault: Fault
    scenarios: Sequence[str]
    differential: bool = False

    def __bool__(self) -> bool:
        return bool(self.scenarios) or self.differential


@click.command()
@click.option("--only", multiple=True, help="Only faults with this in their name.")
@click.option(
    "--known", is_flag=True, help="Run only the scenario that is known to catch it: minutes."
)
@click.option(
    "--cache", default=str(ROOT / ".cache" / "compat"), help="Where installed clients are kept."
)
def main(only: tuple[str, ...], known: bool, cache: str) -> None:
    """Put each fault into kafkalite and see whether the suite notices."""
    faults = [one for one in load_faults() if not only or any(part in one.name for part in only)]
    if known:
        faults = [one for one in faults if one.caught_by]
    with tempfile.TemporaryDirectory() as scratch:
        check = Check(Path(scratch), cache)
        outcomes = []
        for fault in faults:
            caught = check.try_(fault, known=known)
            click.echo(f"{'caught' if caught else 'MISSED'}  {fault.name}: {_how(caught)}")
            outcomes.append(caught)
    if not (only or known):
        Path(__file__).with_name("MUTATIONS.md").write_text(_table(outcomes))
    missed = sum(not caught for caught in outcomes)
    click.echo(f"{len(outcomes) - missed} of {len(outcomes)} caught")
    sys.exit(1 if missed else 0)


class Check:
    """Runs the suite on kafkalite with faults, and without: what fails there anyhow catches nothing."""

    def __init__(self, scratch: Path, cache: str) -> None:
        self._scratch = scratch
        self._cache = cache
        self._runs = 0
        self._healthy: dict[str, Results] = {}

    def try_(self, fault: Fault, *, known: bool) -> Caught:
        """The scenario that is known to catch the fault, then (not with `known`) all of them, then the differential mode."""
        command = kafkalite_with(fault, self._folder())
        _, _, group = fault.caught_by.partition(" ")
        if group and self._differs(command, "--scenario", group):
            return Caught(fault, [], differential=True)
        if fault.caught_by and not group and (failed := self._failed(command, fault.caught_by)):
            return Caught(fault, failed)
        if known:
            return Caught(fault, [])
        if failed := self._failed(command, ""):
            return Caught(fault, failed)
        return Caught(fault, [], differential=self._differs(command))

    def _failed(self, command: str, scenario: str) -> list[str]:
        """The scenarios that fail with this kafkalite, and pass with the healthy one. `scenario`: only this; empty: all."""
        failed = [cell for cell in self._run(command, scenario).cells if cell.outcome in _NOTICED]
        return sorted({cell.scenario for cell in failed if self._passes_healthy(cell)})

    def _passes_healthy(self, cell: Cell) -> bool:
        if cell.scenario not in self._healthy:
            command = kafkalite_with(None, self._folder())
            self._healthy[cell.scenario] = self._run(command, cell.scenario)
        return any(
            (one.client, one.outcome) == (cell.client, Outcome.PASS)
            for one in self._healthy[cell.scenario].cells
        )

    def _run(self, command: str, scenario: str) -> Results:
        path = self._folder() / "results.json"
        chosen = [option for name in CLIENTS for option in ("--client", name)]
        chosen += ["--scenario", scenario] if scenario else []
        done = self._suite(
            "run", command, *chosen, "--newest", "--max-failures", "1", "--json", str(path)
        )
        if not path.exists():
            raise RuntimeError(f"the suite ended with {done}; {command} does not even start?")
        return load(path)

    def _differs(self, command: str, *options: str) -> bool:
        return self._suite("differential", command, "--apache-kafka", *options) == 1

    def _suite(self, what: str, command: str, *options: str) -> int:
        argv = [*_SUITE, what, "--kafkalite-command", command, "--cache", self._cache, *options]
        quiet = subprocess.DEVNULL
        return subprocess.run(argv, stdout=quiet, stderr=quiet, check=False).returncode

    def _folder(self) -> Path:
        self._runs += 1
        folder = self._scratch / str(self._runs)
        folder.mkdir()
        return folder


def _how(caught: Caught) -> str:
    if not caught:
        return "nobody noticed"
    if not caught.scenarios:
        return "the differential mode"
    return ", ".join(caught.scenarios)


def _table(outcomes: Sequence[Caught]) -> str:
    lines = [
        "# Does the suite notice?",
        "",
        f"{len(outcomes)} faults were put into kafkalite one by one (faults.toml). `make compat-mutations` ran the suite on each until a",
        (
            f"scenario failed, with the newest {' and '.join(CLIENTS)}, and the differential mode where no scenario failed. "
            f"{sum(map(bool, outcomes))} were caught."
        ),
        "",
        "| fault | caught by |",
        "|---|---|",
    ]
    lines += [f"| {caught.fault.name} | {_how(caught)} |" for caught in outcomes]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
