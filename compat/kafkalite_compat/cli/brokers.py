"""Options that say which brokers a command is about, and the brokers themselves."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from kafkalite_compat.brokers import GivenBroker, RunningBroker
from kafkalite_compat.brokers.apache_kafka import ApacheKafka
from kafkalite_compat.brokers.kafkalite import Kafkalite
from kafkalite_compat.brokers.kfake import Kfake

DEFAULT_CACHE: Final = Path.home() / ".cache" / "kafkalite-compat"


@dataclass(frozen=True)
class Choice:
    """Which brokers.

    Attributes:
        bootstrap: Addresses of brokers that run.
        kafkalite: The command by which kafkalite is started, empty: the installed one; None: not at all.
        kfake: Whether to start kfake, franz-go's broker for tests.
        apache_kafka: Whether to start Apache Kafka, as the measure.
        reference: The address of a broker that runs, as the measure.
        cache: Where installed clients and jars are kept.
    """

    bootstrap: tuple[str, ...]
    kafkalite: tuple[str, ...] | None
    kfake: bool
    apache_kafka: bool
    reference: str | None
    cache: Path

    @contextmanager
    def opened(
        self, scratch: Path, settings: Mapping[str, str] | None = None
    ) -> Iterator[tuple[list[RunningBroker], RunningBroker | None]]:
        """The brokers to be tested, and the measure; those that are started get `settings`. Raises BrokerFailed."""
        with ExitStack() as stack:
            tested: list[RunningBroker] = [GivenBroker(one) for one in self.bootstrap]
            if self.kafkalite is not None:
                tested.append(Kafkalite(scratch, settings, self.kafkalite))
                stack.callback(tested[-1].close)
            if self.kfake:
                tested.append(Kfake(scratch, self.cache))
                stack.callback(tested[-1].close)
            measure: RunningBroker | None = None
            if self.reference is not None:
                measure = GivenBroker(self.reference)
            elif self.apache_kafka:
                measure = ApacheKafka(scratch, self.cache, settings)
                stack.callback(measure.close)
            yield tested, measure


def broker_options(command: Any) -> Any:
    """Adds the options; the command gets them as one parameter, `choice`."""

    @click.option("--bootstrap", multiple=True, metavar="HOST:PORT", help="A broker that runs.")
    @click.option("--kafkalite", is_flag=True, help="Start kafkalite.")
    @click.option(
        "--kafkalite-command", metavar="COMMAND", help="Start kafkalite by this command line."
    )
    @click.option("--kfake", is_flag=True, help="Start kfake, franz-go's broker for tests.")
    @click.option(
        "--apache-kafka", is_flag=True, help="Start Apache Kafka 4.3 from its jars: the measure."
    )
    @click.option("--reference", metavar="HOST:PORT", help="A broker that runs: the measure.")
    @click.option(
        "--cache",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_CACHE,
        show_default=True,
        help="Where installed clients are kept.",
    )
    @wraps(command)
    def with_choice(
        bootstrap: tuple[str, ...],
        kafkalite: bool,
        kafkalite_command: str | None,
        kfake: bool,
        apache_kafka: bool,
        reference: str | None,
        cache: Path,
        **others: Any,
    ) -> Any:
        if not (bootstrap or kafkalite or kafkalite_command or kfake or apache_kafka or reference):
            raise click.UsageError(
                "which broker? Give --bootstrap HOST:PORT, --kafkalite or --apache-kafka"
            )
        for address in (*bootstrap, *filter(None, [reference])):
            _check_address(address)
        by = tuple(shlex.split(kafkalite_command or "")) if kafkalite or kafkalite_command else None
        choice = Choice(bootstrap, by, kfake, apache_kafka, reference, cache.absolute())
        return command(choice=choice, **others)

    return with_choice


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise click.UsageError(f"{address!r} is not HOST:PORT; e.g. localhost:9092")
