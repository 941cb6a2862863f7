"""Clients on the JVM: Maven fetches the jars, javac compiles the driver against them.

A driver is a folder of Java sources below `drivers/java/`, with `Main` in the package
`kafkalite.compat`; `drivers/java/common/` is compiled with each. Folders in it named `since-V` and
`before-V` hold what differs between versions of the library: the same class, once for versions
from V on and once for those before it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kafkalite_compat.catalogue import Client, Version
from kafkalite_compat.runtimes import Command, fingerprint, is_ready, run, set_ready
from kafkalite_compat.runtimes.generations import belongs

OLDEST_JAVA: Final = 17
COMMON: Final = "common"
MAIN_CLASS: Final = "kafkalite.compat.Main"

QUICK_START: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""For processes that live for seconds: no optimising compiler, no threads for the heap."""

HEAP: Final = "-Xmx384m"
LOG_LEVEL: Final = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


def missing() -> str | None:
    """What this machine lacks to run such clients, in words, or None."""
    lacking = [program for program in ("java", "javac", "mvn") if shutil.which(program) is None]
    if lacking:
        return f"not on PATH: {', '.join(lacking)}"
    found = java_version()
    if found is None or found < OLDEST_JAVA:
        return f"Java {OLDEST_JAVA} or newer is needed, `java -version` says {found or 'nothing'}"
    return None


def java_version() -> int | None:
    """The major version of the `java` on PATH, e.g. 17."""
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    return int(version[1]) if version else None


def prepare(client: Client, version: Version, cache: Path) -> Command:
    """Fetch the jars, compile the driver. Raises InstallFailed."""
    common = client.driver_path.parent / COMMON
    folder = cache / client.name / version.version
    stamp = fingerprint([common, client.driver_path, Path(__file__)], version.requires)
    if not is_ready(folder, stamp):
        _fetch(version.requires, folder, cache)
        _compile([common, client.driver_path], version.version, folder)
        set_ready(folder, stamp)
    return Command(("java", HEAP, *QUICK_START, LOG_LEVEL, "-cp", _class_path(folder), MAIN_CLASS))


def sources(folders: list[Path], version: str) -> list[Path]:
    """The Java files of `folders` that belong to `version` of the library."""
    chosen = [path for folder in folders for path in folder.iterdir() if _belongs(path, version)]
    return sorted(
        file
        for path in chosen
        for file in (path.iterdir() if path.is_dir() else [path])
        if file.suffix == ".java"
    )


def _belongs(path: Path, version: str) -> bool:
    return not path.is_dir() or belongs(path, version)


def _class_path(folder: Path) -> str:
    return os.pathsep.join([str(folder / "classes"), str(folder / "libs" / "*")])


def _fetch(requires: tuple[str, ...], folder: Path, cache: Path) -> None:
    file = folder / "pom.xml"
    file.write_text(pom(requires))
    with _alone(cache / ".maven.lock"):
        run(
            (
                "mvn",
                "-B",
                "-q",
                "-Dstyle.color=never",
                "-f",
                str(file),
                "dependency:copy-dependencies",
                f"-DoutputDirectory={folder / 'libs'}",
            )
        )


def _compile(folders: list[Path], version: str, folder: Path) -> None:
    classes = folder / "classes"
    listed = folder / "sources"
    listed.write_text("".join(f'"{file}"\n' for file in sources(folders, version)))
    flags = ("-nowarn", "-proc:none", "-encoding", "UTF-8")
    run(("javac", *flags, "-cp", str(folder / "libs" / "*"), "-d", str(classes), f"@{listed}"))


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One Maven at a time: its local repository is not made for several at once."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def pom(requires: tuple[str, ...]) -> str:
    """A project that depends on what `requires` names (see `_dependency`)."""
    return _POM.format(dependencies="".join(map(_dependency, requires)))


def _dependency(line: str) -> str:
    """`group:artifact:version`, then what it is to do without: `!artifact` each."""
    coordinates, *without = line.split()
    group, artifact, version = coordinates.split(":")
    exclusions = "".join(_EXCLUSION.format(artifact=name.removeprefix("!")) for name in without)
    return _DEPENDENCY.format(
        group=group, artifact=artifact, version=version, exclusions=exclusions
    )


_POM: Final = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kafkalite-compat</groupId>
  <artifactId>driver</artifactId>
  <version>1</version>
  <dependencies>{dependencies}
  </dependencies>
</project>
"""

_DEPENDENCY: Final = """
    <dependency>
      <groupId>{group}</groupId>
      <artifactId>{artifact}</artifactId>
      <version>{version}</version>
      <exclusions>{exclusions}</exclusions>
    </dependency>"""

_EXCLUSION: Final = "<exclusion><groupId>*</groupId><artifactId>{artifact}</artifactId></exclusion>"
