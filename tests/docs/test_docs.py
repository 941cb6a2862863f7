"""The documents say what the code does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from kafkalite_protocol.messages import APIS

from kafkalite.broker.apis import SERVED
from kafkalite.cli.main import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def load_support_table() -> object:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import support_table
    finally:
        sys.path.pop(0)
    return support_table


@pytest.mark.parametrize("script", ["support_table.py", "config_table.py", "compat_table.py"])
def test_generated_tables_are_current(script: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / script, "--check"], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def commands() -> list[str]:
    return cli.list_commands(click.Context(cli))


@pytest.mark.parametrize("name", commands())
def test_command_is_in_the_readme(name: str) -> None:
    assert f"`kafkalite {name}`" in README


@pytest.mark.parametrize("name", commands())
def test_option_of_a_command_has_a_help_text(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    for parameter in command.params:
        assert isinstance(parameter, click.Option)
        assert parameter.help, parameter.name


def test_every_api_of_kafka_is_served_or_said_not_to_be() -> None:
    table = load_support_table()
    named = [name for _, apis, _ in table.AREAS for name in apis.split()]  # type: ignore[attr-defined]
    named += table.BETWEEN_BROKERS.split()  # type: ignore[attr-defined]
    assert len(set(named)) == len(named)
    assert {info.name for key, info in APIS.items() if key not in SERVED} <= set(named)
    assert set(named) <= {info.name for info in APIS.values()}


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"], ids=lambda path: path.name
)
def test_links_to_files_lead_somewhere(path: Path) -> None:
    import re

    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target
