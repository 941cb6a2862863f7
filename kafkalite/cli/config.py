"""`kafkalite config`: which settings hold, and where each comes from."""

from __future__ import annotations

from pathlib import Path

import click

from kafkalite.cli.settings import load_settings, settings_options
from kafkalite.config.broker_config import BrokerConfig, ConfigSource
from kafkalite.config.our_defaults import OUR_DEFAULTS


@click.command()
@settings_options
@click.option(
    "--all",
    "show_all",
    is_flag=True,
    help="All of Kafka's broker keys, not only what differs from Kafka.",
)
def command(
    *,
    port: int | None,
    host: str | None,
    data: str | None,
    listeners: str | None,
    settings: tuple[str, ...],
    config_file: Path | None,
    show_all: bool,
) -> None:
    """Show the settings that a broker would run with.

    The same options, variables and file as for `serve`. Without --all: what is set, and where kafkalite's defaults
    are not Kafka's. Secrets are not shown.
    """
    config, notes = load_settings(
        port=port, host=host, data=data, listeners=listeners, settings=settings, config_file=config_file
    )  # fmt: skip
    for note in notes:
        click.echo(f"kafkalite: {note}", err=True)
    for line in effective(config, show_all=show_all):
        click.echo(line)


def effective(config: BrokerConfig, *, show_all: bool) -> list[str]:
    """`key=value` lines as in a properties file, each with its source when it is not the default."""
    from kafkalite.config.describe import describe_broker

    lines = []
    for entry in describe_broker(config):
        if entry.is_default and not show_all and entry.name not in OUR_DEFAULTS:
            continue
        value = "(secret)" if entry.sensitive and not entry.is_default else entry.value or ""
        origin = "default" if entry.is_default else ConfigSource(entry.source).name.lower()
        lines.append(f"{entry.name}={value}  # {origin}")
    return lines
