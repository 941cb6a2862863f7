"""The `kafkalite` command. Each subcommand is a module that is imported when it is called: start-up is a feature."""

from __future__ import annotations

from importlib import import_module
from typing import NoReturn

import click

from kafkalite import __version__
from kafkalite.errors import StartupError

_COMMANDS = {
    "adopt": ("kafkalite.cli.adopt", "Take over a stopped directory of Apache Kafka."),
    "config": ("kafkalite.cli.config", "Show the settings that a broker would run with."),
    "graduate": ("kafkalite.cli.graduate", "Hand a stopped directory over to Apache Kafka."),
    "serve": ("kafkalite.cli.serve", "Run a broker until it is stopped (Ctrl-C or SIGTERM)."),
}
"""Name -> module and the one line of the list of commands."""


class _LazyGroup(click.Group):
    """Knows its commands by name and imports only the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(_COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][1]) for name in sorted(_COMMANDS)])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kafkalite")
def cli() -> None:
    """A Kafka broker that stock Kafka clients talk to unchanged."""


def main(prog_name: str | None = None) -> NoReturn:
    """Run the command and exit: 0 when it ended as asked, 1 when it could not be done, 2 for wrong usage."""
    try:
        cli(prog_name=prog_name)
    except StartupError as error:
        click.echo(f"kafkalite: {error}", err=True)
        raise SystemExit(1) from None
    raise AssertionError("click exits by itself")
