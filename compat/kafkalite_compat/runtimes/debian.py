"""Programs of Debian: a release's package with all that it needs, unpacked into the cache and run by that release's own loader.

Nothing of the system is changed, and nothing of it is used: apt is given folders, a list of sources and
a record of what is installed (nothing) of its own. Where the packages come from, the system's sources say.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

from kafkalite_compat.catalogue import Client, Version
from kafkalite_compat.runtimes import Command, InstallFailed, fingerprint, is_ready, run, set_ready
from kafkalite_compat.runtimes.python import driver_command

KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
OS_RELEASE: Final = Path("/etc/os-release")
CONFIG: Final = """\
Dir "{folder}/";
Dir::Etc "{folder}/";
Dir::Etc::parts "/dev/null/";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null/";
Dir::State "{folder}/";
Dir::State::lists "{folder}/lists/";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/";
Dir::Log "{folder}/";
Debug::NoLocking "true";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
"""


def missing() -> str | None:
    """What this machine lacks to run such clients, in words, or None."""
    lacking = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if lacking:
        return f"{', '.join(lacking)} on PATH"
    if not KEYRING.is_file():
        return f"{KEYRING} (the package debian-archive-keyring)"
    return None if _site() else "a source of Debian's packages among apt's"


def prepare(client: Client, version: Version, cache: Path) -> Command:
    """Fetch and unpack (once); the command that starts the driver, which is in Python. Raises InstallFailed with the end of apt's output.

    `requires` are packages with their versions; the option `release` says of which release, `program` what is run.
    """
    folder = (cache / client.name / version.version).resolve()
    release, program = version.options["release"], version.options["program"]
    stamp = fingerprint([], [release, *version.requires])
    root = folder / "root"
    if not is_ready(folder, stamp):
        for package in _fetched(folder / "apt", release, version.requires):
            run(["dpkg-deb", "--extract", str(package), str(root)])
        shutil.rmtree(folder / "apt")
        set_ready(folder, stamp)
    program_of = {f"{client.name.upper()}_COMMAND": json.dumps(_started(root, program))}
    command = driver_command(client)
    return Command(command.argv, {**command.env, **program_of})


def _fetched(folder: Path, release: str, packages: tuple[str, ...]) -> list[Path]:
    """The packages and all that they depend on."""
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "archives" / "partial").mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_site()} {release} main\n")
    config = folder / "apt.conf"
    config.write_text(CONFIG.format(folder=folder))
    environment = {"APT_CONFIG": str(config), "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "--quiet", "update"], env=environment)
    download = ["apt-get", "--quiet", "--yes", "--download-only", "install", *packages]
    run(download, env=environment)
    return sorted((folder / "archives").glob("*.deb"))


def _started(root: Path, program: str) -> list[str]:
    """The program by the loader, and with the libraries, that were unpacked with it."""
    # Some are links to where the loader is on an installed system.
    found = sorted(root.glob("**/ld-linux*.so.*"))
    loaders = [one for one in found if one.resolve().is_relative_to(root)]
    libraries = {str(one.parent) for one in root.glob("**/lib*.so.*") if not one.is_dir()}
    if not loaders:
        raise InstallFailed(f"no loader was unpacked below {root}")
    return [str(loaders[0]), "--library-path", ":".join(sorted(libraries)), str(root / program)]


def _site() -> str | None:
    """Where apt has this system's own release from, if the system is Debian."""
    fields = dict(line.split("=", 1) for line in OS_RELEASE.read_text().splitlines() if "=" in line)
    system, release = (fields.get(name, "").strip('"') for name in ("ID", "VERSION_CODENAME"))
    if system != "debian":
        return None
    listing = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"]
    for line in run([*listing, "Created-By: Packages"]).splitlines():
        codename, component, site = line.split(" ", 2)
        if (codename, component) == (release, "main"):
            return site
    return None
