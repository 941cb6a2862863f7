"""What a comparison found: per script its differences, and per API and version what was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kafkalite_protocol.messages import APIS

from kafkalite_compat.differential.comparing import Accepted, Difference
from kafkalite_compat.differential.side import Api


@dataclass(frozen=True)
class ScriptResult:
    """One script on both brokers.

    Attributes:
        differences: Those that nobody has explained.
        kept: Those that are known, with the reason.
        requests: How many the reference was sent.
        skipped: Why it was not run, or None.
        broken: How it ended early on the reference, which then says nothing about the other broker; or None.
    """

    name: str
    group: str
    differences: tuple[Difference, ...] = ()
    kept: tuple[tuple[Difference, Accepted], ...] = ()
    requests: int = 0
    seconds: float = 0.0
    skipped: str | None = None
    broken: str | None = None


@dataclass(frozen=True)
class Coverage:
    """One version of an API.

    Attributes:
        reference, other: Whether the broker advertises it.
        good, bad: Requests that were sent to each broker: well-formed ones, and bytes that may be no request.
        differences: Differing fields in the answers, kept ones included.
    """

    api: Api
    reference: bool
    other: bool
    good: int = 0
    bad: int = 0
    differences: int = 0

    @property
    def name(self) -> str:
        key = self.api[0]
        return APIS[key].name if key in APIS else f"key {key}"


@dataclass(frozen=True)
class Report:
    """A comparison of two brokers.

    Attributes:
        decoded, whole: Answers of both brokers that were decoded, and how many of them, encoded again, are the bytes that came.
        unneeded: Entries of the list of kept differences that nothing needed; empty unless every script was run.
    """

    reference: str
    other: str
    results: tuple[ScriptResult, ...]
    coverage: tuple[Coverage, ...]
    decoded: int = 0
    whole: int = 0
    unneeded: tuple[Accepted, ...] = ()

    @property
    def differences(self) -> list[Difference]:
        return [found for result in self.results for found in result.differences]

    @property
    def kept(self) -> list[tuple[Difference, Accepted]]:
        return [found for result in self.results for found in result.kept]

    @property
    def requests(self) -> int:
        """How many each broker was sent."""
        return sum(result.requests for result in self.results)

    @property
    def is_alike(self) -> bool:
        """Whether no script showed a difference that is not kept, and each could be judged."""
        return not self.differences and not any(result.broken for result in self.results)


def merged(reports: Sequence[Report]) -> Report:
    """One report of several, of the same brokers in different setups."""
    first = reports[0]
    ran = [result for report in reports for result in report.results if result.skipped is None]
    names = {result.name for result in ran}
    skipped: dict[str, ScriptResult] = {}
    for report in reports:
        for result in report.results:
            if result.name not in names:
                skipped.setdefault(result.name, result)
    return Report(
        reference=first.reference,
        other=first.other,
        results=(*ran, *skipped.values()),
        coverage=tuple(_added(one for report in reports for one in report.coverage)),
        decoded=sum(report.decoded for report in reports),
        whole=sum(report.whole for report in reports),
        unneeded=tuple(
            one for one in first.unneeded if all(one in report.unneeded for report in reports)
        ),
    )


def _added(rows: Iterable[Coverage]) -> Iterable[Coverage]:
    total: dict[Api, Coverage] = {}
    for row in rows:
        had = total.get(row.api, Coverage(row.api, False, False))
        total[row.api] = Coverage(
            row.api,
            had.reference or row.reference,
            had.other or row.other,
            had.good + row.good,
            had.bad + row.bad,
            had.differences + row.differences,
        )
    return [total[api] for api in sorted(total)]


@dataclass
class Tally:
    """What has been asked so far, by API and version."""

    good: Counter[Api] = field(default_factory=Counter)
    bad: Counter[Api] = field(default_factory=Counter)
    differences: Counter[Api] = field(default_factory=Counter)

    def coverage(
        self, reference: Mapping[int, tuple[int, int]], other: Mapping[int, tuple[int, int]]
    ) -> tuple[Coverage, ...]:
        """A row per version that either broker advertises or that was asked for."""
        advertised = _each(reference), _each(other)
        asked = {api for api in self.good if api[0] in APIS}
        return tuple(
            Coverage(
                api,
                api in advertised[0],
                api in advertised[1],
                self.good[api],
                self.bad[api],
                self.differences[api],
            )
            for api in sorted(advertised[0] | advertised[1] | asked)
        )


def _each(versions: Mapping[int, tuple[int, int]]) -> set[Api]:
    return {
        (key, version)
        for key, (lowest, highest) in versions.items()
        for version in range(lowest, highest + 1)
    }
