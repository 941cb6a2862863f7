"""kafkalite, started by its own command: the suite knows it by no other way."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kafkalite_compat.brokers import SETTINGS, BrokerFailed
from kafkalite_compat.brokers.ports import free_port
from kafkalite_compat.brokers.process import BrokerProcess


class Kafkalite(BrokerProcess):
    """A kafkalite broker with its data in `directory / "kafkalite"`."""

    name = "kafkalite"

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        command = command or kafkalite_command()
        printed = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, check=False
        )
        self.version = printed.stdout.split()[-1] if printed.stdout else None
        port = free_port()
        argv = [*command, "serve", "--port", str(port), "--data", str(directory / "kafkalite")]
        for key, value in {**SETTINGS, **(settings or {})}.items():
            argv += ["--set", f"{key}={value}"]
        super().__init__(argv, port, directory / "kafkalite.log")


def kafkalite_command() -> tuple[str, ...]:
    """The `kafkalite` beside this Python, or the one on PATH. Raises BrokerFailed if there is none."""
    beside = Path(sys.executable).with_name("kafkalite")
    if beside.exists():
        return (str(beside),)
    if found := shutil.which("kafkalite"):
        return (found,)
    raise BrokerFailed(
        "there is no kafkalite command: install kafkalite, or test another broker with --bootstrap HOST:PORT"
    )
