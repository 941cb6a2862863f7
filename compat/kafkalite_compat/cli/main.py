"""The command `kafkalite-compat`."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from kafkalite_compat.brokers import BrokerFailed
from kafkalite_compat.catalogue import ClientVersion, load_clients
from kafkalite_compat.cli.brokers import Choice, broker_options
from kafkalite_compat.cli.choosing import chosen_clients, chosen_scenarios
from kafkalite_compat.cli.differential import differential
from kafkalite_compat.cli.reports import report, report_options
from kafkalite_compat.report.progress import Terminal
from kafkalite_compat.results import Results
from kafkalite_compat.results_file import load
from kafkalite_compat.runner import Plan, Runner
from kafkalite_compat.runtimes import runtime_of
from kafkalite_compat.scenario import load_scenarios

_NOT_OPTIONS_OF_RUN = {"-h", "--help", "--version"}


class _RunByDefault(click.Group):
    """A group whose options without a command are those of `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in _NOT_OPTIONS_OF_RUN:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_RunByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kafkalite-compat")
def main() -> None:
    """A compatibility suite for Kafka brokers: real clients, in many versions, against any broker.

    kafkalite-compat --bootstrap HOST:PORT is short for kafkalite-compat run --bootstrap HOST:PORT.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # brokers are stopped in either case


@main.command()
@broker_options
@click.option("--client", "clients", multiple=True, metavar="NAME[@VERSION]", help="Only these.")
@click.option("--language", "languages", multiple=True, help="Only clients of these languages.")
@click.option(
    "--scenario", "scenarios", multiple=True, metavar="T03|T|GROUP", help="Only these scenarios."
)
@click.option("--newest", is_flag=True, help="Of each client only its newest version.")
@click.option("--smoke", is_flag=True, help="A quick look: few clients, few scenarios.")
@click.option("--jobs", default=6, show_default=True, help="Client versions that run at a time.")
@click.option(
    "--tries", default=2, show_default=True, help="How often a scenario that fails is tried."
)
@click.option("--max-failures", type=int, help="Skip the rest after so many failures.")
@click.option(
    "--strict",
    is_flag=True,
    help="Fail if a client could not be installed in any version although its runtime is here.",
)
@report_options
def run(
    choice: Choice,
    clients: tuple[str, ...],
    languages: tuple[str, ...],
    scenarios: tuple[str, ...],
    newest: bool,
    smoke: bool,
    jobs: int,
    tries: int,
    max_failures: int | None,
    strict: bool,
    **files: Path | None,
) -> None:
    """Run scenarios with clients against brokers.

    Exits with 1 if a scenario fails that does not fail on the measure too.
    """
    versions = chosen_clients(clients, languages, newest=newest, smoke=smoke)
    chosen = chosen_scenarios(scenarios, smoke=smoke)
    terminal = Terminal()
    with tempfile.TemporaryDirectory(prefix="kafkalite-compat-") as folder:
        scratch = Path(folder)
        try:
            with choice.opened(scratch) as (tested, measure):
                brokers = [*tested, *([measure] if measure else [])]
                results = Runner(
                    Plan(
                        clients=versions,
                        scenarios=chosen,
                        brokers=brokers,
                        reference=measure.name if measure else None,
                        jobs=jobs,
                        cache=choice.cache,
                        scratch=scratch,
                        tries=tries,
                        failures_max=max_failures,
                    ),
                    terminal,
                ).run()
        except BrokerFailed as failed:
            raise click.ClickException(str(failed)) from failed
        except KeyboardInterrupt:
            terminal.broken_off()
            shutil.rmtree(scratch, ignore_errors=True)
            click.echo("broken off: the brokers that were started are stopped", err=True)
            os._exit(
                130
            )  # threads in the middle of a scenario are not waited for; drivers end with us
    report(results, files)
    missed = strict and _could_not_install(versions, results)
    sys.exit(1 if results.failures() or missed else 0)


def _could_not_install(versions: Sequence[ClientVersion], results: Results) -> bool:
    """Whether a client was not run in any version although its runtime is there."""
    ran = {info.client for info in results.clients if info.reason is None}
    return any(
        one.client.name not in ran and runtime_of(one.client).missing() is None for one in versions
    )


main.add_command(differential)


@main.command("list")
def list_() -> None:
    """Show the clients and the scenarios."""
    for client in load_clients():
        lacking = runtime_of(client).missing()
        versions = ", ".join(version.version for version in client.versions)
        reason = f"  (not here: {lacking})" if lacking else ""
        click.echo(f"{client.language:10} {client.name:28} {versions}{reason}")
    click.echo()
    for scenario in load_scenarios():
        click.echo(f"{scenario.number} {scenario.group:24} {scenario.title}")


@main.command("report")
@click.argument("results", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@report_options
def report_(results: Path, **files: Path | None) -> None:
    """Show an earlier run, or write it out, from its JSON."""
    try:
        report(load(results), files)
    except ValueError as unknown:
        raise click.ClickException(str(unknown)) from unknown
