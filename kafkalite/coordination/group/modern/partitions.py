"""Sets of partitions by topic id, as targets and assignments of the new groups are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from kafkalite.types import Uuid

Partitions = Mapping[Uuid, frozenset[int]]
"""Topic id -> partition numbers; a topic without any is left out. Values, never changed."""

NO_PARTITIONS: Final[Partitions] = MappingProxyType({})


def partitions_of(pairs: Iterable[tuple[Uuid, Iterable[int]]]) -> Partitions:
    """From (topic id, partition numbers); a topic that comes twice counts together."""
    found: dict[Uuid, set[int]] = {}
    for topic_id, numbers in pairs:
        found.setdefault(topic_id, set()).update(numbers)
    return {topic_id: frozenset(numbers) for topic_id, numbers in found.items() if numbers}


def pairs_of(partitions: Partitions) -> Iterator[tuple[Uuid, int]]:
    """Each partition on its own."""
    for topic_id, numbers in partitions.items():
        for number in numbers:
            yield topic_id, number
