"""What every form of report tells of a run: its cells in their places, how many passed, and what stands out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from kafkalite_compat.results import (
    BrokerInfo,
    Cell,
    ClientInfo,
    Results,
    ScenarioInfo,
    Verdict,
)

MARKS: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.FAIL_ON_REFERENCE_TOO: "≈",
    Verdict.UNSUPPORTED: "–",  # noqa: RUF001 - a dash that is as wide as the others
    Verdict.SKIPPED: "·",
}
"""One character for each verdict; none of them is told by its colour alone."""


@dataclass(frozen=True)
class Judged:
    """A cell and its verdict."""

    cell: Cell
    verdict: Verdict

    @property
    def second_try(self) -> bool:
        """It passed, but not at once; the detail says what came of the first try."""
        return self.verdict is Verdict.PASS and bool(self.cell.detail)


@dataclass(frozen=True)
class Group:
    """Scenarios of one group. `letter` is what their numbers begin with."""

    name: str
    letter: str
    scenarios: tuple[ScenarioInfo, ...]


@dataclass(frozen=True)
class Tally:
    """How many of some cells had each verdict."""

    counts: Mapping[Verdict, int]

    @property
    def passed(self) -> int:
        return self.counts.get(Verdict.PASS, 0)

    @property
    def failed(self) -> int:
        return self.counts.get(Verdict.FAIL, 0)

    @property
    def failed_on_reference_too(self) -> int:
        return self.counts.get(Verdict.FAIL_ON_REFERENCE_TOO, 0)

    @property
    def unsupported(self) -> int:
        return self.counts.get(Verdict.UNSUPPORTED, 0)

    @property
    def skipped(self) -> int:
        return self.counts.get(Verdict.SKIPPED, 0)

    @property
    def tried(self) -> int:
        """Those that the client can do and that were run: what `passed` is counted out of."""
        return self.passed + self.failed + self.failed_on_reference_too

    @property
    def all(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Reason:
    """A detail, and the cells that share it: every one of `clients` (name: versions) x `scenarios` x `brokers`."""

    text: str
    clients: Mapping[str, Sequence[str]]
    scenarios: Sequence[str]
    brokers: Sequence[str]


class Summary:
    """A run, ready to be shown."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.cells = [Judged(cell, verdict) for cell, verdict in results.judged()]
        self._by_place = {
            (one.cell.client, one.cell.version, one.cell.scenario, one.cell.broker): one
            for one in self.cells
        }
        self.groups = [
            _group(name, tuple(members))
            for name, members in groupby(results.scenarios, lambda one: one.group)
        ]

    def at(self, client: ClientInfo, scenario: ScenarioInfo, broker: BrokerInfo) -> Judged | None:
        return self._by_place.get((client.client, client.version, scenario.number, broker.name))

    def tally(
        self,
        broker: BrokerInfo,
        clients: Iterable[ClientInfo] | None = None,
        scenarios: Sequence[ScenarioInfo] | None = None,
    ) -> Tally:
        """Of one broker: of these client versions and scenarios, or of all."""
        columns = self.results.scenarios if scenarios is None else scenarios
        return Tally(
            Counter(
                found.verdict
                for client in (self.results.clients if clients is None else clients)
                for scenario in columns
                if (found := self.at(client, scenario, broker)) is not None
            )
        )

    def by_client(self) -> Iterator[tuple[str, list[ClientInfo]]]:
        """The client versions of each client, in the order of the run."""
        for name, versions in groupby(self.results.clients, lambda one: one.client):
            yield name, list(versions)

    # What stands out

    def headlines(self) -> list[str]:
        """A sentence for each broker, the measure last: how much of what should pass passes."""
        reference = self.results.reference
        others = [one for one in self.results.brokers if one is not reference]
        lines = [self._beside_reference(one, reference) for one in others]
        return [*lines, self._alone(reference)] if reference is not None else lines

    def _beside_reference(self, broker: BrokerInfo, reference: BrokerInfo | None) -> str:
        if reference is None:
            return self._alone(broker)
        passed, due = self.measured(broker, reference)
        return f"{broker.label}: {thousands(passed)} of {thousands(due)} cells pass where {reference.label} passes"

    def _alone(self, broker: BrokerInfo) -> str:
        tally = self.tally(broker)
        return f"{broker.label}: {thousands(tally.passed)} of {thousands(tally.tried)} cells pass that the clients can do"

    def measured(self, broker: BrokerInfo, reference: BrokerInfo) -> tuple[int, int]:
        """How many cells pass, of those that were tried on this broker and pass on the reference."""
        here = [one for one in self.cells if one.cell.broker == broker.name]
        due = [
            one.verdict
            for one in here
            if one.verdict in {Verdict.PASS, Verdict.FAIL} and self._passes(one.cell, reference)
        ]
        return due.count(Verdict.PASS), len(due)

    def _passes(self, cell: Cell, reference: BrokerInfo) -> bool:
        there = self._by_place.get((cell.client, cell.version, cell.scenario, reference.name))
        return there is not None and there.verdict is Verdict.PASS

    def with_verdict(self, verdict: Verdict) -> list[Judged]:
        return [one for one in self.cells if one.verdict is verdict]

    def second_tries(self) -> list[Judged]:
        return [one for one in self.cells if one.second_try]

    def by_scenario(self, cells: Iterable[Judged]) -> dict[ScenarioInfo, list[Reason]]:
        """The cells by scenario, in the order of the scenarios, and by what they tell."""
        found: dict[str, list[Judged]] = {}
        for one in cells:
            found.setdefault(one.cell.scenario, []).append(one)
        return {
            scenario: reasons(found[scenario.number])
            for scenario in self.results.scenarios
            if scenario.number in found
        }

    # In words

    def who(self, reason: Reason) -> str:
        """Whom it is about: "kcat (all), kafkajs 2.2.4/2.1.0 on kafkalite"; without the brokers if it is every one."""
        every = Counter(client.client for client in self.results.clients)
        names = [
            f"{client} (all)"
            if len(versions) == every[client] > 1
            else f"{client} {'/'.join(versions)}"
            for client, versions in reason.clients.items()
        ]
        where = " and ".join(reason.brokers)
        everywhere = len(reason.brokers) == len(self.results.brokers) > 1
        return ", ".join(names) + ("" if everywhere else f" on {where}")

    def spans(self, numbers: Sequence[str]) -> str:
        """Scenario numbers in few characters: "C01-C04, T02"; "all" if it is every one."""
        order = {one.number: at for at, one in enumerate(self.results.scenarios)}
        if len(numbers) == len(order) > 1:
            return "all"
        runs: list[list[str]] = []
        for number in sorted(numbers, key=order.__getitem__):
            before = runs[-1][-1] if runs else None
            if before and order[before] + 1 == order[number] and before[0] == number[0]:
                runs[-1].append(number)
            else:
                runs.append([number])
        return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)

    def title(self, verdict: Verdict) -> str:
        """What the list of the cells with this verdict is called."""
        told = self.verdict_text(verdict)
        return "Failures" if verdict is Verdict.FAIL else told[:1].upper() + told[1:]

    def verdict_text(self, verdict: Verdict) -> str:
        """The verdict in words, with the reference broker's own name."""
        reference = self.results.reference
        if verdict is Verdict.FAIL_ON_REFERENCE_TOO and reference is not None:
            return f"fails on {reference.name} too"
        return str(verdict)


def reasons(cells: Iterable[Judged]) -> list[Reason]:
    """What the cells tell, each text once for those that share it."""
    scenarios: dict[tuple[str, str, str, str], list[str]] = {}
    for one in cells:
        cell = one.cell
        session = (cell.detail, cell.client, cell.version, cell.broker)
        scenarios.setdefault(session, []).append(cell.scenario)
    brokers: dict[tuple[str, tuple[str, ...], str, str], list[str]] = {}
    for (text, client, version, broker), numbers in scenarios.items():
        brokers.setdefault((text, tuple(numbers), client, version), []).append(broker)
    clients: dict[tuple[str, tuple[str, ...], tuple[str, ...]], dict[str, list[str]]] = {}
    for (text, shown, client, version), names in brokers.items():
        versions = clients.setdefault((text, shown, tuple(names)), {})
        versions.setdefault(client, []).append(version)
    return [Reason(text, who, shown, names) for (text, shown, names), who in clients.items()]


def thousands(number: int) -> str:
    """2345 as "2 345"."""
    return f"{number:,}".replace(",", " ")


def duration(seconds: float) -> str:
    """A time in words, for reading: "41 s", "12 min 5 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _group(name: str, scenarios: tuple[ScenarioInfo, ...]) -> Group:
    letters = dict.fromkeys(re.split(r"\d", one.number)[0] for one in scenarios)
    return Group(name, "/".join(letters), scenarios)
