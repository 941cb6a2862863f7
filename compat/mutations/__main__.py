"""Run the suite on kafkalite with each of the faults in it: `python -m compat.mutations` from the repository.

A fault is caught when a scenario fails that passes on kafkalite as it is, or, failing that, when the differential mode shows a
difference. The outcome is written to MUTATIONS.md beside this file when all were tried.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
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
    cells: Sequence[Cell]
    differential: bool
    seconds: float

    def __bool__(self) -> bool:
        return bool(self.cells) or self.differential


@click.command()
@click.option("--only", multiple=True, help="Only faults with this in their name.")
@click.option(
    "--known",
    is_flag=True,
    help="Run only the scenario that caught it before. Minutes, not half an hour.",
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
        folder = Path(scratch) / "healthy"
        scenarios = sorted({one.caught_by for one in faults}) if known else []
        healthy = _run_suite(kafkalite_with(None, folder), folder, cache, scenarios)
        passing = {_place(cell) for cell in healthy.cells if cell.outcome is Outcome.PASS}
        click.echo(f"without a fault: {len(passing)} cells pass")
        outcomes = []
        for number, fault in enumerate(faults):
            scenarios = [fault.caught_by] if known else []
            caught = _try(fault, Path(scratch) / str(number), cache, scenarios, passing)
            click.echo(f"{'caught' if caught else 'MISSED'}  {fault.name}: {_how(caught)}")
            outcomes.append(caught)
    if not (only or known):
        Path(__file__).with_name("MUTATIONS.md").write_text(_table(outcomes))
    missed = sum(not caught for caught in outcomes)
    click.echo(f"{len(outcomes) - missed} of {len(outcomes)} caught")
    sys.exit(1 if missed else 0)


def _try(
    fault: Fault,
    folder: Path,
    cache: str,
    scenarios: Sequence[str],
    passing: set[tuple[str, str]],
) -> Caught:
    """`scenarios`: only these, and without the differential mode; empty: all."""
    began = time.monotonic()
    command = kafkalite_with(fault, folder)
    try:
        results = _run_suite(command, folder, cache, scenarios)
    except subprocess.CalledProcessError:
        return Caught(fault, [], True, time.monotonic() - began)  # it does not even come up
    cells = [cell for cell in results.cells if cell.outcome in _NOTICED and _place(cell) in passing]
    differs = not cells and not scenarios and _differs(command, cache)
    return Caught(fault, cells, differs, time.monotonic() - began)


def _run_suite(command: str, folder: Path, cache: str, scenarios: Sequence[str]) -> Results:
    results = folder / "results.json"
    chosen = [option for name in CLIENTS for option in ("--client", name)]
    chosen += [option for number in scenarios for option in ("--scenario", number)]
    subprocess.run(
        [
            *_SUITE, "run", "--kafkalite-command", command, *chosen, "--newest",
            "--max-failures", "1", "--cache", cache, "--json", str(results),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        check=False,
    )  # fmt: skip
    if not results.exists():
        raise subprocess.CalledProcessError(2, command)
    return load(results)


def _differs(command: str, cache: str) -> bool:
    done = subprocess.run(
        [
            *_SUITE, "differential", "--kafkalite-command", command,
            "--apache-kafka", "--cache", cache,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        check=False,
    )  # fmt: skip
    return done.returncode == 1


def _place(cell: Cell) -> tuple[str, str]:
    return cell.client, cell.scenario


def _how(caught: Caught) -> str:
    if not caught:
        return "nobody noticed"
    if not caught.cells:
        return "the differential mode"
    scenarios = sorted({cell.scenario for cell in caught.cells})
    more = f" and {len(scenarios) - 6} more" if len(scenarios) > 6 else ""
    return f"{', '.join(scenarios[:6])}{more}"


def _table(outcomes: Sequence[Caught]) -> str:
    lines = [
        "# Does the suite notice?",
        "",
        f"{len(outcomes)} faults were put into kafkalite one by one (faults.toml); `make compat-mutations` ran the suite on each, with",
        (
            f"the newest {', '.join(CLIENTS)}, and the differential mode where no scenario failed. "
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
