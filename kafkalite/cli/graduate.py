"""`kafkalite graduate`: hand a stopped directory over to Apache Kafka."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from kafkalite.cli.settings import load_settings, settings_options
from kafkalite.errors import StartupError


@click.command()
@settings_options
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
def command(
    *,
    port: int | None,
    host: str | None,
    data: str | None,
    listeners: str | None,
    settings: tuple[str, ...],
    config_file: Path | None,
    dry_run: bool,
) -> None:
    """Make a stopped directory one that Apache Kafka 4.3 (KRaft) starts on, with everything in it.

    Topics and their ids, records, configs, committed offsets and producers are there. Nothing is copied and nothing is
    destroyed; `kafkalite adopt` is the way back. The options are those of `serve`: what is set goes into the
    server.properties that is written for Kafka.
    """
    from kafkalite.adoption.graduate import plan_graduation
    from kafkalite.cli.moving import move

    config, _ = load_settings(
        port=port, host=host, data=data, listeners=listeners, settings=settings, config_file=config_file
    )  # fmt: skip
    if len(config.log_dirs) > 1:
        raise StartupError("data in several directories (log.dirs) cannot be moved")
    move(Path(config.log_dirs[0]), partial(plan_graduation, config=config), dry_run=dry_run)
