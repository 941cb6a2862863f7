"""What a measure is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

from bench.brokers import RunningBroker


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    Attributes:
        key: What the measure calls it.
        decimals: How many to print.
    """

    key: str
    title: str
    unit: str
    decimals: int
    higher_is_better: bool = False


@dataclass(frozen=True)
class Measure:
    """Some work on a broker. `run` gives a value for each of its figures.

    Attributes:
        name: For `--only`.
        fresh_broker: It wants a broker of its own, without what others have left there.
    """

    name: str
    run: Callable[[RunningBroker], dict[str, float]]
    figures: tuple[Figure, ...]
    fresh_broker: bool = False


def resident_bytes(pid: int) -> int:
    """Of a process and its children."""
    process = psutil.Process(pid)
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
