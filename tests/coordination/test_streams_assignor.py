"""Who gets which task: what holds of every assignment, and the cases that KIP-1071 names."""

from __future__ import annotations

from random import Random

import pytest

from kafkalite.coordination.group.streams.assignor import (
    AssignableMember,
    AssignableSubtopology,
    assign,
)
from kafkalite.coordination.group.streams.tasks import TaskId, Tasks
from kafkalite.types import MemberId
from tests.coordination.streams_assignor_cases import Case, random_case


def tasks(*names: str) -> frozenset[TaskId]:
    """`0_1` is task 1 of subtopology 0."""
    return frozenset(TaskId(name.split("_")[0], int(name.split("_")[1])) for name in names)


def member(name: str, process: str, active: str = "", standby: str = "") -> AssignableMember:
    previous = Tasks(tasks(*active.split()), tasks(*standby.split()))
    return AssignableMember(MemberId(name), process, previous)


STATEFUL = AssignableSubtopology("0", 4, is_stateful=True)
STATELESS = AssignableSubtopology("0", 4, is_stateful=False)


@pytest.mark.parametrize("seed", range(200))
def test_every_task_has_one_active_and_no_process_has_a_task_twice(seed: int) -> None:
    case = random_case(Random(seed))
    assigned = assign(*case)
    active = [task for each in assigned.values() for task in each.active]
    assert sorted(active) == sorted(case.tasks)
    for process in {each.process_id for each in case.members}:
        held = [
            task
            for each in case.members
            if each.process_id == process
            for task in (*assigned[each.member_id].active, *assigned[each.member_id].standby)
        ]
        assert len(held) == len(set(held))


@pytest.mark.parametrize("seed", range(200))
def test_there_are_as_many_standbys_as_processes_allow(seed: int) -> None:
    case = random_case(Random(seed))
    assigned = assign(*case)
    processes = len({each.process_id for each in case.members})
    copies = min(case.standby_replicas, processes - 1)
    stateful = sum(each.task_count for each in case.subtopologies if each.is_stateful)
    assert sum(len(each.standby) for each in assigned.values()) == stateful * copies


@pytest.mark.parametrize("seed", range(100))
def test_a_balanced_assignment_stays_as_it_is(seed: int) -> None:
    case = random_case(Random(seed))
    one_member_each = [each._replace(process_id=each.member_id) for each in case.members]
    case = Case(one_member_each, case.subtopologies, standby_replicas=0)
    first = assign(*case)
    again = [each._replace(previous=first[each.member_id]) for each in case.members]
    assert assign(again, case.subtopologies, 0) == first


def test_tasks_go_back_to_the_members_that_had_them() -> None:
    members = [member("a", "P", "0_0 0_3"), member("b", "Q", "0_1 0_2")]
    assigned = assign(members, [STATELESS], 0)
    assert {name: each.active for name, each in assigned.items()} == {
        "a": tasks("0_0", "0_3"),
        "b": tasks("0_1", "0_2"),
    }


def test_a_new_member_gets_its_share_and_no_more_moves_than_that() -> None:
    members = [member("a", "P", "0_0 0_1 0_2 0_3"), member("b", "Q")]
    assigned = assign(members, [STATELESS], 0)
    assert assigned[MemberId("a")].active == tasks("0_0", "0_1")
    assert assigned[MemberId("b")].active == tasks("0_2", "0_3")


def test_a_standby_becomes_active_when_the_active_is_gone() -> None:
    members = [member("b", "Q", "0_1", "0_0"), member("c", "R", "0_2", "0_3")]
    assigned = assign(members, [STATEFUL], 0)
    assert assigned[MemberId("b")].active == tasks("0_0", "0_1")
    assert assigned[MemberId("c")].active == tasks("0_2", "0_3")


def test_members_of_one_process_share_what_it_gets() -> None:
    members = [member("a", "P"), member("b", "P"), member("c", "Q"), member("d", "P")]
    assigned = assign(members, [STATELESS], 0)
    assert [len(assigned[MemberId(name)].active) for name in "abcd"] == [1, 1, 1, 1]


def test_a_task_without_state_has_no_standby() -> None:
    assigned = assign([member("a", "P"), member("b", "Q")], [STATELESS], 1)
    assert all(not each.standby for each in assigned.values())


def test_a_single_process_gets_no_standby() -> None:
    assigned = assign([member("a", "P"), member("b", "P")], [STATEFUL], 1)
    assert all(not each.standby for each in assigned.values())


def test_nobody_gets_nothing() -> None:
    assert assign([], [STATEFUL], 1) == {}
