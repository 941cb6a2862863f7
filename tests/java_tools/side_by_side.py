"""The same done on Apache Kafka and on kafkalite at once; what the tools print must be the same."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kafkalite_compat.differential.requests.records import batch_of, produce
from kafkalite_compat.differential.side import Side

from tests.java_kafka import run_tool

FIRST_RECORD_MS = int(time.time() * 1000) - 600_000
"""Of the topics here. Not long ago, or retention removes them."""


class Broker:
    """One of the two: what is done on it, and what the tools print."""

    def __init__(self, bootstrap: str, directory: Path) -> None:
        self.bootstrap = bootstrap
        self.directory = directory
        self.printed: list[tuple[str, list[str]]] = []

    def run(self, tool: str, *args: str) -> str:
        done = run_tool(tool, "--bootstrap-server", self.bootstrap, *args, check=False)
        lines = [line for line in map(self._masked, done.stdout.splitlines()) if line]
        errors = [
            self._masked(line)
            for line in done.stderr.splitlines()
            if line and not line.startswith(("\tat ", "SLF4J", "\t..."))
        ]
        label = " ".join([tool.rpartition(".")[2], *args])
        self.printed.append(
            (self._masked(label), [f"exit {done.returncode}", *sorted(lines), *errors])
        )
        return done.stdout

    def _masked(self, line: str) -> str:
        line = line.replace(self.bootstrap, "BROKER").replace(str(self.directory), "DIRECTORY")
        line = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", line)
        line = re.sub(r"((?:Exception|Error): ).+", r"\1TEXT", line)
        return re.sub(r"\s+", " ", line).strip()


Scenario = Callable[[Broker], None]
Compare = Callable[[Scenario], None]


def compare(scenario: Scenario, theirs: Broker, ours: Broker) -> None:
    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(scenario, broker) for broker in (theirs, ours)]:
            done.result()
    different = [
        f"{label}\n  Kafka:     {kafka}\n  kafkalite: {kafkalite}"
        for (label, kafka), (_, kafkalite) in zip(theirs.printed, ours.printed, strict=True)
        if kafka != kafkalite
    ]
    assert not different, "\n".join(["", *different])


def topic_of_two(side: Side, name: str) -> str:
    """Partition 0 has offsets 0-5, with times a minute apart; partition 1 has 0-1."""
    side.new_topic(name, 2)
    for number in range(6):
        batch = batch_of(b"v", timestamp_ms=FIRST_RECORD_MS + number * 60_000)
        assert side.client.ask(produce((name, 0, batch)), 9).responses[0].name == name
    side.client.ask(produce((name, 1, batch_of(b"a", b"b", timestamp_ms=FIRST_RECORD_MS))), 9)
    return name
