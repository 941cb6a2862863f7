"""How each language's clients are installed and started: one module per package manager (see DRIVERS.md)."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from kafkalite_compat.catalogue import Client, ClientVersion, Version

TAIL_CHARACTERS = 3000
INSTALL_WITHIN_S = 900


@dataclass(frozen=True)
class Command:
    """How a driver is started. `env` is added to the suite's own environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


class InstallFailed(Exception):
    """A client could not be installed or built; the text is for the report."""


class Runtime(Protocol):
    """What each module of this package offers."""

    def missing(self) -> str | None:
        """What this machine lacks to run such clients, in words, or None."""

    def prepare(self, client: Client, version: Version, cache: Path) -> Command:
        """Install (once) and build; the command that starts the driver. Raises InstallFailed."""


def runtime_of(client: Client) -> Runtime:
    return cast("Runtime", importlib.import_module(f"{__name__}.{client.runtime}"))


def prepare(one: ClientVersion, cache: Path) -> Command:
    """Make one version ready. Raises InstallFailed."""
    return runtime_of(one.client).prepare(one.client, one.version, cache)


def run(argv: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a step of an installation to its end; what it printed. Raises InstallFailed with the end of that."""
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=INSTALL_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        raise InstallFailed(f"{' '.join(argv)} took more than {INSTALL_WITHIN_S} s") from slow
    if done.returncode:
        tail = done.stdout[-TAIL_CHARACTERS:]
        raise InstallFailed(f"{' '.join(argv)} ended with {done.returncode}:\n{tail}")
    return done.stdout


def fingerprint(sources: Iterable[Path], requires: Iterable[str]) -> str:
    """Changes when any of the files (or files below the folders) or requirements change."""
    digest = hashlib.sha256("\n".join(requires).encode())
    for source in sources:
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def is_ready(folder: Path, stamp: str) -> bool:
    """Whether `folder` was finished with this fingerprint; otherwise it is emptied."""
    mark = folder / ".ready"
    if mark.is_file() and mark.read_text() == stamp:
        return True
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return False


def set_ready(folder: Path, stamp: str) -> None:
    (folder / ".ready").write_text(stamp)
