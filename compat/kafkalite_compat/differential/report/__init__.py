"""A comparison shown: while it runs, and as terminal tables, Markdown, HTML, JSON and JUnit XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from kafkalite_compat.differential.outcome import Report
from kafkalite_compat.differential.report import machines, pages
from kafkalite_compat.differential.report.terminal import Progress, show

__all__ = ["Progress", "show", "writers"]


def writers() -> Mapping[str, Callable[[Report, Path], None]]:
    """What writes a report to a file, by the kind of the file."""
    return {
        "json": machines.write_json,
        "junit": machines.write_junit,
        "markdown": pages.write_markdown,
        "html": pages.write_html,
    }
