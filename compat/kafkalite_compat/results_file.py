"""Results as a JSON file: one session (a client version on a broker) to a line, every detail once.

    {"schema": 1,
     "started": ..., "seconds": ..., "machine": {...},
     "brokers": [...], "scenarios": [...], "clients": [...],
     "details": ["the library has no admin API", ...],
     "sessions": [
      {"client": "kcat", "version": "1.7.1", "broker": "kafkalite",
       "cells": {"C01": ["pass", 0.12], "A01": ["unsupported", 0.0, 0], ...}},
      ...]}

A cell is its outcome, its seconds and, if it has a detail, that detail's place in `details`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from kafkalite_compat.results import BrokerInfo, Cell, ClientInfo, Outcome, Results, ScenarioInfo

SCHEMA: Final = 1


def save(results: Results, path: Path) -> None:
    details: dict[str, int] = {}
    sessions: dict[tuple[str, str, str], dict[str, list[Any]]] = {}
    for cell in results.cells:
        entry: list[Any] = [cell.outcome, cell.seconds]
        if cell.detail:
            entry.append(details.setdefault(cell.detail, len(details)))
        key = (cell.client, cell.version, cell.broker)
        sessions.setdefault(key, {})[cell.scenario] = entry
    fields = [
        f'"schema": {SCHEMA}',
        f'"started": {_json(results.started)}',
        f'"seconds": {_json(results.seconds)}',
        f'"machine": {_json(results.machine)}',
        _lines("brokers", map(asdict, results.brokers)),
        _lines("scenarios", map(asdict, results.scenarios)),
        _lines("clients", map(asdict, results.clients)),
        _lines("details", details),
        _lines("sessions", (_session(*key, cells) for key, cells in sessions.items())),
    ]
    path.write_text("{" + ",\n ".join(fields) + "}\n", encoding="utf-8")


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
    return Results(
        started=table["started"],
        seconds=table["seconds"],
        machine=table["machine"],
        brokers=[BrokerInfo(**one) for one in table["brokers"]],
        scenarios=[ScenarioInfo(**one) for one in table["scenarios"]],
        clients=[ClientInfo(**one) for one in table["clients"]],
        cells=[
            Cell(
                client=session["client"],
                version=session["version"],
                scenario=scenario,
                broker=session["broker"],
                outcome=Outcome(outcome),
                detail="".join(table["details"][at] for at in detail),
                seconds=seconds,
            )
            for session in table["sessions"]
            for scenario, (outcome, seconds, *detail) in session["cells"].items()
        ],
    )


def _session(
    client: str, version: str, broker: str, cells: Mapping[str, list[Any]]
) -> dict[str, Any]:
    return {"client": client, "version": version, "broker": broker, "cells": cells}


def _lines(name: str, values: Iterable[object]) -> str:
    """A field that is a list, with each of its values on a line."""
    return f'"{name}": [' + ",".join(f"\n  {_json(value)}" for value in values) + "]"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
