"""What `graduate` and `adopt` have in common: the plan is shown, then carried out unless it is a dry run."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from kafkalite.adoption.data_directory import DataDirectory, Outside
from kafkalite.adoption.plan import Plan
from kafkalite.clock import SystemClock
from kafkalite.errors import KafkaError, StartupError
from kafkalite.storage.real_filesystem import RealFileSystem


def move(data: Path, make_plan: Callable[[DataDirectory], Plan], *, dry_run: bool) -> None:
    """Hold the directory, plan, tell, do. Raises StartupError."""
    outside = Outside(RealFileSystem(), SystemClock(), random.SystemRandom())
    try:
        with DataDirectory(data, outside) as directory:
            plan = make_plan(directory)
            _say(plan.found, f"It has {plan.survey}.")
            _say(*(f"  note: {missing} has no directory and will begin empty" for missing in plan.survey.missing))  # fmt: skip
            for step in plan.steps:
                if dry_run:
                    _say(f"  would {step.what}")
                else:
                    step.do()
                    _say(f"  done: {step.what}")
    except (OSError, KafkaError) as error:
        raise StartupError(
            f"{data} cannot be read or written: {error}; nothing is lost, and it can be done again"
        ) from error
    if not plan.steps:
        _say("There is nothing to do.")
    elif dry_run:
        _say("Nothing was changed. Run it without --dry-run, then")
    else:
        _say("Ready.")
    _say(*plan.then)


def _say(*lines: str) -> None:
    """To whoever listens; work that has begun goes on when nobody does any more."""
    with suppress(BrokenPipeError):
        for line in lines:
            click.echo(line)
