"""What `graduate` and `adopt` have in common: the plan is shown, then carried out unless it is a dry run."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import click

from kafkalite.adoption.data_directory import DataDirectory, Outside
from kafkalite.adoption.plan import Plan
from kafkalite.clock import SystemClock
from kafkalite.errors import StartupError
from kafkalite.storage.real_filesystem import RealFileSystem


def move(data: Path, make_plan: Callable[[DataDirectory], Plan], *, dry_run: bool) -> None:
    """Hold the directory, plan, tell, do. Raises StartupError."""
    outside = Outside(RealFileSystem(), SystemClock(), random.SystemRandom())
    try:
        with DataDirectory(data, outside) as directory:
            plan = make_plan(directory)
            _show(plan, dry_run=dry_run)
            for step in () if dry_run else plan.steps:
                step.do()
                click.echo(f"  done: {step.what}")
    except OSError as error:
        raise StartupError(f"{data} cannot be read or written: {error}; nothing is lost, do it again") from error  # fmt: skip
    if dry_run:
        click.echo("Nothing was changed. Without --dry-run, do the above, then")
    else:
        click.echo("Ready." if plan.steps else "There was nothing to do.")
    for line in plan.then:
        click.echo(line)


def _show(plan: Plan, *, dry_run: bool) -> None:
    click.echo(plan.found)
    click.echo(f"It has {plan.survey}.")
    for missing in plan.survey.missing:
        click.echo(f"  note: {missing} has no directory and will begin empty")
    if dry_run:
        for step in plan.steps:
            click.echo(f"  would {step.what}")
