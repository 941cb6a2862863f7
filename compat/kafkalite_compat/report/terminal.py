"""What came of a run, in a terminal: tables, what was not run and why, failures.

Whatever comes from a client is printed with its control characters as escapes: it cannot move the cursor or change colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kafkalite_compat.report.summary import MARKS, Judged, Summary, Tally, reasons
from kafkalite_compat.results import BrokerInfo, Results, Verdict

DETAIL_LINES: Final = 8
"""As much of a detail as is shown here; the written reports have all of it."""
DETAILS_PER_SCENARIO: Final = 6
STYLES: Final = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.FAIL_ON_REFERENCE_TOO: "yellow",
    Verdict.UNSUPPORTED: "dim",
    Verdict.SKIPPED: "dim",
}


def show(results: Results, console: Console | None = None) -> None:
    """Print what came of a run: tables, what was not run and why, failures, and the sentence that sums it up."""
    console = console or Console()
    summary = Summary(results)
    for broker in results.brokers:
        console.print(_table(summary, broker, console.width))
    console.print(_legend(summary))
    for verdict in (Verdict.UNSUPPORTED, Verdict.SKIPPED):
        _show_reasons(summary, verdict, console)
    for title, cells, style in (
        ("Passed at the second try only", summary.second_tries(), "yellow"),
        *(
            (summary.title(verdict), summary.with_verdict(verdict), STYLES[verdict])
            for verdict in (Verdict.FAIL_ON_REFERENCE_TOO, Verdict.FAIL)
        ),
    ):
        _show_cells(summary, title, cells, style, console)
    console.print()
    for line in summary.headlines():
        console.print(Text(shown(line), "bold"))


# The table


def _table(summary: Summary, broker: BrokerInfo, width: int) -> Table:
    """Client versions by groups of scenarios; where "12/12" does not fit, "12" tells that none of twelve failed."""
    rows = [
        [summary.tally(broker, [client], group.scenarios) for group in summary.groups]
        for client in summary.results.clients
    ]
    labels = [client.label for client in summary.results.clients]
    marks = [[_of_all(tally) for tally in row] for row in rows]
    if _width(labels, marks) > width:
        marks = [[_short(tally) for tally in row] for row in rows]
    table = Table(
        title=Text(shown(broker.label), "bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("client")
    for group in summary.groups:
        table.add_column(group.letter, justify="right", no_wrap=True)
    for label, tallies, texts in zip(labels, rows, marks, strict=True):
        places = [
            Text(text, STYLES[_worst(tally)]) for text, tally in zip(texts, tallies, strict=True)
        ]
        table.add_row(Text(shown(label)), *places)
    return table


def _width(labels: Sequence[str], marks: Sequence[Sequence[str]]) -> int:
    columns = zip(*marks, strict=True)
    return max(map(len, labels), default=0) + sum(1 + max(map(len, column)) for column in columns)


def _of_all(tally: Tally) -> str:
    return f"{tally.passed}/{tally.tried}" if tally.tried else MARKS[_worst(tally)]


def _short(tally: Tally) -> str:
    return str(tally.passed) if tally.tried == tally.passed > 0 else _of_all(tally)


def _worst(tally: Tally) -> Verdict:
    """What the place of several cells is coloured by."""
    for verdict in (
        Verdict.FAIL,
        Verdict.FAIL_ON_REFERENCE_TOO,
        Verdict.PASS,
        Verdict.UNSUPPORTED,
    ):
        if tally.counts.get(verdict):
            return verdict
    return Verdict.SKIPPED


def _legend(summary: Summary) -> Text:
    letters = ", ".join(f"{group.letter} {group.name}" for group in summary.groups)
    marks = f"{MARKS[Verdict.UNSUPPORTED]} not supported by the client, {MARKS[Verdict.SKIPPED]} skipped"
    return Text(
        f"passed/of those the client can do; {marks}\n{shown(letters)}",
        "dim",
    )


# What stands out


def _show_reasons(summary: Summary, verdict: Verdict, console: Console) -> None:
    found = reasons(summary.with_verdict(verdict))
    if found:
        _heading(summary.title(verdict), console)
    for reason in found:
        _indented(f"{summary.spans(reason.scenarios)}: {_start(reason.text)}", 2, console)
        _indented(summary.who(reason), 6, console, "dim")


def _show_cells(
    summary: Summary, title: str, cells: Sequence[Judged], style: str, console: Console
) -> None:
    if cells:
        _heading(title, console)
    for scenario, found in summary.by_scenario(cells).items():
        _indented(f"{scenario.number} {scenario.title}", 2, console, style)
        for reason in found[:DETAILS_PER_SCENARIO]:
            _indented(summary.who(reason), 4, console)
            _indented(_start(reason.text), 6, console, "dim")
        if len(found) > DETAILS_PER_SCENARIO:
            _indented(f"and {len(found) - DETAILS_PER_SCENARIO} more", 4, console)


def _indented(text: str, by: int, console: Console, style: str = "") -> None:
    console.print(Padding(Text(shown(text), style), (0, 0, 0, by), expand=False))


def _heading(title: str, console: Console) -> None:
    console.print()
    console.print(Text(shown(title), "bold"))


def _start(detail: str) -> str:
    lines = detail.splitlines()
    more = [f"... {len(lines) - DETAIL_LINES} lines more"] if len(lines) > DETAIL_LINES else []
    return "\n".join([*lines[:DETAIL_LINES], *more])


def first_line(detail: str) -> str:
    lines = detail.splitlines() or [""]
    return lines[0] + (" ..." if len(lines) > 1 else "")


def shown(text: str) -> str:
    """The text with its control characters as escapes: none of them acts on the terminal."""
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)
