"""Runs scenarios: every client version, on every broker, several at a time.

prepare (two at a time)            install a version; what cannot be installed is skipped, with the reason
   |
sessions (`jobs` at a time)        one per version and broker: a driver process takes the scenarios one after the other
   |
restarts (broker by broker)        the scenarios that restart the broker: many versions at once, one restart for all of them
   |
second tries (one at a time)       what failed is tried again when the machine is quiet; a pass then says what failed before
"""

from __future__ import annotations

import os
import platform
import random
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kafkalite_compat.barrier import RestartBarrier
from kafkalite_compat.brokers import RunningBroker
from kafkalite_compat.catalogue import ClientVersion
from kafkalite_compat.report import Listener
from kafkalite_compat.results import BrokerInfo, Cell, ClientInfo, Outcome, Results
from kafkalite_compat.runtimes import Command, InstallFailed, prepare, runtime_of
from kafkalite_compat.scenario import Scenario
from kafkalite_compat.session import Session, cell_of

PREPARATIONS: Final = 2
INSTALLATION_TRIES: Final = 2
"""Registries are far away."""
RESTARTED_TOGETHER: Final = 64
_NAME_BYTES: Final = 3


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    Attributes:
        reference: The name of the broker that is the measure, if it is among them.
        jobs: How many client versions run at a time.
        cache: Where installed clients are kept.
        scratch: A folder for logs and the like.
        tries: How often a scenario that fails is tried.
        failures_max: After so many failures the rest is skipped; None: never.
    """

    clients: Sequence[ClientVersion]
    scenarios: Sequence[Scenario]
    brokers: Sequence[RunningBroker]
    reference: str | None
    jobs: int
    cache: Path
    scratch: Path
    tries: int = 2
    failures_max: int | None = None


class Runner:
    """One run of a plan."""

    def __init__(self, plan: Plan, listener: Listener) -> None:
        self._plan = plan
        self._listener = listener
        self._lock = threading.Lock()
        self._cells: dict[tuple[str, str, str, str], Cell] = {}
        self._infos: dict[ClientVersion, ClientInfo] = {}
        self._names = random.Random()

    def run(self) -> Results:
        began = time.monotonic()
        results = Results(
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=0.0,
            machine={
                "cores": os.cpu_count(),
                "system": f"{platform.system()} {platform.machine()}",
            },
            brokers=[
                BrokerInfo(one.name, one.version, one.name == self._plan.reference)
                for one in self._plan.brokers
            ],
            scenarios=[one.info for one in self._plan.scenarios],
            clients=[],
        )
        self._listener.run_started(
            [one.label for one in self._plan.clients], results.scenarios, results.brokers
        )
        ready = self._sessions()
        self._restarts(ready)
        for _ in range(1, self._plan.tries):
            self._try_again(ready)
        results.clients = [self._infos[one] for one in self._plan.clients]
        results.cells = self._in_order()
        results.seconds = round(time.monotonic() - began, 1)
        self._listener.run_finished(results)
        return results

    # The three parts

    def _sessions(self) -> dict[ClientVersion, Command]:
        """Prepare every version, and run each as soon as it is ready; the commands of those that are."""
        apart = [one for one in self._plan.scenarios if not one.restarts_broker]
        ready: dict[ClientVersion, Command] = {}
        with _pool(PREPARATIONS) as preparing, _pool(self._plan.jobs) as running:

            def prepare_and_run(one: ClientVersion) -> list[Future[None]]:
                command = self._prepared(one)
                if command is None:
                    return []
                ready[one] = command
                return [
                    running.submit(self._session, one, command, broker, apart)
                    for broker in self._plan.brokers
                ]

            sessions = [preparing.submit(prepare_and_run, one) for one in self._plan.clients]
            for session in [run for futures in sessions for run in futures.result()]:
                session.result()
        return ready

    def _restarts(self, ready: dict[ClientVersion, Command]) -> None:
        """The scenarios that need the broker restarted."""
        for broker in self._plan.brokers:
            for scenario in self._plan.scenarios:
                if scenario.restarts_broker and not self._has_enough():
                    for group in _chunks(list(ready), RESTARTED_TOGETHER):
                        self._together(group, ready, broker, scenario)

    def _together(
        self,
        group: Sequence[ClientVersion],
        ready: dict[ClientVersion, Command],
        broker: RunningBroker,
        scenario: Scenario,
    ) -> None:
        barrier = RestartBarrier(len(group), lambda kill: broker.restart(kill=kill))

        def one_party(one: ClientVersion) -> None:
            try:
                with Session(one, ready[one], broker, self._plan.scratch, barrier) as session:
                    self._record(session.run(scenario, self._prefix(one, scenario)))
            finally:
                barrier.leave()

        with _pool(len(group)) as parties:
            for party in [parties.submit(one_party, one) for one in group]:
                party.result()

    def _try_again(self, ready: dict[ClientVersion, Command]) -> None:
        """What failed, once more, one at a time."""
        scenarios = {one.number: one for one in self._plan.scenarios}
        versions = {(one.client.name, one.version.version): one for one in ready}
        brokers = {one.name: one for one in self._plan.brokers}
        for failed in [cell for cell in self._cells.values() if self._is_in_doubt(cell)]:
            one = versions[failed.client, failed.version]
            broker, scenario = brokers[failed.broker], scenarios[failed.scenario]
            barrier = RestartBarrier(1, lambda kill, broker=broker: broker.restart(kill=kill))  # type: ignore[misc]
            with Session(one, ready[one], broker, self._plan.scratch, barrier) as session:
                again = session.run(scenario, self._prefix(one, scenario))
            if again.outcome is not failed.outcome:
                self._record(replace(again, detail=f"at the second try; before: {failed.detail}"))

    def _is_in_doubt(self, cell: Cell) -> bool:
        """Whether it failed, or is not supported here although the client did it on another broker."""
        elsewhere = (
            self._cells.get((cell.client, cell.version, cell.scenario, broker.name))
            for broker in self._plan.brokers
        )
        return cell.outcome is Outcome.FAIL or (
            cell.outcome is Outcome.UNSUPPORTED
            and any(other is not None and other.outcome is Outcome.PASS for other in elsewhere)
        )

    # Pieces

    def _prepared(self, one: ClientVersion) -> Command | None:
        self._listener.preparing(one.label)
        reason = runtime_of(one.client).missing()
        command = None
        if reason is None:
            for _ in range(INSTALLATION_TRIES):
                try:
                    command, reason = prepare(one, self._plan.cache), None
                    break
                except InstallFailed as failed:
                    reason = f"could not be installed: {failed}"
        with self._lock:
            client, version = one.client, one.version.version
            self._infos[one] = ClientInfo(client.name, version, client.language, None, reason)
        if command is None:
            for broker in self._plan.brokers:
                self._skip(one, broker, self._plan.scenarios, reason or "")
        return command

    def _session(
        self,
        one: ClientVersion,
        command: Command,
        broker: RunningBroker,
        scenarios: Sequence[Scenario],
    ) -> None:
        with Session(one, command, broker, self._plan.scratch, None) as session:
            for scenario in scenarios:
                if self._has_enough():
                    self._skip(one, broker, [scenario], "enough has failed")
                else:
                    self._record(session.run(scenario, self._prefix(one, scenario)))
            if session.runtime is not None:
                with self._lock:
                    self._infos[one] = replace(self._infos[one], runtime=session.runtime)
        self._listener.client_finished(one.label, broker.name)

    def _has_enough(self) -> bool:
        most = self._plan.failures_max
        if most is None:
            return False
        with self._lock:
            return sum(cell.outcome is Outcome.FAIL for cell in self._cells.values()) >= most

    def _skip(
        self,
        one: ClientVersion,
        broker: RunningBroker,
        scenarios: Iterable[Scenario],
        reason: str,
    ) -> None:
        for scenario in scenarios:
            self._record(cell_of(one, broker, scenario, Outcome.SKIPPED, reason))

    def _record(self, cell: Cell) -> None:
        with self._lock:
            self._cells[cell.client, cell.version, cell.scenario, cell.broker] = cell
        self._listener.cell_finished(cell)

    def _prefix(self, one: ClientVersion, scenario: Scenario) -> str:
        """A start for names that no other scenario uses, now or in an earlier run on the same broker."""
        client = re.sub(r"[^a-z0-9]+", "-", one.label.lower())
        with self._lock:
            return f"{scenario.number.lower()}-{client}-{self._names.randbytes(_NAME_BYTES).hex()}"

    def _in_order(self) -> list[Cell]:
        return [
            cell
            for one in self._plan.clients
            for broker in self._plan.brokers
            for scenario in self._plan.scenarios
            if (cell := self._cells.get(_place(one, scenario, broker))) is not None
        ]


def _place(
    one: ClientVersion, scenario: Scenario, broker: RunningBroker
) -> tuple[str, str, str, str]:
    return one.client.name, one.version.version, scenario.number, broker.name


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that are waited for in the end, but not by a run that is broken off."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _chunks(items: Sequence[ClientVersion], size: int) -> list[Sequence[ClientVersion]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
