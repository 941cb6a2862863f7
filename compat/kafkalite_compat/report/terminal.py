"""The report in a terminal: what goes on while a run lasts, and its outcome as a table.

Lines that stay (a client version is through, a cell fails) are printed to any output; where that is a terminal, bars below them move.
Whatever comes from a client is printed as it is, with control characters shown: it cannot move the cursor or change colours.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from kafkalite_compat.report.summary import MARKS, Judged, Summary, Tally, duration, reasons
from kafkalite_compat.results import (
    BrokerInfo,
    Cell,
    Outcome,
    Results,
    ScenarioInfo,
    Verdict,
)

DETAIL_LINES: Final = 8
"""As much of a detail as is shown here; the written reports have all of it."""
DETAILS_PER_SCENARIO: Final = 6
_STYLES: Final = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.FAIL_ON_REFERENCE_TOO: "yellow",
    Verdict.UNSUPPORTED: "dim",
    Verdict.SKIPPED: "dim",
}
_OUTCOMES: Final = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.UNSUPPORTED: "not supported",
    Outcome.SKIPPED: "skipped",
}


class Terminal:
    """A Listener that prints. Safe for several threads."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._lock = threading.Lock()
        self._outcomes: dict[tuple[str, str], dict[str, Outcome]] = {}
        self._scenarios = 0
        self._seconds: dict[tuple[str, str], float] = defaultdict(float)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._total: TaskID | None = None
        self._sessions: dict[tuple[str, str], TaskID] = {}

    def run_started(
        self,
        clients: Sequence[str],
        scenarios: Sequence[ScenarioInfo],
        brokers: Sequence[BrokerInfo],
    ) -> None:
        against = " and ".join(broker.label for broker in brokers)
        self._print(
            f"{len(clients)} client versions, {len(scenarios)} scenarios, against {against}"
        )
        self._scenarios = len(scenarios)
        self._total = self._bars.add_task("all", total=len(clients) * len(scenarios) * len(brokers))
        self._bars.start()

    def preparing(self, label: str) -> None:
        if self._total is not None:
            self._bars.update(self._total, description=f"all; preparing {label}")

    def cell_finished(self, cell: Cell) -> None:
        label = f"{cell.client} {cell.version}"
        session = (label, cell.broker)
        with self._lock:
            outcomes = self._outcomes.setdefault(session, {})
            first_of_session = not outcomes
            again = cell.scenario in outcomes
            outcomes[cell.scenario] = cell.outcome
            self._seconds[session] += cell.seconds
            self._move(session, again=again)
        if cell.outcome is Outcome.FAIL and not again:
            self._print(
                f"{MARKS[Verdict.FAIL]} {cell.scenario} {label} on {cell.broker}: {_first_line(cell.detail)}",
                _STYLES[Verdict.FAIL],
            )
        elif cell.outcome is Outcome.SKIPPED and first_of_session:
            self._print(
                f"{MARKS[Verdict.SKIPPED]} {label} on {cell.broker}: skipped: {_first_line(cell.detail)}"
            )
        elif again and cell.outcome is Outcome.PASS:
            self._print(
                f"{MARKS[Verdict.PASS]} {cell.scenario} {label} on {cell.broker}: passed at the second try",
                _STYLES[Verdict.PASS],
            )

    def client_finished(self, label: str, broker: str) -> None:
        with self._lock:
            counts = Counter(self._outcomes.get((label, broker), {}).values())
            seconds = self._seconds[label, broker]
            bar = self._sessions.pop((label, broker), None)
        if bar is not None:
            self._bars.remove_task(bar)
        told = [
            f"{counts[outcome]} {word}" for outcome, word in _OUTCOMES.items() if counts[outcome]
        ]
        mark = MARKS[Verdict.FAIL if counts[Outcome.FAIL] else Verdict.PASS]
        self._print(f"{mark} {label} on {broker}: {', '.join(told)} in {duration(seconds)}")

    def run_finished(self, results: Results) -> None:
        self._bars.stop()
        self._print(f"took {duration(results.seconds)}")

    def _move(self, session: tuple[str, str], *, again: bool) -> None:
        """The bars, one cell on. A second try moves nothing."""
        if self._total is None or again:
            return
        self._bars.advance(self._total)
        if session not in self._sessions:
            description = f"{session[0]} on {session[1]}"
            self._sessions[session] = self._bars.add_task(description, total=self._scenarios)
        self._bars.advance(self._sessions[session])

    def _print(self, line: str, style: str = "") -> None:
        self._console.print(Text(_shown(line), style), soft_wrap=not self._console.is_terminal)


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
            (summary.title(verdict), summary.with_verdict(verdict), _STYLES[verdict])
            for verdict in (Verdict.FAIL_ON_REFERENCE_TOO, Verdict.FAIL)
        ),
    ):
        _show_cells(summary, title, cells, style, console)
    console.print()
    for line in summary.headlines():
        console.print(Text(_shown(line), "bold"))


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
        title=Text(_shown(broker.label), "bold"),
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
            Text(text, _STYLES[_worst(tally)]) for text, tally in zip(texts, tallies, strict=True)
        ]
        table.add_row(Text(_shown(label)), *places)
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
        f"passed/of those the client can do; {marks}\n{_shown(letters)}",
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
    console.print(Padding(Text(_shown(text), style), (0, 0, 0, by), expand=False))


def _heading(title: str, console: Console) -> None:
    console.print()
    console.print(Text(_shown(title), "bold"))


def _start(detail: str) -> str:
    lines = detail.splitlines()
    more = [f"... {len(lines) - DETAIL_LINES} lines more"] if len(lines) > DETAIL_LINES else []
    return "\n".join([*lines[:DETAIL_LINES], *more])


def _first_line(detail: str) -> str:
    lines = detail.splitlines() or [""]
    return lines[0] + (" ..." if len(lines) > 1 else "")


def _shown(text: str) -> str:
    """The text with its control characters as escapes: none of them acts on the terminal."""
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)
