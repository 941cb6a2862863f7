"""The assignors that the broker has, by the names that group.consumer.assignors and members use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from kafkalite.coordination.group.consumer.range_assignor import RangeAssignor
from kafkalite.coordination.group.consumer.uniform_assignor import UniformAssignor
from kafkalite.coordination.group.modern.assignor import Assignor

BUILT_IN: Final[Mapping[str, Assignor]] = MappingProxyType(
    {each.name: each for each in (UniformAssignor(), RangeAssignor())}
)


def assignors_of(names: Iterable[str]) -> dict[str, Assignor]:
    """Those of group.consumer.assignors, the default first. A Java class named there is not to be had."""
    found = {name: BUILT_IN[name] for name in names if name in BUILT_IN}
    return found or dict(BUILT_IN)
