"""A comparison for people: Markdown, and one HTML page that needs nothing but itself."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import jinja2

from kafkalite_compat.differential.outcome import Report
from kafkalite_compat.differential.report.words import by_api, shown, summary

_HERE: Final = Path(__file__).parent


def write_markdown(report: Report, path: Path) -> None:
    _write(report, path, "page.md.jinja", autoescape=False)


def write_html(report: Report, path: Path) -> None:
    _write(report, path, "page.html.jinja", autoescape=True)


def _write(report: Report, path: Path, template: str, *, autoescape: bool) -> None:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=shown, cell=_cell)
    kept: dict[str, list[str]] = {}
    for difference, accepted in report.kept:
        kept.setdefault(accepted.reason, []).append(difference.where)
    text = environment.get_template(template).render(
        report=report, summary=summary(report), apis=by_api(report), kept=kept
    )
    path.write_text(text, encoding="utf-8")


def _cell(text: str) -> str:
    """Text as code in a cell of a Markdown table."""
    return "`" + text.replace("|", "\\|").replace("`", "'").replace("\n", " ") + "`"
