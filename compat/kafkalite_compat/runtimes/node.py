"""Clients of Node.js: npm installs, node runs the driver."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

from kafkalite_compat.catalogue import DRIVERS, Client, Version
from kafkalite_compat.runtimes import Command, fingerprint, is_ready, run, set_ready

SOURCES: Final = DRIVERS / "node"
NPM_INSTALL: Final = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock")


def missing() -> str | None:
    """What this machine lacks to run such clients, in words, or None."""
    lacking = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    return f"{' and '.join(lacking)} not found" if lacking else None


def prepare(client: Client, version: Version, cache: Path) -> Command:
    """Install (once) and build; the command that starts the driver. Raises InstallFailed.

    `requires` are npm's "name@version". A version that requires `node` itself is run by that one. The version's `build_env` is the
    environment of packages that npm has to build.

    The driver's sources are copied beside `node_modules`, since imports are resolved from where a source is; that is cheap, so
    they are no reason to install again.
    """
    folder = cache / client.name / version.version
    build_env = version.options.get("build_env", {})
    settings = [f"{name}={value}" for name, value in build_env.items()]
    stamp = fingerprint([], [*version.requires, *settings])
    if not is_ready(folder, stamp):
        (folder / "package.json").write_text(_package(version))
        run(NPM_INSTALL, cwd=folder, env=build_env)
        set_ready(folder, stamp)
    shutil.copytree(SOURCES, folder / "driver", dirs_exist_ok=True)
    own_node = folder / "node_modules" / ".bin" / "node"
    node = str(own_node) if own_node.exists() else "node"
    return Command((node, str(folder / "driver" / client.driver_path.name)))


def _package(version: Version) -> str:
    names_and_versions = (requirement.rpartition("@") for requirement in version.requires)
    dependencies = {name: pinned for name, _, pinned in names_and_versions}
    return json.dumps({"private": True, "dependencies": dependencies}, indent=1) + "\n"
