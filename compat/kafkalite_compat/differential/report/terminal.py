"""A comparison in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import (
    Progress as Bar,
)
from rich.table import Table

from kafkalite_compat.differential.catalogue import Script
from kafkalite_compat.differential.outcome import Report, ScriptResult
from kafkalite_compat.differential.report.words import by_api, shown, summary

DIFFERENCES_SHOWN_MAX = 100
"""The files have them all."""


class Progress:
    """A bar that moves with the scripts; a script that shows differences leaves a line."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def started(self, script: Script, number: int, count: int) -> None:
        if self._bar is None:
            self._bar = Bar(
                TextColumn("{task.description:44}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task("", total=count)
            self._bar.start()
        assert self._task is not None
        self._bar.update(self._task, description=script.name, completed=number - 1)

    def finished(self, result: ScriptResult) -> None:
        assert self._bar is not None
        assert self._task is not None
        self._bar.advance(self._task)
        if result.broken:
            self._bar.console.print(
                f"{result.name}: [red]ended early on the measure[/]: {escape(result.broken)}"
            )
        elif result.differences:
            self._bar.console.print(f"{result.name}: [red]{len(result.differences)} differences[/]")
        if self._bar.finished:
            self._bar.stop()


def show(report: Report) -> None:
    """What differs, what is kept, what was asked."""
    console = Console()
    if report.differences:
        table = Table(
            "where", report.reference, report.other, title="Differences", title_justify="left"
        )
        for one in report.differences[:DIFFERENCES_SHOWN_MAX]:
            table.add_row(
                *(escape(text) for text in (one.where, shown(one.reference), shown(one.other)))
            )
        console.print(table)
        left = len(report.differences) - DIFFERENCES_SHOWN_MAX
        if left > 0:
            console.print(f"... and {left} more")
    for line in summary(report):
        console.print(escape(line))
    missing = [row for row in by_api(report) if row.missing]
    for row in missing:
        console.print(f"{report.other} does not advertise {row.name} {row.missing}")
