"""From the figures of all rounds to a table of medians and ratios."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Figure


def table(figures: Sequence[Figure], by_broker: dict[str, dict[str, list[float]]]) -> str:
    """Markdown: a row for each figure, medians with their range, first broker over second."""
    ours, theirs = by_broker
    lines = [f"| | {ours} | {theirs} | ratio | better is |", "|---|---|---|---|---|"]
    for figure in figures:
        values = [by_broker[broker].get(figure.key, []) for broker in (ours, theirs)]
        if not all(values):
            continue
        ratio = statistics.median(values[0]) / statistics.median(values[1])
        cells = [f"{figure.title}, {figure.unit}", *(cell(figure, each) for each in values)]
        better = "more" if figure.higher_is_better else "less"
        lines.append(f"| {' | '.join(cells)} | {ratio:.2f} | {better} |")
    return "\n".join(lines)


def cell(figure: Figure, values: Sequence[float]) -> str:
    median, low, high = (
        f"{value:,.{figure.decimals}f}".replace(",", " ")
        for value in (statistics.median(values), min(values), max(values))
    )
    return median if low == high else f"**{median}** ({low} to {high})"


def results(rounds: int, load_before: float, the_table: str) -> str:
    """The text of RESULTS.md. `load_before`: the machine's load average before anything was started."""
    machine = "\n".join(f"- {line}" for line in machine_facts())
    return (
        "# kafkalite beside Apache Kafka\n\n"
        "Written by `python -m bench`; how each figure is taken: [README](README.md).\n\n"
        f"- {datetime.now(UTC):%d %B %Y}, {rounds} rounds by turns; medians, in brackets the range\n"
        f"{machine}\n"
        f"- load average of the machine's other work when it began: {load_before:.1f}\n\n"
        f"{the_table}\n"
    )


def machine_facts() -> Iterator[str]:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    yield f"{os.cpu_count()} cores, {cpu_model()}, {memory_gib:.0f} GiB of memory"
    yield f"{platform.system()} {platform.release().split('-')[0]}, {platform.python_implementation()} {platform.python_version()}"


def cpu_model() -> str:
    """What the kernel calls the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
