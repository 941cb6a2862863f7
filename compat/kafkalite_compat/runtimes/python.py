"""Python clients: `pip install --target` into a folder of the version's own, run by the suite's interpreter.

No virtual environment per version: PYTHONPATH puts the folder before everything else that the
interpreter has. The drivers are not copied, so only the requirements make a version stale. They
are modules of the package `python` below `drivers/`, and know nothing of the suite.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from kafkalite_compat.catalogue import DRIVERS, Client, Version
from kafkalite_compat.runtimes import Command, fingerprint, is_ready, run, set_ready


def missing() -> str | None:
    """What this machine lacks to run such clients, in words, or None."""
    return None if importlib.util.find_spec("pip") else "Python's pip"


def prepare(client: Client, version: Version, cache: Path) -> Command:
    """Install (once); the command that starts the driver. Raises InstallFailed with the end of pip's output."""
    folder = cache / client.name / version.version
    stamp = fingerprint([], [str(sys.implementation.cache_tag), *version.requires])
    if not is_ready(folder, stamp):
        run(_installation(folder, version))
        set_ready(folder, stamp)
    return driver_command(client, folder.resolve())


def driver_command(client: Client, *libraries: Path) -> Command:
    """What runs a driver that is in Python, with libraries from these folders."""
    module = ".".join(Path(client.driver).with_suffix("").parts)
    argv = (sys.executable, "-P", "-m", module)  # -P: nothing of the folder it is started in
    return Command(argv, {"PYTHONPATH": os.pathsep.join(map(str, (*libraries, DRIVERS)))})


def _installation(folder: Path, version: Version) -> list[str]:
    """Wheels only, for nothing here is worth a compiler; `source` names what comes as pure source."""
    sources = version.options.get("source", [])
    return [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--only-binary", ":all:"),
        *(argument for name in sources for argument in ("--no-binary", name)),
        *("--target", str(folder)),
        *version.requires,
    ]
