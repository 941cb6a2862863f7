"""How a run is shown: while it goes on, and what came of it, for people and for machines.

    Runner --events--> Listener (progress.Terminal)            progress
    Results ---------> terminal.show, writers()[kind]          the outcome

Every form is a function of `Results` alone, so an earlier run is shown from its JSON as if it had just ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from kafkalite_compat.results import BrokerInfo, Cell, Results, ScenarioInfo

Writer = Callable[[Results, Path], None]


class Listener(Protocol):
    """What a runner tells while it runs. It calls from several threads, each event once it has happened.

    A client version is named by its label, "kafka-python 3.0.12".
    """

    def run_started(
        self,
        clients: Sequence[str],
        scenarios: Sequence[ScenarioInfo],
        brokers: Sequence[BrokerInfo],
    ) -> None:
        """Before anything else."""

    def preparing(self, label: str) -> None:
        """A client version is being installed, if it has to be."""

    def cell_finished(self, cell: Cell) -> None:
        """One result; the same cell may come once more, after a second try."""

    def client_finished(self, label: str, broker: str) -> None:
        """A client version has been through all scenarios on a broker, but for those that restart it."""

    def run_finished(self, results: Results) -> None:
        """After everything else."""


def writers() -> Mapping[str, Writer]:
    """What writes a report into a file, by kind: "json", "markdown", "html", "junit"."""
    # Loaded here: the page's template engine is not for those who only run.
    from kafkalite_compat import results_file
    from kafkalite_compat.report import html, junit, markdown

    return {
        "json": results_file.save,
        "markdown": markdown.write,
        "html": html.write,
        "junit": junit.write,
    }
