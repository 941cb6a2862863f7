"""A run in a terminal while it lasts.

Lines that stay (a client version is through, a cell fails) are printed to any output; where that is a terminal, bars below them move.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from kafkalite_compat.report.summary import MARKS, duration
from kafkalite_compat.report.terminal import STYLES, first_line, shown
from kafkalite_compat.results import BrokerInfo, Cell, Outcome, Results, ScenarioInfo, Verdict

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
        self._through: set[tuple[str, str]] = set()

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
            if not again:
                self._move(session, skipped=cell.outcome is Outcome.SKIPPED)
        if cell.outcome is Outcome.FAIL and not again:
            self._print(
                f"{MARKS[Verdict.FAIL]} {cell.scenario} {label} on {cell.broker}: {first_line(cell.detail)}",
                STYLES[Verdict.FAIL],
            )
        elif cell.outcome is Outcome.SKIPPED and first_of_session:
            self._print(
                f"{MARKS[Verdict.SKIPPED]} {label} on {cell.broker}: skipped: {first_line(cell.detail)}"
            )
        elif again and cell.outcome is Outcome.PASS:
            self._print(
                f"{MARKS[Verdict.PASS]} {cell.scenario} {label} on {cell.broker}: passed at the second try",
                STYLES[Verdict.PASS],
            )

    def client_finished(self, label: str, broker: str) -> None:
        with self._lock:
            counts = Counter(self._outcomes.get((label, broker), {}).values())
            seconds = self._seconds[label, broker]
            bar = self._sessions.pop((label, broker), None)
            self._through.add((label, broker))
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

    def broken_off(self) -> None:
        """The run is over before its end: give the terminal back."""
        self._bars.stop()

    def _move(self, session: tuple[str, str], *, skipped: bool) -> None:
        """The bars, one cell on. A session has its own from its first cell until it is through."""
        if self._total is None:
            return
        self._bars.advance(self._total)
        if session not in self._sessions and not skipped and session not in self._through:
            description = f"{session[0]} on {session[1]}"
            self._sessions[session] = self._bars.add_task(description, total=self._scenarios)
        if session in self._sessions:
            self._bars.advance(self._sessions[session])

    def _print(self, line: str, style: str = "") -> None:
        self._console.print(Text(shown(line), style), soft_wrap=not self._console.is_terminal)
