"""`kafkalite adopt`: take over a stopped directory of Apache Kafka."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--data",
    metavar="DIRECTORY",
    required=True,
    type=click.Path(path_type=Path),
    help="The log.dirs of the stopped Apache Kafka.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
def command(*, data: Path, dry_run: bool) -> None:
    """Make the stopped directory of a one-node Apache Kafka (KRaft, broker and controller in one) kafkalite's.

    Topics and their ids, records, configs, committed offsets and producers are there. Nothing is copied and nothing is
    destroyed; `kafkalite graduate` is the way back.
    """
    from kafkalite.adoption.adopt import plan_adoption
    from kafkalite.cli.moving import move

    move(data, plan_adoption, dry_run=dry_run)
