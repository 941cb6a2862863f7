"""Who gets which task: KIP-1071's sticky assignor, as Kafka 4.3's `StickyTaskAssignor` does it.

    active     1 back to the member that had the task
               2 else to a member that had it as a standby: of these, the one with the least to do
               3 else to the process with the least to do, and there to the member with the least
    standby    the same, but never to a process that has the task already, and only for subtopologies with state

1 and 2 only up to a member's fair share. Members of one process share what the process can do, so a process of three
threads gets three times as much as one of a single thread. What is equally good goes in order of ids.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kafkalite.coordination.group.streams.tasks import TaskId, Tasks
from kafkalite.types import MemberId


class AssignableSubtopology(NamedTuple):
    subtopology_id: str
    task_count: int
    is_stateful: bool
    """It has changelogs, so standbys are worth having."""


class AssignableMember(NamedTuple):
    member_id: MemberId
    process_id: str
    previous: Tasks
    """Its target so far."""


def assign(
    members: Iterable[AssignableMember],
    subtopologies: Sequence[AssignableSubtopology],
    standby_replicas: int,
) -> dict[MemberId, Tasks]:
    """A target for every member. Without members nothing is assigned."""
    ordered = sorted(members)
    if not ordered:
        return {}
    return _Assignment(ordered, subtopologies, standby_replicas).compute()


class _Share:
    """How many tasks a member may have so that all have about the same; those that have it leave the calculation."""

    def __init__(self, task_count: int, member_count: int) -> None:
        self._tasks = task_count
        self._members = member_count

    @property
    def per_member(self) -> int:
        return -(-self._tasks // self._members) if self._members else 0

    def note(self, count: int) -> None:
        """A member has just come to have `count` tasks."""
        if count == self.per_member:
            self._members -= 1
            self._tasks -= count


class _Process:
    """One process of the application and its members."""

    def __init__(self) -> None:
        self.counts: dict[MemberId, int] = {}
        self.tasks: set[TaskId] = set()
        """In any role."""

    @property
    def load(self) -> float:
        """Tasks per member."""
        return sum(self.counts.values()) / len(self.counts)

    def least_loaded_member(self) -> MemberId:
        return min(self.counts, key=lambda member_id: (self.counts[member_id], member_id))


class _Assignment:
    def __init__(
        self,
        members: Sequence[AssignableMember],
        subtopologies: Sequence[AssignableSubtopology],
        standby_replicas: int,
    ) -> None:
        self._standby_replicas = standby_replicas
        self._active_tasks = _tasks_of(subtopologies)
        self._stateful_tasks = _tasks_of(each for each in subtopologies if each.is_stateful)
        total = len(self._active_tasks) + len(self._stateful_tasks) * standby_replicas
        self._active_share = _Share(len(self._active_tasks), len(members))
        self._total_share = _Share(total, len(members))
        self._active: dict[MemberId, set[TaskId]] = {each.member_id: set() for each in members}
        self._standby: dict[MemberId, set[TaskId]] = {each.member_id: set() for each in members}
        self._processes: dict[str, _Process] = {}
        self._process_of: dict[MemberId, _Process] = {}
        self._had_active: dict[TaskId, MemberId] = {}
        self._had_standby: dict[TaskId, list[MemberId]] = {}
        for member in members:
            process = self._processes.setdefault(member.process_id, _Process())
            process.counts[member.member_id] = 0
            self._process_of[member.member_id] = process
            self._had_active.update(dict.fromkeys(member.previous.active, member.member_id))
            for task in member.previous.standby:
                self._had_standby.setdefault(task, []).append(member.member_id)

    def compute(self) -> dict[MemberId, Tasks]:
        self._assign_active()
        if self._standby_replicas:
            self._assign_standby()
        return {
            member_id: Tasks(frozenset(active), frozenset(self._standby[member_id]))
            for member_id, active in self._active.items()
        }

    # -- active tasks -----------------------------------------------------------------------------------------------

    def _assign_active(self) -> None:
        tasks = sorted(self._active_tasks, key=_by_partition)
        tasks = [task for task in tasks if not self._active_back(task, self._had_active.get(task))]
        tasks = [
            task
            for task in tasks
            if not self._active_back(task, self._least_loaded(self._had_standby.get(task, ())))
        ]
        queue = _ProcessQueue(self._processes)
        for task in sorted(tasks):
            process = queue.take()
            self._give_active(task, process.least_loaded_member())
            queue.put_back()

    def _active_back(self, task: TaskId, member_id: MemberId | None) -> bool:
        """Give the task to a member that knows it, if that has less than its share."""
        if member_id is None or self._count(member_id) >= self._active_share.per_member:
            return False
        self._give_active(task, member_id)
        return True

    def _give_active(self, task: TaskId, member_id: MemberId) -> None:
        self._active[member_id].add(task)
        count = self._take_on(task, member_id)
        self._active_share.note(count)
        self._total_share.note(count)

    # -- standby tasks ----------------------------------------------------------------------------------------------

    def _assign_standby(self) -> None:
        left: list[tuple[TaskId, int]] = []
        for task in sorted(self._stateful_tasks, key=_by_partition, reverse=True):
            for replica in range(self._standby_replicas):
                if not self._standby_back(task):
                    left.append((task, self._standby_replicas - replica))
                    break
        queue = _ProcessQueue(self._processes)
        for task, replicas in sorted(left, reverse=True):
            for _ in range(replicas):
                process = queue.take_without(task)
                if process is None:
                    break  # every process has the task: more copies would be of no use
                self._give_standby(task, process.least_loaded_member())
                queue.put_back()

    def _standby_back(self, task: TaskId) -> bool:
        """Give a copy to a member that knows the task, if its process has none and it has less than its share."""
        active = self._had_active.get(task)
        if active is not None and self._may_have_standby(task, active):
            self._give_standby(task, active)
            return True
        standbys = self._had_standby.get(task, [])
        standby = self._least_loaded(standbys, task)
        # Kafka asks the process of the first of them, whichever was chosen; so do we, to give the same assignment.
        if standby is None or task in self._process_of[standbys[0]].tasks:
            return False
        if self._count(standby) >= self._total_share.per_member:
            return False
        self._give_standby(task, standby)
        return True

    def _may_have_standby(self, task: TaskId, member_id: MemberId) -> bool:
        return (
            task not in self._process_of[member_id].tasks
            and self._count(member_id) < self._total_share.per_member
        )

    def _give_standby(self, task: TaskId, member_id: MemberId) -> None:
        self._standby[member_id].add(task)
        self._total_share.note(self._take_on(task, member_id))

    # -- loads ------------------------------------------------------------------------------------------------------

    def _count(self, member_id: MemberId) -> int:
        return self._process_of[member_id].counts[member_id]

    def _take_on(self, task: TaskId, member_id: MemberId) -> int:
        """How many tasks the member has now."""
        process = self._process_of[member_id]
        process.tasks.add(task)
        process.counts[member_id] += 1
        return process.counts[member_id]

    def _least_loaded(
        self, member_ids: Sequence[MemberId], without: TaskId | None = None
    ) -> MemberId | None:
        """The first, unless another one has less to do as a process and as a member, and its process not this task."""
        best: MemberId | None = None
        for member_id in member_ids:
            if best is None:
                best = member_id
                continue
            process = self._process_of[member_id]
            if (
                process.load < self._process_of[best].load
                and self._count(member_id) < self._count(best)
                and without not in process.tasks
            ):
                best = member_id
        return best


class _ProcessQueue:
    """Processes, those with the least to do first."""

    def __init__(self, processes: Mapping[str, _Process]) -> None:
        self._heap = [(process.load, name, process) for name, process in sorted(processes.items())]
        heapq.heapify(self._heap)
        self._taken: list[tuple[float, str, _Process]] = []

    def take(self) -> _Process:
        self._taken.append(heapq.heappop(self._heap))
        return self._taken[-1][2]

    def take_without(self, task: TaskId) -> _Process | None:
        """The first process that does not have the task, None when all have it."""
        while self._heap:
            process = self.take()
            if task not in process.tasks:
                return process
        self.put_back()
        return None

    def put_back(self) -> None:
        """What was taken, in its new place."""
        for _, name, process in self._taken:
            heapq.heappush(self._heap, (process.load, name, process))
        self._taken.clear()


def _tasks_of(subtopologies: Iterable[AssignableSubtopology]) -> list[TaskId]:
    return [
        TaskId(each.subtopology_id, partition)
        for each in subtopologies
        for partition in range(each.task_count)
    ]


def _by_partition(task: TaskId) -> tuple[int, str]:
    return task.partition, task.subtopology_id
