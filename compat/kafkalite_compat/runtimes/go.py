"""Clients in Go: the go command fetches the module and builds the driver against it.

A driver is a folder of Go sources (package main) below `drivers/go/`; it imports `compat/serving`, which
is `drivers/go/serving`. Folders in it named `since-V` and `before-V` hold what differs between versions of
the library: the same functions, once for versions from V on and once for those before it.

    cache/franz-go/1.22.2/go.mod        written by `go get` of the version's `requires`
                          main.go ...   copied
                          since-1.22/*  copied beside them
                          serving/
                          driver        what is run
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kafkalite_compat.catalogue import Client, Version
from kafkalite_compat.runtimes import Command, InstallFailed, fingerprint, is_ready, run, set_ready
from kafkalite_compat.runtimes.generations import belongs

OLDEST_GO: Final = (1, 26)
"""What the newest versions of the clients ask for; an older go would fetch itself a newer one."""

MODULE: Final = "compat"
SHARED: Final = "serving"
NEEDS_C: Final = "cgo"
"""The option of a version whose library is C inside."""

_ENVIRONMENT: Final = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def missing() -> str | None:
    """What this machine lacks to run such clients, in words, or None."""
    if shutil.which("go") is None:
        return "not on PATH: go"
    found = go_version()
    if found is None or found < OLDEST_GO:
        needed = ".".join(map(str, OLDEST_GO))
        return f"Go {needed} or newer is needed, `go env GOVERSION` says {found or 'nothing'}"
    return None


def go_version() -> tuple[int, ...] | None:
    """The version of the `go` on PATH, e.g. (1, 26)."""
    told = subprocess.run(
        ["go", "env", "GOVERSION"], capture_output=True, text=True, check=False
    ).stdout
    version = re.match(r"go(\d+)\.(\d+)", told)
    return (int(version[1]), int(version[2])) if version else None


def prepare(client: Client, version: Version, cache: Path) -> Command:
    """Fetch the modules, build the driver. Raises InstallFailed."""
    shared = client.driver_path.parent / SHARED
    folder = cache / client.name / version.version
    stamp = fingerprint([shared, client.driver_path, Path(__file__)], version.requires)
    if not is_ready(folder, stamp):
        if version.options.get(NEEDS_C) and shutil.which("gcc") is None:
            raise InstallFailed("the client is built with a C compiler: not on PATH: gcc")
        shutil.copytree(shared, folder / SHARED)
        for source in sources(client.driver_path, version.version):
            shutil.copy(source, folder)
        build(folder, version.requires)
        set_ready(folder, stamp)
    return Command((str(folder / "driver"),))


def build(folder: Path, requires: Sequence[str], program: str = "driver") -> None:
    """Make a module of the Go sources in `folder`, with these modules, and a program of that. Raises InstallFailed."""
    (folder / "go.mod").write_text(f"module {MODULE}\n")
    run(("go", "get", *requires), cwd=folder, env=_ENVIRONMENT)
    run(("go", "build", "-o", program, "."), cwd=folder, env=_ENVIRONMENT)


def sources(folder: Path, version: str) -> list[Path]:
    """The Go files of a driver that belong to `version` of the library."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".go":
            found.append(path)
        elif path.is_dir() and belongs(path, version):
            found += sorted(path.glob("*.go"))
    return found
