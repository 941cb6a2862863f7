"""Results as a JSON file, small enough to be kept: a session (a client version on a broker) to a line, every detail once.

    {"schema": 1,
     "started": ..., "seconds": ..., "machine": {...},
     "outcomes": {"P": "pass", "F": "fail", "U": "unsupported", "S": "skipped"},
     "brokers": [...], "scenarios": [...], "clients": [...],
     "details": ["the library has no admin API", ...],
     "sessions": [
      {"client": "kcat", "version": "1.7.1", "broker": "kafkalite",
       "outcomes": "PPU.", "seconds": [0.12, 1.4, 0.0, 0.0], "details": {"A01": 0}},
      ...]}

A session has a letter and a time for each of `scenarios`, in their order, and "." for one that it has no result of; `details` are places in
the list above.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from kafkalite_compat.results import BrokerInfo, Cell, ClientInfo, Outcome, Results, ScenarioInfo

SCHEMA: Final = 1
LETTERS: Final = {outcome: outcome.value[0].upper() for outcome in Outcome}
NO_CELL: Final = "."


def save(results: Results, path: Path) -> None:
    details: dict[str, int] = {}
    cells: dict[tuple[str, str, str], dict[str, Cell]] = {}
    numbers = {scenario.number for scenario in results.scenarios}
    for cell in results.cells:
        assert cell.scenario in numbers, f"{cell.scenario} is not among the scenarios of the run"
        if cell.detail:
            details.setdefault(cell.detail, len(details))
        cells.setdefault((cell.client, cell.version, cell.broker), {})[cell.scenario] = cell
    sessions = [_session(key, found, results.scenarios, details) for key, found in cells.items()]
    fields = [
        f'"schema": {SCHEMA}',
        f'"started": {_json(results.started)}',
        f'"seconds": {_json(results.seconds)}',
        f'"machine": {_json(results.machine)}',
        f'"outcomes": {_json({letter: outcome for outcome, letter in LETTERS.items()})}',
        _lines("brokers", map(asdict, results.brokers)),
        _lines("scenarios", map(asdict, results.scenarios)),
        _lines("clients", map(asdict, results.clients)),
        _lines("details", details),
        _lines("sessions", sessions),
    ]
    path.write_text("{" + ",\n ".join(fields) + "}\n", encoding="utf-8")


def _session(
    key: tuple[str, str, str],
    found: Mapping[str, Cell],
    scenarios: Sequence[ScenarioInfo],
    details: Mapping[str, int],
) -> dict[str, Any]:
    client, version, broker = key
    cells = [found.get(scenario.number) for scenario in scenarios]
    return {
        "client": client,
        "version": version,
        "broker": broker,
        "outcomes": "".join(NO_CELL if cell is None else LETTERS[cell.outcome] for cell in cells),
        "seconds": [0.0 if cell is None else cell.seconds for cell in cells],
        "details": {cell.scenario: details[cell.detail] for cell in cells if cell and cell.detail},
    }


def load(path: Path) -> Results:
    """Read what `save` wrote. Raises ValueError if it is anything else."""
    table = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(table, dict) or table.get("schema") != SCHEMA:
        raise ValueError(f"{path} is not a result file of schema {SCHEMA}")
    try:
        return _results(table)
    except (AttributeError, IndexError, KeyError, TypeError) as wrong:
        raise ValueError(f"{path} is not a result file: {wrong!r}") from wrong


def _results(table: Mapping[str, Any]) -> Results:
    scenarios = [ScenarioInfo(**one) for one in table["scenarios"]]
    return Results(
        started=table["started"],
        seconds=table["seconds"],
        machine=table["machine"],
        brokers=[BrokerInfo(**one) for one in table["brokers"]],
        scenarios=scenarios,
        clients=[ClientInfo(**one) for one in table["clients"]],
        cells=[
            cell
            for session in table["sessions"]
            for cell in _cells(session, scenarios, table["details"])
        ],
    )


def _cells(
    session: Mapping[str, Any], scenarios: Sequence[ScenarioInfo], details: Sequence[str]
) -> Iterator[Cell]:
    outcomes = {letter: outcome for outcome, letter in LETTERS.items()}
    places = zip(scenarios, session["outcomes"], session["seconds"], strict=True)
    for scenario, letter, seconds in places:
        if letter != NO_CELL:
            at = session["details"].get(scenario.number)
            yield Cell(
                client=session["client"],
                version=session["version"],
                scenario=scenario.number,
                broker=session["broker"],
                outcome=outcomes[letter],
                detail="" if at is None else details[at],
                seconds=seconds,
            )


def _lines(name: str, values: Iterable[object]) -> str:
    """A field that is a list, with each of its values on a line."""
    return f'"{name}": [' + ",".join(f"\n  {_json(value)}" for value in values) + "]"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
