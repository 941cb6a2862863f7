"""`kafkalite serve`: run a broker in the foreground."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from kafkalite import __version__
from kafkalite.cli.settings import load_settings, settings_options

_SNIPPET = """\
    pip install kafka-python

    from kafka import KafkaConsumer, KafkaProducer
    KafkaProducer(bootstrap_servers="{bootstrap}").send("hello", b"world").get(10)
    print(next(KafkaConsumer("hello", bootstrap_servers="{bootstrap}", auto_offset_reset="earliest")).value)
"""


@click.command()
@settings_options
@click.option(
    "--backend",
    type=click.Choice(["asyncio", "uvloop", "trio"]),
    default="asyncio",
    show_default=True,
    help="The event loop; uvloop and trio if they are installed.",
)
@click.option("--verbose", "-v", is_flag=True, help="Log each connection and change too.")
def command(
    *,
    port: int | None,
    host: str | None,
    data: str | None,
    listeners: str | None,
    settings: tuple[str, ...],
    config_file: Path | None,
    backend: str,
    verbose: bool,
) -> None:
    """Run a broker until it is stopped (Ctrl-C or SIGTERM).

    Settings are taken from the options, then from KAFKA_... environment variables, then from the file.
    """
    config, notes = load_settings(
        port=port, host=host, data=data, listeners=listeners, settings=settings, config_file=config_file
    )  # fmt: skip
    for note in notes:
        click.echo(f"kafkalite: {note}", err=True)
    _set_up_logging(verbose=verbose)
    from kafkalite.server.run import serve

    serve(
        config,
        backend=backend,
        on_ready=announce(config.log_dirs[0]),
    )


def announce(data: str) -> Callable[[str], None]:
    """What to call with the bootstrap address once clients may come: a first line with the address, then something to try."""

    def on_ready(bootstrap: str) -> None:
        click.echo(f"kafkalite {__version__} is ready at {bootstrap}, data in {data}")
        click.echo(f"\n{_SNIPPET.format(bootstrap=bootstrap)}")

    return on_ready


def _set_up_logging(*, verbose: bool) -> None:
    import logging

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
