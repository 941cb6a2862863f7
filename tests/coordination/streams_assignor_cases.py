"""Random questions for the sticky task assignor: topologies, members, and what they had before."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from kafkalite.coordination.group.streams.assignor import AssignableMember, AssignableSubtopology
from kafkalite.coordination.group.streams.tasks import TaskId, Tasks
from kafkalite.types import MemberId


class Case(NamedTuple):
    members: list[AssignableMember]
    subtopologies: list[AssignableSubtopology]
    standby_replicas: int

    @property
    def tasks(self) -> set[TaskId]:
        return {
            TaskId(each.subtopology_id, partition)
            for each in self.subtopologies
            for partition in range(each.task_count)
        }


def random_case(random: Random) -> Case:
    """Ids are single letters, so that Java's HashMap lists them in order."""
    subtopologies = [
        AssignableSubtopology(str(number), random.randint(1, 12), random.random() < 0.6)
        for number in range(random.randint(1, 4))
    ]
    names = "abcdefghi"[: random.randint(1, 9)]
    processes = "PQRS"[: min(len(names), random.randint(1, 4))]
    process_of = {name: random.choice(processes) for name in names}
    active: dict[str, set[TaskId]] = {name: set() for name in names}
    standby: dict[str, set[TaskId]] = {name: set() for name in names}
    case = Case([], subtopologies, random.choice([0, 0, 1, 1, 2]))
    owners = names[: random.randint(0, len(names))]
    for task in sorted(case.tasks) if owners else ():
        if random.random() < 0.85:
            owner = random.choice(owners)
            active[owner].add(task)
            for other in random.sample(names, min(len(names), random.randint(0, 2))):
                if process_of[other] != process_of[owner]:
                    standby[other].add(task)
    case.members.extend(
        AssignableMember(
            MemberId(name),
            process_of[name],
            Tasks(frozenset(active[name]), frozenset(standby[name])),
        )
        for name in names
    )
    return case
