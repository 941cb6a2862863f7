"""Tasks: what a streams group hands out. Task `0_3` is subtopology `0` at work on partition 3 of its source topics.

A member holds tasks in three roles. Active tasks read, process and commit; one member has each. Standby tasks keep a
copy of a task's state beside it; a process has at most one of a task, in whatever role. Warm-up tasks restore state
before their active task comes; Kafka 4.3 hands none out yet, but its records and messages have them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeVar


class TaskId(NamedTuple):
    subtopology_id: str
    partition: int


NO_TASKS: frozenset[TaskId] = frozenset()


class Tasks(NamedTuple):
    """Tasks by role: a target, or what a member says it has."""

    active: frozenset[TaskId] = NO_TASKS
    standby: frozenset[TaskId] = NO_TASKS
    warmup: frozenset[TaskId] = NO_TASKS


class HeldTasks(NamedTuple):
    """Tasks by role that a member has been given; active ones with the member epoch in which it got them, so that a
    commit of an older epoch can be told from that of an earlier owner."""

    active: Mapping[TaskId, int] = MappingProxyType({})
    standby: frozenset[TaskId] = NO_TASKS
    warmup: frozenset[TaskId] = NO_TASKS

    @property
    def is_empty(self) -> bool:
        return not (self.active or self.standby or self.warmup)

    def overlaps(self, tasks: Tasks) -> bool:
        """Is any of `tasks` among these, in the same role?"""
        return not (
            tasks.active.isdisjoint(self.active)
            and tasks.standby.isdisjoint(self.standby)
            and tasks.warmup.isdisjoint(self.warmup)
        )

    def is_part_of(self, tasks: Tasks) -> bool:
        """Are these all among `tasks`, in the same role?"""
        return (
            tasks.active >= self.active.keys()
            and tasks.standby >= self.standby
            and tasks.warmup >= self.warmup
        )

    def contains(self, tasks: Tasks) -> bool:
        """Are all of `tasks` among these, in the same role?"""
        return (
            self.active.keys() >= tasks.active
            and self.standby >= tasks.standby
            and self.warmup >= tasks.warmup
        )


NOTHING_HELD = HeldTasks()


class TaskIds(Protocol):
    """The tasks of one subtopology, as messages and records have them."""

    subtopology_id: str
    partitions: list[int]


T = TypeVar("T")


def read_tasks(entries: Iterable[TaskIds]) -> frozenset[TaskId]:
    return frozenset(
        TaskId(entry.subtopology_id, partition)
        for entry in entries
        for partition in entry.partitions
    )


def write_tasks(tasks: Iterable[TaskId], entry: Callable[[str, list[int]], T]) -> list[T]:
    """`entry(subtopology_id, partitions)` for each subtopology, in order; partitions in order too."""
    return [entry(name, partitions) for name, partitions in by_subtopology(tasks).items()]


def by_subtopology(tasks: Iterable[TaskId]) -> dict[str, list[int]]:
    """Subtopologies and their partitions, both in order."""
    grouped: dict[str, list[int]] = {}
    for task in sorted(tasks):
        grouped.setdefault(task.subtopology_id, []).append(task.partition)
    return grouped


def owned_tasks(
    active: Sequence[TaskIds] | None,
    standby: Sequence[TaskIds] | None,
    warmup: Sequence[TaskIds] | None,
) -> Tasks | None:
    """What a member says it has; None when it does not say."""
    if active is None or standby is None or warmup is None:
        return None
    return Tasks(read_tasks(active), read_tasks(standby), read_tasks(warmup))
