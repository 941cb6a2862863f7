"""One client version on one broker: its driver, and the scenarios that it takes one after the other."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from kafkalite_compat.barrier import RestartBarrier
from kafkalite_compat.brokers import CannotRestart, RunningBroker
from kafkalite_compat.catalogue import ClientVersion
from kafkalite_compat.driver import Driver, DriverGone, NotSupported, StepFailed
from kafkalite_compat.results import Cell, Outcome
from kafkalite_compat.runtimes import Command
from kafkalite_compat.scenario import Scenario, Skip
from kafkalite_compat.wire.cluster import Cluster
from kafkalite_compat.wire.connection import WireError
from kafkalite_compat.wire.topics import delete_topics, topics_named
from kafkalite_compat.world import World

SCENARIO_WITHIN_S: Final = 150.0
START_WITHIN_S: Final = 60.0


class Session:
    """One client version on one broker: a driver that takes scenarios one after the other, and a new one after each failure.

    `runtime` is what the driver says of its language, once it has started.
    """

    def __init__(
        self,
        one: ClientVersion,
        command: Command,
        broker: RunningBroker,
        scratch: Path,
        barrier: RestartBarrier | None,
    ) -> None:
        self.runtime: str | None = None
        self._one = one
        self._command = command
        self._broker = broker
        self._barrier = barrier
        label = re.sub(r"[^a-z0-9.]+", "-", f"{one.label}-{broker.name}".lower())
        self._log = scratch / f"{label}.log"
        self._driver: Driver | None = None
        self._deadline: float | None = None
        self._prefixes: list[str] = []

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._driver is not None:
            self._driver.close()
        self._tidy_up()

    def run(self, scenario: Scenario, prefix: str) -> Cell:
        """Run one scenario; never raises for what a client or broker does."""
        limit = self._one.client.limit(self._one.version.version, scenario.number)
        if limit is not None:
            return self._cell(scenario, Outcome.UNSUPPORTED, limit)
        began = time.monotonic()
        self._prefixes.append(prefix)
        outcome, detail = self._outcome(scenario, prefix)
        cell = self._cell(scenario, outcome, detail.replace(prefix, "..."))  # names are chance
        return replace(cell, seconds=round(time.monotonic() - began, 2))

    def _outcome(self, scenario: Scenario, prefix: str) -> tuple[Outcome, str]:
        self._set_deadline()
        with ExitStack() as helpers:
            try:
                with World(
                    client=self._started(),
                    bootstrap=self._broker.bootstrap,
                    prefix=prefix,
                    another=lambda: helpers.enter_context(self._new_driver()),
                    restart_broker=self._restart,
                ) as world:
                    scenario.body(world)
            except NotSupported as lacking:
                outcome, detail = Outcome.UNSUPPORTED, str(lacking)
            except (CannotRestart, Skip) as fixed:
                outcome, detail = Outcome.SKIPPED, str(fixed)
            except (AssertionError, StepFailed, DriverGone) as failure:
                outcome, detail = Outcome.FAIL, str(failure) or repr(failure)
            except Exception as failure:
                outcome, detail = Outcome.FAIL, f"{type(failure).__name__}: {failure}"
            else:
                return Outcome.PASS, ""
        if outcome is Outcome.FAIL:
            self._start_afresh()
        return outcome, detail

    def _started(self) -> Driver:
        if self._driver is None:
            self._driver = self._new_driver()
        return self._driver

    def _new_driver(self) -> Driver:
        driver = Driver(self._command, self._log)
        try:
            told = driver.call("start", bootstrap=self._broker.bootstrap, within_s=START_WITHIN_S)
        except Exception:
            driver.kill()
            raise
        driver.deadline = self._deadline
        self.runtime = told.get("runtime")
        return driver

    def _start_afresh(self) -> None:
        """Nothing that a scenario left behind when it broke off shall disturb the next."""
        if self._driver is not None:
            self._driver.kill()
            self._driver = None

    def _tidy_up(self) -> None:
        """Delete the topics: thousands of them would slow the broker down, and its restarts even more."""
        cluster = Cluster(self._broker.bootstrap, patience_s=0)
        with suppress(OSError, WireError):  # what stays does no harm but that
            delete_topics(cluster, topics_named(cluster, tuple(self._prefixes)))
        cluster.close()

    def _restart(self, kill: bool) -> None:
        if self._barrier is None:
            raise CannotRestart("the broker is not restarted while others use it")
        self._barrier.arrive(kill)
        self._set_deadline()  # how long the others took is not held against this one

    def _set_deadline(self) -> None:
        self._deadline = time.monotonic() + SCENARIO_WITHIN_S
        if self._driver is not None:
            self._driver.deadline = self._deadline

    def _cell(self, scenario: Scenario, outcome: Outcome, detail: str) -> Cell:
        return cell_of(self._one, self._broker, scenario, outcome, detail)


def cell_of(
    one: ClientVersion, broker: RunningBroker, scenario: Scenario, outcome: Outcome, detail: str
) -> Cell:
    client, version = one.client.name, one.version.version
    return Cell(client, version, scenario.number, broker.name, outcome, detail)
