"""The command `kafkalite-compat differential`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from kafkalite_compat.brokers import BrokerFailed
from kafkalite_compat.brokers.kafkalite import Kafkalite
from kafkalite_compat.cli.brokers import Choice, broker_options
from kafkalite_compat.cli.reports import report_options
from kafkalite_compat.differential import ACCEPTED, SETUPS, Report, Setup, compare, merged
from kafkalite_compat.differential.report import Progress, show, writers
from kafkalite_compat.wire.connection import WireError


@click.command()
@broker_options
@click.option(
    "--scenario",
    "only",
    multiple=True,
    metavar="NAME|GROUP",
    help="Only these: fetch_versions, fetch, sweep.",
)
@click.option(
    "--kept", is_flag=True, help="The broker that runs is kafkalite: keep its differences."
)
@report_options
def differential(choice: Choice, only: tuple[str, ...], kept: bool, **files: Path | None) -> None:
    """Put the same bytes to two brokers, and compare the answers field by field.

    The brokers are the measure (--apache-kafka or --reference) and one other. Most scripts need brokers without topics.
    Exits with 1 if there is a difference that is not kept with a reason.
    """
    if len(choice.bootstrap) + (choice.kafkalite is not None) != 1:
        raise click.UsageError("one broker is compared with the measure")
    if not (choice.apache_kafka or choice.reference):
        raise click.UsageError("with which broker? Give --apache-kafka or --reference HOST:PORT")
    try:
        reports = [_compared(choice, setup, only, kept=kept) for setup in _setups(choice, only)]
    except (BrokerFailed, WireError, OSError) as failed:
        raise click.ClickException(str(failed)) from failed
    report = merged(reports)
    show(report)
    for kind, path in files.items():
        if path is not None:
            writers()[kind](report, path)
            click.echo(f"{kind}: {path}")
    sys.exit(0 if report.is_alike else 1)


def _setups(choice: Choice, only: Sequence[str]) -> Sequence[Setup]:
    """Those in which any script is left; a broker that runs already has one only."""
    if choice.bootstrap and choice.reference:
        return [Setup("given", {}, frozenset(group for one in SETUPS for group in one.groups))]
    left = [setup for setup in SETUPS if setup.has_any_of(only)]
    if not left:
        raise click.UsageError(f"there is no scenario {' or '.join(only)}")
    return left


def _compared(choice: Choice, setup: Setup, only: Sequence[str], *, kept: bool) -> Report:
    with (
        tempfile.TemporaryDirectory(prefix="kafkalite-compat-") as scratch,
        choice.opened(Path(scratch), setup.settings) as ((tested,), measure),
    ):
        assert measure is not None
        return compare(
            measure.bootstrap,
            tested.bootstrap,
            only,
            Progress(),
            groups=setup.groups,
            accepted=ACCEPTED if kept or isinstance(tested, Kafkalite) else (),
            names=(measure.name, tested.name),
        )
