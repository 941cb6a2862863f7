"""The report as Markdown: the counts, the matrix group by group, everything that did not pass with its reason, and what was run."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kafkalite_compat.report.summary import (
    MARKS,
    Group,
    Judged,
    Reason,
    Summary,
    Tally,
    duration,
    reasons,
)
from kafkalite_compat.results import ClientInfo, Results, ScenarioInfo, Verdict


def write(results: Results, path: Path) -> None:
    path.write_text(render(results), encoding="utf-8")


def render(results: Results) -> str:
    """The whole report; the same for the same results."""
    summary = Summary(results)
    lines = ["# Compatibility", ""]
    lines += [f"- **{text(line)}**" for line in summary.headlines()]
    lines += ["", *_machine(results), "", *counts(summary), ""]
    for verdict in (Verdict.FAIL, Verdict.FAIL_ON_REFERENCE_TOO):
        title = summary.title(verdict)
        lines += _stands_out(summary, title, summary.with_verdict(verdict))
    lines += _stands_out(summary, "Passed at the second try only", summary.second_tries())
    for verdict in (Verdict.UNSUPPORTED, Verdict.SKIPPED):
        title = summary.title(verdict)
        lines += _told(summary, title, reasons(summary.with_verdict(verdict)))
    lines += _matrix(summary)
    lines += _versions(results)
    return "\n".join(lines).rstrip() + "\n"


def counts(summary: Summary) -> list[str]:
    """A table of how much passes, client by client and broker by broker, over all versions."""
    brokers = summary.results.brokers
    rows = [
        "| client | language | versions | " + " | ".join(text(one.label) for one in brokers) + " |",
        "|---|---|---|" + "---|" * len(brokers),
    ]
    for name, versions in summary.by_client():
        told = [summary.tally(broker, versions) for broker in brokers]
        rows.append(
            f"| {text(name)} | {text(versions[0].language)} | {text(', '.join(one.version for one in versions))} | "
            + " | ".join(map(_of_all, told))
            + " |"
        )
    return rows


def _of_all(tally: Tally) -> str:
    if not tally.tried:
        return "not run" if tally.skipped else MARKS[Verdict.UNSUPPORTED]
    return (
        f"all {tally.passed}" if tally.passed == tally.tried else f"{tally.passed} of {tally.tried}"
    )


def _machine(results: Results) -> list[str]:
    size = (
        f"{len(results.clients)} client versions x {len(results.scenarios)} scenarios"
        f" x {len(results.brokers)} brokers"
    )
    where = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    return [
        text(f"{size}, {results.started}, in {duration(results.seconds)} ({where})."),
        "Counted are the cells that a client can do: passed, of those.",
    ]


# What stands out


def _stands_out(summary: Summary, title: str, cells: Sequence[Judged]) -> Iterator[str]:
    """Cells by scenario, with all that they tell."""
    if not cells:
        return
    yield from (f"## {title}", "")
    for scenario, found in summary.by_scenario(cells).items():
        yield from (f"**{text(scenario.number)}** {text(scenario.title)}", "")
        for reason in found:
            yield from (f"- {text(summary.who(reason))}", "", *_block(reason.text, "  "), "")


def _told(summary: Summary, title: str, found: Sequence[Reason]) -> Iterator[str]:
    """Reasons in a table, folded."""
    if not found:
        return
    yield from (f"## {title}", "", "<details><summary>")
    yield f"{len(found)} reasons" if len(found) > 1 else "one reason"
    yield from ("</summary>", "", "| scenarios | reason | clients |", "|---|---|---|")
    for reason in found:
        yield f"| {text(summary.spans(reason.scenarios))} | {text(reason.text)} | {text(summary.who(reason))} |"
    yield from ("", "</details>", "")


def _block(detail: str, indent: str) -> list[str]:
    """The detail as it is, fenced by more backticks than it has in a row itself."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", detail)), default=0))
    return [indent + line for line in (fence, *map(_printable, detail.splitlines()), fence)]


# The matrix


def _matrix(summary: Summary) -> Iterator[str]:
    brokers = [text(broker.name) for broker in summary.results.brokers]
    yield from ("## The matrix", "")
    yield from (f"- {MARKS[verdict]} {text(summary.verdict_text(verdict))}" for verdict in Verdict)
    if len(brokers) > 1:
        yield f"- One mark: the same on every broker. Otherwise a mark for each: {', '.join(brokers)}."
    yield ""
    for group in summary.groups:
        yield from (f"### {text(_capital(group.name))}", "")
        yield from (f"- **{text(one.number)}** {text(one.title)}" for one in group.scenarios)
        yield from ("", *_group_table(summary, group), "")


def _group_table(summary: Summary, group: Group) -> Iterator[str]:
    yield "| | " + " | ".join(text(one.number) for one in group.scenarios) + " |"
    yield "|---|" + ":-:|" * len(group.scenarios)
    for client in summary.results.clients:
        marks = (_marks(summary, client, scenario) for scenario in group.scenarios)
        yield f"| {text(client.label)} | " + " | ".join(marks) + " |"


def _marks(summary: Summary, client: ClientInfo, scenario: ScenarioInfo) -> str:
    marks = [
        MARKS[judged.verdict] if judged is not None else " "
        for broker in summary.results.brokers
        for judged in [summary.at(client, scenario, broker)]
    ]
    return marks[0] if len(set(marks)) == 1 else "".join(marks)


def _versions(results: Results) -> Iterator[str]:
    yield from (
        "## What was run",
        "",
        "| client | version | language | runtime |",
        "|---|---|---|---|",
    )
    for one in results.clients:
        row = (one.client, one.version, one.language, one.runtime or "")
        yield "| " + " | ".join(map(text, row)) + " |"


# Text


def text(plain: str) -> str:
    """Text that means itself in Markdown, in a table too: one line, with nothing that HTML or Markdown acts on."""
    one_line = " ".join(_printable(plain.replace("\n", " ")).split(" "))
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", html.escape(one_line, quote=False))


def _printable(line: str) -> str:
    return "".join(one if one.isprintable() else "\ufffd" for one in line)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
