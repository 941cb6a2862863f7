"""What every form of the report says in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from kafkalite_compat.differential.outcome import Coverage, Report

_SHOWN_CHARACTERS: Final = 120


class ApiRow(NamedTuple):
    """All versions of one API. `reference`, `other` and `missing` are ranges in words, like "0-5, 7"."""

    key: int
    name: str
    reference: str
    other: str
    missing: str
    good: int
    bad: int
    differences: int


def by_api(report: Report) -> list[ApiRow]:
    """The coverage, a row per API that either broker advertises."""
    rows = []
    for key, group in groupby(report.coverage, key=lambda one: one.api[0]):
        versions = list(group)
        row = ApiRow(
            key,
            versions[0].name,
            _ranges(one.api[1] for one in versions if one.reference),
            _ranges(one.api[1] for one in versions if one.other),
            _ranges(one.api[1] for one in versions if one.reference and not one.other),
            *_totals(versions),
        )
        if row.reference or row.other:
            rows.append(row)
    return rows


def _totals(rows: Sequence[Coverage]) -> tuple[int, int, int]:
    return (
        sum(one.good for one in rows),
        sum(one.bad for one in rows),
        sum(one.differences for one in rows),
    )


def summary(report: Report) -> list[str]:
    """What came of it, in sentences."""
    ran = [one for one in report.results if one.skipped is None]
    covered = [one for one in report.coverage if one.reference]
    good = sum(1 for one in covered if one.good)
    lines = [
        (
            f"{report.requests} requests in {len(ran)} scripts were put to {report.reference} (the measure) and {report.other}: "
            f"{counted(len(report.differences), 'difference')}, and {len(report.kept)} that are kept with a reason."
        ),
        f"Of the {len(covered)} API versions that {report.reference} advertises, {good} were sent good requests.",
        f"{report.whole} of {report.decoded} decoded answers are, encoded again, the bytes that came.",
    ]
    lines += [
        f"{one.name} was judged by nothing: on {report.reference} it ended early, {one.broken}."
        for one in ran
        if one.broken
    ]
    for reason, results in groupby(
        sorted((one for one in report.results if one.skipped), key=lambda one: one.skipped or ""),
        key=lambda one: one.skipped,
    ):
        lines.append(f"Skipped: {', '.join(one.name for one in results)}: {reason}.")
    lines += [
        f"No difference needs this entry any more: {one.where} ({one.reason})."
        for one in report.unneeded
    ]
    return lines


def counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def shown(value: Any) -> str:
    """A value, cut where it gets long."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _ranges(numbers: Iterable[int]) -> str:
    """ "0-5, 7" for 0, 1, 2, 3, 4, 5, 7."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][-1] + 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ", ".join("-".join(map(str, one)) for one in found)
