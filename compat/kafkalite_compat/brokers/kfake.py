"""kfake, franz-go's broker for tests: one that the suite was not written for, to see that it reports on any."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from kafkalite_compat.brokers import BrokerFailed
from kafkalite_compat.brokers.ports import free_port
from kafkalite_compat.brokers.process import BrokerProcess
from kafkalite_compat.runtimes import InstallFailed, fingerprint, go, is_ready, set_ready

MODULE: Final = "github.com/twmb/franz-go/pkg/kfake"
VERSION: Final = "v0.0.0-20260918054303-01f206a7e32c"
REQUIRES: Final = (f"{MODULE}@{VERSION}", "github.com/twmb/franz-go@v1.22.2")
"""It uses what is in franz-go since, and does not say so itself."""

_SOURCE: Final = Path(__file__).parent / "kfake_program" / "main.go"


class Kfake(BrokerProcess):
    """A kfake broker with its data in `directory / "kfake"`."""

    name = "kfake"
    version = VERSION.rpartition("-")[2]

    def __init__(self, directory: Path, cache: Path) -> None:
        port = free_port()
        argv = [str(program(cache)), "-port", str(port), "-data", str(directory / "kfake")]
        super().__init__(argv, port, directory / "kfake.log")


def program(cache: Path) -> Path:
    """The broker, built on first use. Raises BrokerFailed."""
    if lacking := go.missing():
        raise BrokerFailed(f"kfake cannot be built here: {lacking}")
    folder = cache / "kfake" / VERSION
    stamp = fingerprint([_SOURCE, Path(go.__file__)], REQUIRES)
    if not is_ready(folder, stamp):
        shutil.copy(_SOURCE, folder)
        try:
            go.build(folder, REQUIRES, "kfake")
        except InstallFailed as failed:
            raise BrokerFailed(str(failed)) from failed
        set_ready(folder, stamp)
    return folder / "kfake"
