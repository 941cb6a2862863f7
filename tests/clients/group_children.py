"""Consumers in processes of their own, and what their lives tell of a group: see group_child.py."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from tests.broker_process import REPOSITORY, clean_environment
from tests.java_kafka import class_path
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

_HERE = Path(__file__).parent
_QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"

COMMANDS = {
    "confluent": [sys.executable, str(_HERE / "group_child.py")],
    "java": ["java", "-Xmx128M", _QUIET, "-cp", "", str(_HERE / "java" / "GroupChild.java")],
}


class Interval(NamedTuple):
    """From when to when a consumer could read a partition, in nanoseconds."""

    partition: int
    begin: int
    end: int
    name: str


class Child:
    """One consumer; a context manager that kills what is left of it."""

    def __init__(self, client: str, folder: Path, name: str, *arguments: str) -> None:
        self.name = name
        self._path = folder / f"{name}.events"
        self._ended_ns: int | None = None
        command = list(COMMANDS[client])
        if client == "java":
            command[4] = class_path()
        with self._path.open("wb") as out, (folder / f"{name}.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *arguments],
                cwd=REPOSITORY,
                env=clean_environment(),
                stdout=out,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(30)

    def kill9(self) -> None:
        """Nothing is said, to nobody."""
        self._process.kill()
        self._process.wait(30)
        self._ended_ns = time.monotonic_ns()

    def leave(self) -> None:
        """It closes its consumer and ends."""
        self._process.terminate()
        self._process.wait(60)
        assert any(event == "closed" for _, event, _ in self.events()), f"{self.name} did not close"

    def events(self) -> list[tuple[int, str, list[str]]]:
        """Time, event, details; a line that is being written is left out."""
        lines = self._path.read_text().split("\n")[:-1]
        split = [line.split() for line in lines]
        return [(int(when), event, details) for when, event, *details in split]

    @property
    def owned(self) -> set[int]:
        owned: set[int] = set()
        for _, event, details in self.events():
            if event == "assign":
                owned |= set(map(int, details))
            elif event in ("revoke", "lost"):
                owned -= set(map(int, details))
        return owned

    @property
    def read(self) -> list[tuple[int, int]]:
        """Partition and offset of every record, in the order it got them."""
        return [
            (int(details[0]), int(details[1]))
            for _, event, details in self.events()
            if event == "read"
        ]

    def intervals(self) -> list[Interval]:
        """When it had which partition. One that was killed had them until then, one that lives until now."""
        found: list[Interval] = []
        begun: dict[int, int] = {}
        for when, event, details in self.events():
            partitions = list(map(int, details)) if event in ("assign", "revoke", "lost") else []
            if event == "assign":
                begun |= dict.fromkeys(partitions, when)
                continue
            ended = [each for each in partitions if each in begun]
            found += [Interval(each, begun.pop(each), when, self.name) for each in ended]
        end = self._ended_ns or time.monotonic_ns()
        return found + [Interval(each, when, end, self.name) for each, when in begun.items()]


def wait_for_owners(children: Iterable[Child], partitions: int, what: str) -> None:
    """Until these have all partitions between them, and each has some."""
    children = list(children)

    def all_owned() -> bool:
        owned = [child.owned for child in children]
        return all(owned) and sum(map(len, owned)) == partitions == len(set().union(*owned))

    wait_until(all_owned, what, timeout_s=60)


def wait_for_records(children: Iterable[Child], records: set[tuple[int, int]]) -> None:
    """Until every record has been read by somebody. One that was skipped never is."""
    children = list(children)
    wait_until(
        lambda: records <= {each for child in children for each in child.read},
        "every record is read",
        timeout_s=60,
    )


def check_nobody_reads_what_another_does(children: Iterable[Child]) -> None:
    by_partition: dict[int, list[Interval]] = defaultdict(list)
    for child in children:
        for interval in child.intervals():
            by_partition[interval.partition].append(interval)
    for intervals in by_partition.values():
        intervals.sort(key=lambda one: one.begin)
        for earlier, later in pairwise(intervals):
            assert earlier.end <= later.begin or earlier.name == later.name, (
                f"{earlier} and {later}: {(earlier.end - later.begin) / 1e6:.1f} ms together"
            )
