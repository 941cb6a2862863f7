"""Our sticky task assignor and Kafka's StickyTaskAssignor give the same assignment.

Kafka leaves what is equally good to Java's PriorityQueue, we to the order of ids. So here ours is given a queue that
orders equals as Java's does; nothing else is exchanged, and every assignment must come out the same.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Generic, TypeVar

import pytest

from kafkalite.coordination.group.streams import assignor
from kafkalite.coordination.group.streams.assignor import assign
from kafkalite.coordination.group.streams.tasks import TaskId
from tests.coordination.streams_assignor_cases import Case, random_case
from tests.java_kafka import class_path

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

SOURCE = Path(__file__).parent / "java" / "StreamsAssignors.java"
CASES = 2_000

E = TypeVar("E")


class JavaPriorityQueue(Generic[E]):
    """`java.util.PriorityQueue`: a binary heap in which an element passes only those that are truly greater."""

    def __init__(self, key: Callable[[E], Any]) -> None:
        self.elements: list[E] = []
        self._key = key

    def add(self, element: E) -> None:
        heap, at = self.elements, len(self.elements)
        heap.append(element)
        while at and self._key(element) < self._key(heap[(at - 1) // 2]):
            heap[at] = heap[(at - 1) // 2]
            at = (at - 1) // 2
        heap[at] = element

    def poll(self) -> E:
        heap = self.elements
        first, last = heap[0], heap.pop()
        at = 0
        while heap and at < len(heap) // 2:
            child = 2 * at + 1
            if child + 1 < len(heap) and self._key(heap[child]) > self._key(heap[child + 1]):
                child += 1
            if self._key(last) <= self._key(heap[child]):
                break
            heap[at] = heap[child]
            at = child
        if heap:
            heap[at] = last
        return first


class JavaProcessQueue:
    """In place of `assignor._ProcessQueue`."""

    def __init__(self, processes: Mapping[str, Any]) -> None:
        self._queue: JavaPriorityQueue[Any] = JavaPriorityQueue(lambda process: process.load)
        self._taken: list[Any] = []
        for _, process in sorted(processes.items()):
            self._queue.add(process)

    def take(self) -> Any:
        self._taken.append(self._queue.poll())
        return self._taken[-1]

    def take_without(self, task: TaskId) -> Any:
        while self._queue.elements:
            process = self.take()
            if task not in process.tasks:
                return process
        self.put_back()
        return None

    def put_back(self) -> None:
        for process in reversed(self._taken):
            self._queue.add(process)
        self._taken.clear()


class JavaProcess(assignor._Process):
    """In place of `assignor._Process`: its members in a queue that lasts until a task is given to one by name."""

    def __init__(self) -> None:
        super().__init__()
        self._queue: JavaPriorityQueue[list[Any]] | None = None
        self._expected: dict[str, int] = {}

    def least_loaded_member(self) -> Any:
        if self._queue is None or self._expected != self.counts:
            self._queue = JavaPriorityQueue(lambda entry: entry[1])
            for entry in sorted(self.counts.items()):
                self._queue.add(list(entry))
        member = self._queue.poll()
        member[1] += 1
        self._queue.add(member)
        self._expected = {**self.counts, member[0]: member[1]}
        return member[0]


def test_random_groups_are_assigned_as_by_kafka(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(1)
    cases = [random_case(random) for _ in range(CASES)]
    kafkas = ask_kafka(tmp_path, cases)
    monkeypatch.setattr(assignor, "_ProcessQueue", JavaProcessQueue)
    monkeypatch.setattr(assignor, "_Process", JavaProcess)
    ours = [answer_of(case) for case in cases]
    assert [number for number in range(CASES) if ours[number] != kafkas[number]] == []


def ask_kafka(folder: Path, cases: Iterable[Case]) -> list[str]:
    """See java/StreamsAssignors.java for the lines."""
    compiled = ["javac", "-cp", class_path(), "-d", str(folder), str(SOURCE)]
    subprocess.run(compiled, check=True)
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=off"
    done = subprocess.run(
        ["java", "-Xmx512M", quiet, "-cp", class_path(folder), "StreamsAssignors"],
        input="".join(f"{question_of(case)}\n" for case in cases),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout.splitlines()


def question_of(case: Case) -> str:
    subtopologies = (
        f"{each.subtopology_id}:{each.task_count}:{int(each.is_stateful)}"
        for each in case.subtopologies
    )
    fields = [str(case.standby_replicas), ",".join(subtopologies)]
    for each in case.members:
        previous = each.previous
        fields += [each.member_id, each.process_id, text(previous.active), text(previous.standby)]
    return "\t".join(fields)


def answer_of(case: Case) -> str:
    assigned = assign(*case)
    return "\t".join(
        "\t".join([member_id, text(assigned[member_id].active), text(assigned[member_id].standby)])
        for member_id in sorted(assigned)
    )


def text(tasks: Iterable[TaskId]) -> str:
    return " ".join(f"{task.subtopology_id}_{task.partition}" for task in sorted(tasks)) or "-"
