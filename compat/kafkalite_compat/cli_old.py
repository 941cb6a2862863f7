"""The command `kafkalite-compat`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import click

from kafkalite_compat.brokers import BrokerFailed, GivenBroker, RunningBroker
from kafkalite_compat.brokers.apache_kafka import ApacheKafka
from kafkalite_compat.brokers.kafkalite import Kafkalite
from kafkalite_compat.catalogue import ClientVersion, load_clients
from kafkalite_compat.report import writers
from kafkalite_compat.report.terminal import Terminal, show
from kafkalite_compat.results import Outcome, Results, load
from kafkalite_compat.runner import Plan, Runner
from kafkalite_compat.runtimes import runtime_of
from kafkalite_compat.scenario import Scenario, load_scenarios

DEFAULT_CACHE: Final = Path.home() / ".cache" / "kafkalite-compat"
_REPORT_OPTIONS: Final = ("json", "markdown", "html", "junit")


class _RunByDefault(click.Group):
    """A group whose options without a command are those of `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in {"--help", "-h", "--version"}):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_RunByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kafkalite-compat")
def main() -> None:
    """A compatibility suite for Kafka brokers: real clients, in many versions, against any broker.

    Without a command: run.
    """


def report_options(command: click.decorators.FC) -> click.decorators.FC:
    """Where the report goes besides the terminal."""
    for kind in reversed(_REPORT_OPTIONS):
        path = click.Path(path_type=Path, dir_okay=False)
        command = click.option(f"--{kind}", type=path, help=f"Write the report as {kind}.")(command)
    return command


@main.command()
@click.option(
    "--bootstrap",
    multiple=True,
    metavar="HOST:PORT",
    help="A broker that runs; may be given more than once.",
)
@click.option("--kafkalite", "with_kafkalite", is_flag=True, help="Start kafkalite.")
@click.option(
    "--apache-kafka",
    "with_kafka",
    is_flag=True,
    help="Start Apache Kafka 4.3 from its Maven jars: the measure.",
)
@click.option(
    "--reference", metavar="HOST:PORT", help="A broker that runs, to be taken as the measure."
)
@click.option(
    "--client", "clients", multiple=True, metavar="NAME[@VERSION]", help="Only these clients."
)
@click.option("--language", "languages", multiple=True, help="Only clients of these languages.")
@click.option(
    "--scenario",
    "numbers",
    multiple=True,
    metavar="ID|GROUP",
    help="Only these scenarios: T03, T, transactions.",
)
@click.option("--newest", is_flag=True, help="Of each client only its newest version.")
@click.option("--smoke", is_flag=True, help="A quick look: few clients, few scenarios.")
@click.option("--jobs", default=6, show_default=True, help="Client versions that run at a time.")
@click.option(
    "--tries", default=2, show_default=True, help="How often a scenario that fails is tried."
)
@click.option("--strict", is_flag=True, help="Fail if anything was skipped.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_CACHE,
    show_default=True,
    help="Where installed clients are kept.",
)
@report_options
def run(
    bootstrap: tuple[str, ...],
    with_kafkalite: bool,
    with_kafka: bool,
    reference: str | None,
    clients: tuple[str, ...],
    languages: tuple[str, ...],
    numbers: tuple[str, ...],
    newest: bool,
    smoke: bool,
    jobs: int,
    tries: int,
    strict: bool,
    cache: Path,
    **reports: Path | None,
) -> None:
    """Run scenarios with clients against brokers.

    Exits with 1 if a scenario fails that does not fail on the reference broker too.
    """
    if not (bootstrap or with_kafkalite or with_kafka or reference):
        raise click.UsageError(
            "which broker? Give --bootstrap HOST:PORT, --kafkalite or --apache-kafka"
        )
    chosen = _chosen_clients(clients, languages, newest=newest, smoke=smoke)
    scenarios = _chosen_scenarios(numbers, smoke=smoke)
    cache = cache.absolute()
    with tempfile.TemporaryDirectory(prefix="kafkalite-compat-") as scratch:
        try:
            with _brokers(
                bootstrap,
                reference,
                Path(scratch),
                cache,
                kafkalite=with_kafkalite,
                kafka=with_kafka,
            ) as (brokers, measure):
                plan = Plan(chosen, scenarios, brokers, measure, jobs, cache, Path(scratch), tries)
                results = Runner(plan, Terminal()).run()
        except BrokerFailed as failed:
            raise click.ClickException(str(failed)) from failed
    _report(results, reports)
    skipped = strict and any(cell.outcome is Outcome.SKIPPED for cell in results.cells)
    sys.exit(1 if results.failures() or skipped else 0)


@main.command("list")
def list_() -> None:
    """Show the clients and the scenarios."""
    for client in load_clients():
        lacking = runtime_of(client).missing()
        versions = ", ".join(version.version for version in client.versions)
        click.echo(
            f"{client.language:8} {client.name:28} {versions}{f'  ({lacking})' if lacking else ''}"
        )
    for scenario in load_scenarios():
        click.echo(f"{scenario.number} {scenario.group:22} {scenario.title}")


@main.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@report_options
def report(results: Path, **reports: Path | None) -> None:
    """Show or write out an earlier run from its JSON."""
    try:
        _report(load(results), reports)
    except ValueError as unknown:
        raise click.ClickException(str(unknown)) from unknown


def _report(results: Results, reports: dict[str, Path | None]) -> None:
    show(results)
    for kind, path in reports.items():
        if path is not None:
            writers()[kind](results, path)
            click.echo(f"{kind}: {path}")


@contextmanager
def _brokers(
    bootstrap: Sequence[str],
    reference: str | None,
    scratch: Path,
    cache: Path,
    *,
    kafkalite: bool,
    kafka: bool,
) -> Iterator[tuple[list[RunningBroker], str | None]]:
    """The brokers of a run, started where they are to be, and the name of the one that is the measure."""
    with ExitStack() as stack:
        brokers: list[RunningBroker] = [GivenBroker(one) for one in bootstrap]
        if kafkalite:
            brokers.append(Kafkalite(scratch))
            stack.callback(brokers[-1].close)
        measure: RunningBroker | None = None
        if reference is not None:
            measure = GivenBroker(reference)
        elif kafka:
            measure = ApacheKafka(scratch, cache)
            stack.callback(measure.close)
        if measure is not None:
            brokers.append(measure)
        yield brokers, measure.name if measure is not None else None


def _chosen_clients(
    wanted: Sequence[str], languages: Sequence[str], *, newest: bool, smoke: bool
) -> list[ClientVersion]:
    known = load_clients()
    names = {client.name for client in known}
    for name in wanted:
        if name.split("@")[0] not in names:
            raise click.UsageError(
                f"there is no client {name!r}; there are {', '.join(sorted(names))}"
            )
    chosen = []
    for client in known:
        if languages and client.language.lower() not in {one.lower() for one in languages}:
            continue
        if smoke and not (wanted or client.smoke):
            continue
        versions = client.versions[:1] if newest or smoke else client.versions
        every = wanted and any("@" in name for name in wanted)
        for version in client.versions if every else versions:
            label = f"{client.name}@{version.version}"
            if not wanted or label in wanted or (client.name in wanted and version in versions):
                chosen.append(ClientVersion(client, version))
    if not chosen:
        raise click.UsageError("no client version is left of what was asked for")
    return chosen


def _chosen_scenarios(wanted: Sequence[str], *, smoke: bool) -> list[Scenario]:
    chosen = [
        one
        for one in load_scenarios()
        if (one.smoke or not smoke or wanted)
        and (
            not wanted
            or any(
                name in {one.number, one.group} or (len(name) == 1 and one.number.startswith(name))
                for name in wanted
            )
        )
    ]
    if not chosen:
        raise click.UsageError(
            "no scenario is left of what was asked for; kafkalite-compat list shows them"
        )
    return chosen
