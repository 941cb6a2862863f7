"""The report as one HTML page that needs nothing but itself: no request leaves it.

    page.html.jinja    the page, complete without its script
    page.css, page.js  put into it as they are

Everything is escaped, and the page's own policy lets no script run but this one, known by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jinja2

from kafkalite_compat.report.summary import (
    MARKS,
    Judged,
    Reason,
    Summary,
    duration,
    reasons,
    thousands,
)
from kafkalite_compat.results import ClientInfo, Results, ScenarioInfo, Verdict

HERE: Final = Path(__file__).parent
CLASSES: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.FAIL_ON_REFERENCE_TOO: "both",
    Verdict.UNSUPPORTED: "none",
    Verdict.SKIPPED: "skip",
}
"""What page.css and page.js call the verdicts."""


def write(results: Results, path: Path) -> None:
    path.write_text(render(results), encoding="utf-8")


def render(results: Results) -> str:
    """The whole page."""
    summary = Summary(results)
    script = (HERE / "page.js").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"thousands": thousands, "duration": duration}
    return environment.get_template("page.html.jinja").render(
        results=results,
        summary=summary,
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        marks=[(CLASSES[one], MARKS[one], summary.verdict_text(one)) for one in Verdict],
        languages=sorted({client.language for client in results.clients}),
        classes=CLASSES,
        at=MARKS,
        lists=_lists(summary),
        data=_data(summary),
    )


def _lists(summary: Summary) -> list[dict[str, Any]]:
    """What stands out, each as a title and its reasons; what is worst comes first."""
    places = {
        (client.client, client.version): at for at, client in enumerate(summary.results.clients)
    }

    def shown(reason: Reason) -> dict[str, Any]:
        return {
            "clients": [
                places[name, version]
                for name, versions in reason.clients.items()
                for version in versions
            ],
            "who": summary.who(reason),
            "scenarios": summary.spans(reason.scenarios),
            "text": reason.text,
        }

    def by_scenario(kind: str, title: str, cells: Sequence[Judged]) -> dict[str, Any]:
        found = summary.by_scenario(cells)
        parts = [
            {"scenario": scenario, "reasons": list(map(shown, told))}
            for scenario, told in found.items()
        ]
        return {"kind": kind, "title": title, "count": len(cells), "parts": parts}

    def together(verdict: Verdict) -> dict[str, Any]:
        cells = summary.with_verdict(verdict)
        parts = [{"scenario": None, "reasons": list(map(shown, reasons(cells)))}]
        return {
            "kind": CLASSES[verdict],
            "title": summary.title(verdict),
            "count": len(cells),
            "parts": parts,
        }

    failures = [
        by_scenario(CLASSES[one], summary.title(one), summary.with_verdict(one))
        for one in (Verdict.FAIL, Verdict.FAIL_ON_REFERENCE_TOO)
    ]
    again = by_scenario("again", "Passed at the second try only", summary.second_tries())
    rest = [together(one) for one in (Verdict.UNSUPPORTED, Verdict.SKIPPED)]
    return [one for one in (*failures, again, *rest) if one["count"]]


def _data(summary: Summary) -> dict[str, Any]:
    """What the script shows of a cell when asked: [scenario][client][broker] -> [verdict, seconds, detail]."""
    results = summary.results
    details: dict[str, int] = {"": 0}
    verdicts = list(Verdict)

    def cell(judged: Judged | None) -> list[Any] | None:
        if judged is None:
            return None
        detail = details.setdefault(judged.cell.detail, len(details))
        return [verdicts.index(judged.verdict), judged.cell.seconds, detail]

    def row(scenario: ScenarioInfo) -> list[list[list[Any] | None]]:
        return [
            [cell(summary.at(client, scenario, broker)) for broker in results.brokers]
            for client in results.clients
        ]

    cells = [row(scenario) for scenario in results.scenarios]
    return {
        "brokers": [one.label for one in results.brokers],
        "clients": [_client(one) for one in results.clients],
        "scenarios": [
            {"number": one.number, "title": one.title, "text": one.text}
            for one in results.scenarios
        ],
        "verdicts": [[CLASSES[one], MARKS[one], summary.verdict_text(one)] for one in verdicts],
        "details": list(details),
        "cells": cells,
    }


def _client(client: ClientInfo) -> dict[str, Any]:
    return {
        "name": client.client,
        "label": client.label,
        "language": client.language,
        "runtime": client.runtime or "",
        "reason": client.reason or "",
    }
