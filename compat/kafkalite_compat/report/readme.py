"""The part of a project's README that says which clients work, from the results of a run."""

from __future__ import annotations

from kafkalite_compat.report.markdown import counts, text
from kafkalite_compat.report.summary import Summary
from kafkalite_compat.results import Results


def support_table(results: Results) -> list[str]:
    """Lines of Markdown: the sentence that sums the run up, and a row for each client. The same for the same results."""
    summary = Summary(results)
    return [
        *(f"{text(line)}." for line in summary.headlines()[:1]),
        f"Passed, of those of the {len(results.scenarios)} scenarios that the client can do, over all its versions:",
        "",
        *counts(summary),
    ]
