"""The options that say what a broker runs with; `serve` and `config` share them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kafkalite.config.properties import parse_properties
from kafkalite.config.sources import LoadedConfig, load
from kafkalite.errors import StartupError

Command = TypeVar("Command", bound=Callable[..., Any])

_DEFAULT_HOST = "127.0.0.1"
_DEFAULT_PORT = 9092


def settings_options(command: Command) -> Command:
    """Add --port, --host, --data, --listeners, --set and --config."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def load_settings(
    *,
    port: int | None,
    host: str | None,
    data: str | None,
    listeners: str | None,
    settings: tuple[str, ...],
    config_file: Path | None,
) -> LoadedConfig:
    """Flags over this process's environment over the file. Raises StartupError, UsageError."""
    flags = dict(_setting(text) for text in settings)
    if listeners is not None and (port is not None or host is not None):
        raise click.UsageError(
            "--listeners says host and port already; leave --port and --host out"
        )
    if port is not None or host is not None:
        listeners = _listener(host, port)
    if listeners is not None:
        flags["listeners"] = listeners
    if data is not None:
        flags["log.dirs"] = data
    file = _read(config_file) if config_file is not None else {}
    return load(file=file, environment=os.environ, flags=flags)


_OPTIONS = (
    click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.  [9092]"),
    click.option("--host", help="Address to listen on; 0.0.0.0 is all of them.  [127.0.0.1]"),
    click.option("--data", metavar="DIRECTORY", help="Where the data is kept (log.dirs).  [./kafkalite-data]"),
    click.option("--listeners", metavar="LIST", help="Instead of --port and --host: NAME://host:port,..."),
    click.option(
        "--set", "settings", metavar="KEY=VALUE", multiple=True,
        help="Any broker config under Kafka's name; may be given often.",
    ),
    click.option(
        "--config", "config_file", metavar="FILE", type=click.Path(path_type=Path),
        help="A server.properties file.",
    ),
)  # fmt: skip


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise click.UsageError(f"--set {text}: must be KEY=VALUE, such as --set num.partitions=3")
    return key.strip(), value


def _listener(host: str | None, port: int | None) -> str:
    host = _DEFAULT_HOST if host is None else host
    port = _DEFAULT_PORT if port is None else port
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"PLAINTEXT://{bracketed}:{port}"


def _read(path: Path) -> dict[str, str]:
    try:
        return parse_properties(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartupError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise StartupError(f"{path} is not a properties file: {error}") from error
