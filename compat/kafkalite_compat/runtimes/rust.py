"""Rust clients: a Cargo project per version, written into the cache, that compiles the client's driver against it.

One target folder serves all of them, so that what two versions have in common is compiled once.
The package's version is the client's: that is how a driver knows it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from kafkalite_compat.catalogue import DRIVERS, Client, Version
from kafkalite_compat.runtimes import Command, fingerprint, is_ready, run, set_ready

SERVING: Final = DRIVERS / "rust" / "serving"
TARGET_FOLDER: Final = ".cargo-target"
UNOPTIMIZED_C: Final = {"CFLAGS": "-O0 -g0", "CXXFLAGS": "-O0 -g0"}
"""librdkafka and zstd are C: without optimization they take half the time to compile."""

MANIFEST: Final = """\
[package]
name = "{package}"
version = "{version}"
edition = "2021"
publish = false

[[bin]]
name = "{package}"
path = {main}

[dependencies]
serde_json = "1"
serving = {{ path = {serving} }}
{requires}

[features]
default = [{default}]
{features}

# As quick to compile as can be; what the language checks at run time is what it checks in a release.
[profile.dev]
debug = 0
incremental = false
debug-assertions = false
overflow-checks = false

[lints.rust]
unexpected_cfgs = "allow"
"""


def missing() -> str | None:
    """What this machine lacks to run such clients, in words, or None."""
    lacking = [tool for tool in ("cargo", "cc", "c++", "make") if shutil.which(tool) is None]
    return f"{', '.join(lacking)} on PATH" if lacking else None


def prepare(client: Client, version: Version, cache: Path) -> Command:
    """Compile (once); the command that starts the driver. Raises InstallFailed with the end of cargo's output."""
    folder = (cache / client.name / version.version).resolve()
    manifest = _manifest(client, version)
    driver = folder / "driver"
    stamp = fingerprint([client.driver_path, SERVING], [manifest])
    if not is_ready(folder, stamp):
        target = cache.resolve() / TARGET_FOLDER
        (folder / "Cargo.toml").write_text(manifest)
        run(
            ["cargo", "build", "--quiet"],
            folder,
            {"CARGO_TARGET_DIR": str(target), **UNOPTIMIZED_C},
        )
        shutil.copy2(target / "debug" / _package(client, version), driver)
        set_ready(folder, stamp)
    return Command((str(driver),))


def _package(client: Client, version: Version) -> str:
    return f"{client.name}-driver-{version.version.replace('.', '-')}"


def _manifest(client: Client, version: Version) -> str:
    """`requires` are Cargo's own lines; `features` are those that the driver is compiled with."""
    features = version.options.get("features", [])
    return MANIFEST.format(
        package=_package(client, version),
        version=version.version,
        main=_quoted(str(client.driver_path / "main.rs")),
        serving=_quoted(str(SERVING)),
        requires="\n".join(version.requires),
        default=", ".join(map(_quoted, features)),
        features="\n".join(f"{feature} = []" for feature in features),
    )


def _quoted(text: str) -> str:
    """A TOML literal string: paths may have backslashes."""
    return f"'{text}'"
