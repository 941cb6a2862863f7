"""What a run found out: cells of client version x scenario x broker, and the verdicts that follow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = 1


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


@dataclass(frozen=True)
class BrokerInfo:
    """A broker of the run. `reference`: what the others are measured by (Apache Kafka)."""

    name: str
    version: str | None
    reference: bool


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

    def cell(self, client: str, version: str, scenario: str, broker: str) -> Cell | None:
        wanted = (client, version, scenario, broker)
        for cell in self.cells:
            if (cell.client, cell.version, cell.scenario, cell.broker) == wanted:
                return cell
        return None

    def verdict(self, cell: Cell) -> Verdict:
        """The cell's outcome, with the reference broker's taken into account."""
        if cell.outcome is not Outcome.FAIL:
            return _PLAIN[cell.outcome]
        reference = self.reference
        if reference is None or reference.name == cell.broker:
            return Verdict.FAIL
        theirs = self.cell(cell.client, cell.version, cell.scenario, reference.name)
        failed_there = theirs is not None and theirs.outcome is Outcome.FAIL
        return Verdict.FAIL_ON_REFERENCE_TOO if failed_there else Verdict.FAIL

    def failures(self) -> list[Cell]:
        """The cells that make the run fail."""
        return [cell for cell in self.cells if self.verdict(cell) is Verdict.FAIL]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n")


_PLAIN: Final = {
    Outcome.PASS: Verdict.PASS,
    Outcome.UNSUPPORTED: Verdict.UNSUPPORTED,
    Outcome.SKIPPED: Verdict.SKIPPED,
}


def load(path: Path) -> Results:
    """Read what `Results.save` wrote. Raises ValueError if it is of another schema."""
    table = json.loads(path.read_text())
    if table.pop("schema", None) != SCHEMA:
        raise ValueError(f"{path} is not a result file of schema {SCHEMA}")
    return Results(
        started=table["started"],
        seconds=table["seconds"],
        machine=table["machine"],
        brokers=[BrokerInfo(**one) for one in table["brokers"]],
        scenarios=[ScenarioInfo(**one) for one in table["scenarios"]],
        clients=[ClientInfo(**one) for one in table["clients"]],
        cells=[Cell(**{**one, "outcome": Outcome(one["outcome"])}) for one in table["cells"]],
    )
