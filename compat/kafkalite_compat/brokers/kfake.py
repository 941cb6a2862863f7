"""kfake, franz-go's broker for tests: one that the suite was not written for, to see that it reports on any."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType
from typing import Final

from kafkalite_compat.brokers import BrokerFailed, BrokerProcess, two_free_ports
from kafkalite_compat.runtimes import InstallFailed, fingerprint, go, is_ready, set_ready

MODULE: Final = "github.com/twmb/franz-go/pkg/kfake"
VERSION: Final = "v0.0.0-20260918054303-01f206a7e32c"
REQUIRES: Final = (f"{MODULE}@{VERSION}", "github.com/twmb/franz-go@v1.22.2")
"""It uses what is in franz-go since, and does not say so itself."""

_SOURCE: Final = Path(__file__).parent / "kfake_program" / "main.go"


class Kfake:
    """A kfake broker with its data in `directory / "kfake"`; leaving the context stops it."""

    name = "kfake"
    version = VERSION.rpartition("-")[2]

    def __init__(self, directory: Path, cache: Path) -> None:
        port = two_free_ports()
        self.bootstrap = f"127.0.0.1:{port}"
        argv = [str(program(cache)), "-port", str(port), "-data", str(directory / "kfake")]
        self._process = BrokerProcess(argv, port, directory / "kfake.log")

    def __enter__(self) -> Kfake:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def restart(self, *, kill: bool) -> None:
        self._process.restart(kill=kill)

    def close(self) -> None:
        self._process.stop()


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
