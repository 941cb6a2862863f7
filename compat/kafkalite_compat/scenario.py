"""What a scenario is, and how the scenario modules make theirs known."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kafkalite_compat import scenarios
from kafkalite_compat.results import ScenarioInfo

if TYPE_CHECKING:
    from kafkalite_compat.world import World


class Skip(Exception):
    """The scenario cannot be seen on this broker, through no fault of the broker's or the client's; the text says why."""


Body = Callable[["World"], None]


@dataclass(frozen=True)
class Scenario:
    """One numbered scenario.

    Attributes:
        number: Stable, by group: "T03". A number is never used again.
        group: E.g. "transactions".
        title: A sentence that says what holds.
        body: Its docstring says what is done and what must come of it.
        restarts_broker: The broker is stopped and started in it; run apart, all clients at once.
        smoke: Part of the smoke run.
    """

    number: str
    group: str
    title: str
    body: Body
    restarts_broker: bool = False
    smoke: bool = False

    @property
    def info(self) -> ScenarioInfo:
        text = inspect.getdoc(self.body) or ""
        return ScenarioInfo(self.number, self.group, self.title, text)


def scenario(number: str, title: str, **options: Any) -> Callable[[Body], Body]:
    """Marks a function of a scenario module; the module's GROUP is the scenario's group."""

    def mark(body: Body) -> Body:
        group = body.__globals__["GROUP"]
        body.scenario = Scenario(number, group, title, body, **options)  # type: ignore[attr-defined]
        return body

    return mark


def load_scenarios() -> list[Scenario]:
    """Every scenario, in the order of the modules' ORDER and of the numbers."""
    modules = [
        importlib.import_module(f"{scenarios.__name__}.{module.name}")
        for module in pkgutil.iter_modules(scenarios.__path__)
    ]
    modules.sort(key=lambda module: module.ORDER)
    found = [
        function.scenario
        for module in modules
        for function in sorted(_marked(module), key=lambda one: one.scenario.number)
    ]
    numbers = [one.number for one in found]
    assert len(numbers) == len(set(numbers)), "two scenarios have the same number"
    return found


def _marked(module: ModuleType) -> list[Any]:
    """The module's own scenarios: not those it imports."""
    return [
        value
        for value in vars(module).values()
        if hasattr(value, "scenario") and value.__module__ == module.__name__
    ]
