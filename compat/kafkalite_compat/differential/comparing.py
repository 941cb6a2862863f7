"""Two transcripts field by field: where they differ, and which of the differences are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from kafkalite_compat.differential.side import Answer, Api

ABSENT: Final = "absent"


class Difference(NamedTuple):
    """One field in which the two answers differ.

    Attributes:
        where: `scenario / label / field.path[0].field`
    """

    where: str
    reference: Any
    other: Any
    api: Api | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.reference!r}, here {self.other!r}"


class Accepted(NamedTuple):
    """A difference that is kept. `where` is a regular expression for `Difference.where`."""

    where: str
    reason: str


def differences(
    scenario: str, reference: Sequence[Answer], other: Sequence[Answer]
) -> list[Difference]:
    """Field by field, in the order of asking; up to where the scenario went two ways."""
    found: list[Difference] = []
    for theirs, ours in zip(reference, other, strict=False):
        if theirs.label != ours.label:
            found.append(Difference(f"{scenario} / what was asked", theirs.label, ours.label))
            return found
        where = f"{scenario} / {theirs.label} / "
        unlike = list(_unlike(where, theirs.value, ours.value))
        if not unlike and theirs.is_whole and not ours.is_whole:
            unlike = [Difference(f"{where}bytes", "as decoded", "more than was decoded")]
        found += [one._replace(api=theirs.api) for one in unlike]
    if len(reference) != len(other):
        found.append(Difference(f"{scenario} / answers", len(reference), len(other)))
    return found


def _unlike(where: str, reference: Any, other: Any) -> Iterator[Difference]:
    if isinstance(reference, dict) and isinstance(other, dict):
        for name in reference | other:
            yield from _unlike(
                where + name if where[-1] == " " else f"{where}.{name}",
                reference.get(name, ABSENT),
                other.get(name, ABSENT),
            )
    elif isinstance(reference, list) and isinstance(other, list) and len(reference) == len(other):
        for index, (theirs, ours) in enumerate(zip(reference, other, strict=True)):
            yield from _unlike(f"{where}[{index}]", theirs, ours)
    elif reference != other:
        yield Difference(where, reference, other)


def reason_to_keep(difference: Difference, accepted: Sequence[Accepted]) -> Accepted | None:
    """The first entry of the list that speaks of this difference."""
    return next((one for one in accepted if re.search(one.where, difference.where)), None)


def not_seen(found: Sequence[Difference], accepted: Sequence[Accepted]) -> list[Accepted]:
    """Entries of the list that no difference needs any more."""
    return [
        one for one in accepted if not any(re.search(one.where, place.where) for place in found)
    ]
