"""The faults, and kafkalite with one of them in it."""

from __future__ import annotations

import shlex
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_SOURCES: Final = ("kafkalite", "protocol")


@dataclass(frozen=True)
class Fault:
    """In `file`, `old` (which stands there once) becomes `new`.

    `caught_by` is the scenario that is known to catch it, or "differential" and the group of scripts that does; empty: not known.
    """

    name: str
    file: str
    old: str
    new: str
    caught_by: str = ""


def load_faults() -> list[Fault]:
    table = tomllib.loads(Path(__file__).with_name("faults.toml").read_text())
    return [Fault(**fault) for fault in table["faults"]]


def kafkalite_with(fault: Fault | None, folder: Path) -> str:
    """A copy of kafkalite in `folder`, with the fault in it; the command that runs it.

    Raises ValueError if the place is not to be found, or found twice: then the code has changed, and the fault has to as well.
    """
    for name in _SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    if fault is not None:
        path = folder / fault.file
        text = path.read_text()
        if (count := text.count(fault.old)) != 1:
            raise ValueError(f"{fault.name}: found {count} times in {fault.file}:\n{fault.old}")
        path.write_text(text.replace(fault.old, fault.new))
    python_path = f"PYTHONPATH={folder}:{folder / 'protocol'}"
    # -P: not the kafkalite of the folder we are in.
    return shlex.join(["env", python_path, sys.executable, "-P", "-m", "kafkalite"])
