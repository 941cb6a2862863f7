"""What a run found out: cells of client version x scenario x broker, and the verdicts that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Outcome(StrEnum):
    """What came of one scenario with one client version on one broker."""

    PASS = "pass"
    FAIL = "fail"
    UNSUPPORTED = "unsupported"
    """The client library cannot do it."""
    SKIPPED = "skipped"
    """Not run, for a reason that is neither the client's nor the broker's: a runtime is missing, the broker cannot be restarted."""


class Verdict(StrEnum):
    """A cell as the report shows it: the outcome, seen beside the reference broker's."""

    PASS = "pass"
    FAIL = "fail"
    FAIL_ON_REFERENCE_TOO = "fails on Apache Kafka too"
    UNSUPPORTED = "not supported by the client"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class ScenarioInfo:
    """What a scenario shows, in the field's terms. `number` is stable: "T03"."""

    number: str
    group: str
    title: str
    text: str


@dataclass(frozen=True)
class ClientInfo:
    """A client version of the run. `reason` says why it was not run, if it was not."""

    client: str
    version: str
    language: str
    runtime: str | None = None
    reason: str | None = None

    @property
    def label(self) -> str:
        return f"{self.client} {self.version}"


@dataclass(frozen=True)
class BrokerInfo:
    """A broker of the run. `reference`: what the others are measured by (Apache Kafka)."""

    name: str
    version: str | None
    reference: bool

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


@dataclass(frozen=True)
class Cell:
    """One scenario with one client version on one broker. `detail`: why it failed, is not supported or was skipped."""

    client: str
    version: str
    scenario: str
    broker: str
    outcome: Outcome
    detail: str = ""
    seconds: float = 0.0


@dataclass
class Results:
    """One run. `started` is ISO 8601 in UTC, `machine` what it ran on (cores, system)."""

    started: str
    seconds: float
    machine: Mapping[str, Any]
    brokers: Sequence[BrokerInfo]
    scenarios: Sequence[ScenarioInfo]
    clients: Sequence[ClientInfo]
    cells: list[Cell] = field(default_factory=list)

    @property
    def reference(self) -> BrokerInfo | None:
        return next((broker for broker in self.brokers if broker.reference), None)

    def judged(self) -> list[tuple[Cell, Verdict]]:
        """Every cell with its verdict."""
        reference = self.reference
        there = {
            (cell.client, cell.version, cell.scenario): cell.outcome
            for cell in self.cells
            if reference is not None and cell.broker == reference.name
        }
        return [
            (
                cell,
                _PLAIN[cell.outcome]
                if reference is None or reference.name == cell.broker
                else _beside(cell.outcome, there.get((cell.client, cell.version, cell.scenario))),
            )
            for cell in self.cells
        ]

    def failures(self) -> list[Cell]:
        """What the tested brokers are to blame for; what failed on the measure itself is in `doubts`."""
        return [cell for cell in self._failed() if not self._is_measure(cell)]

    def doubts(self) -> list[Cell]:
        """What failed on the measure: the suite's fault or the client's, and to be looked into."""
        return [cell for cell in self._failed() if self._is_measure(cell)]

    def _failed(self) -> list[Cell]:
        return [cell for cell, verdict in self.judged() if verdict is Verdict.FAIL]

    def _is_measure(self, cell: Cell) -> bool:
        return self.reference is not None and cell.broker == self.reference.name


def _beside(here: Outcome, there: Outcome | None) -> Verdict:
    """What an outcome means, given the reference broker's."""
    if here is Outcome.FAIL and there is Outcome.FAIL:
        return Verdict.FAIL_ON_REFERENCE_TOO
    if here is Outcome.UNSUPPORTED and there is Outcome.PASS:
        # The library can: it is the broker that does not offer what the library then does without.
        return Verdict.FAIL
    return _PLAIN[here]


_PLAIN: Final = {
    Outcome.PASS: Verdict.PASS,
    Outcome.FAIL: Verdict.FAIL,
    Outcome.UNSUPPORTED: Verdict.UNSUPPORTED,
    Outcome.SKIPPED: Verdict.SKIPPED,
}
