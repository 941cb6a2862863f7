"""Options that say where a report goes besides the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from kafkalite_compat.report import writers
from kafkalite_compat.report.terminal import show
from kafkalite_compat.results import Results

KINDS: Final = ("json", "markdown", "html", "junit")


def report_options(command: Any) -> Any:
    """Adds --json FILE and the like; the command gets them by their kind."""
    for kind in reversed(KINDS):
        path = click.Path(path_type=Path, dir_okay=False)
        command = click.option(f"--{kind}", type=path, help=f"Write the report as {kind}.")(command)
    return command


def report(results: Results, files: dict[str, Path | None]) -> None:
    """Show the results, and write them where they are asked for."""
    show(results)
    for kind, path in files.items():
        if path is not None:
            writers()[kind](results, path)
            click.echo(f"{kind}: {path}")
